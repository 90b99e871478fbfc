"""Takes: the pieces of a session, and what a page shows of them."""

from dataclasses import dataclass, field
from typing import Any

from seqforge.studio.models import Entry
from seqforge.studio.pool import Job
from seqforge.studio.recipes import Recipe

__all__ = ["Take"]


@dataclass(eq=False)
class Take:
    """One piece of a session: a generated one with its recipe, or a file that a person brought.

    Attributes:
        id: Its id: "t" and a number.
        entry: The model.
        recipe: What it follows from; None for a file.
        upload: The id of the file; "" for a generated piece.
        place: The number of the piece in the file.
        name: The name that the page shows.
        state: "queued", "running", "done", "failed" or "stopped".
        view: What the worker says of it: regions, text, scores and whether there is a picture and sound.
        liked: Whether the person keeps it.
        batch: The id of the first of the takes that were requested together.
        expected: The digest that the session file names; "" for none.
        growth: What the take consists of so far while it is drawn: steps, and text or svg.
        revision: The number of changes of the session when the take was published last; a page ignores older ones.
    """

    id: str
    entry: Entry
    recipe: Recipe | None = None
    upload: str = ""
    place: int = 0
    name: str = ""
    state: str = "queued"
    view: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)
    liked: bool = False
    batch: str = ""
    position: int = 0
    expected: str = ""
    revision: int = 0
    job: Job | None = None
    growth: dict[str, Any] = field(default_factory=dict)

    @property
    def file_name(self) -> str:
        """The name of its file without the suffix; it is the same in every session in which the take is the same."""
        return f"take-{(self.view.get('digest') or self.expected or self.id)[:8]}"

    def to_json(self) -> dict[str, Any]:
        """Return what a page needs to know."""
        edit = self.recipe.edit if self.recipe else None
        digest = self.view.get("digest", "")
        return {
            "id": self.id,
            "model": self.entry.name,
            "plugin": self.entry.plugin,
            "name": self.name,
            "state": self.state,
            "revision": self.revision,
            "position": self.position,
            "liked": self.liked,
            "batch": self.batch or self.id,
            "parent": edit.parent if edit else "",
            "recipe": self.recipe.to_json() if self.recipe else None,
            "error": self.error,
            "growth": self.growth,
            "exact": None if not self.expected or not digest else digest == self.expected,
            **{name: value for name, value in self.view.items() if name not in ("fields", "resolved")},
        }
