"""A session: the takes of a person, the files that they brought, and the file from which all of it opens again."""

import asyncio
import base64
import binascii
import contextlib
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqforge.errors import RequestError
from seqforge.plugin import registry
from seqforge.studio.events import Broker
from seqforge.studio.models import Catalogue
from seqforge.studio.pool import BusyError, Pool
from seqforge.studio.recipes import Recipe, command_line
from seqforge.studio.takes import Take

__all__ = ["FORMAT", "MAX_SESSION", "Session", "safe_name"]

FORMAT = "seqforge session 1"
MAX_SESSION = 16_000_000
"""The largest session file, in bytes."""
MAX_TAKES = 400
MAX_FILES = 100
MAX_UPLOAD = 8_000_000
"""The largest file of a person, in bytes."""
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}$")


class Session:
    """The takes and files of one server.

    Args:
        folder: An empty folder, in which everything is written.
        catalogue: The models.
        pool: The workers.
        broker: Receives an event for each change.

    Attributes:
        changed: Set when a take is added, changed or removed.
    """

    def __init__(self, folder: Path, catalogue: Catalogue, pool: Pool, broker: Broker) -> None:
        self.folder, self.catalogue, self.pool, self.broker = folder, catalogue, pool, broker
        self.takes: dict[str, Take] = {}
        self.files: dict[str, tuple[str, Path]] = {}
        self._number = self._revision = 0
        self.name = secrets.token_hex(8)
        self.changed = asyncio.Event()
        (folder / "files").mkdir(exist_ok=True)
        (folder / "edits").mkdir(exist_ok=True)

    def new_id(self, letter: str) -> str:
        """Return an id that is not in use."""
        self._number += 1
        return f"{letter}{self._number}"

    def take(self, name: str) -> Take:
        """Return a take by its id.

        Raises:
            RequestError: If there is none.
        """
        if name not in self.takes:
            raise RequestError(f"there is no take {name[:20]!r} in this session", field="take")
        return self.takes[name]

    def add(self, recipe: Recipe, *, name: str = "", expected: str = "", batch: str = "") -> Take:
        """Queue a new take.

        Raises:
            RequestError: If the model, the parent or a file is unknown, or the session is full.
            BusyError: If too many jobs wait.
        """
        self._check_room(1)
        entry = self.catalogue.find(recipe.model)
        take = Take(self.new_id("t"), entry, recipe, name=name, expected=expected, batch=batch)
        values = self.job_values(take)
        self.takes[take.id] = take
        try:
            take.job = self.pool.submit(entry.path, "take", values, lambda _, *event: self._on_event(take, *event))
        except Exception:
            del self.takes[take.id]
            raise
        self.publish(take)
        return take

    def job_values(self, take: Take, depth: int = 0) -> dict[str, Any]:
        """Return what a worker needs to make a take, its parents included."""
        if take.upload:
            name, path = self.files[take.upload]
            return {"id": take.id, "upload": str(path), "name": name, "place": take.place}
        recipe = take.recipe
        assert recipe is not None
        if depth > 60:
            raise RequestError("the take has more than 60 ancestors; save it as a file and open that", field="edit")
        plain = {name: value for name, value in recipe.request.items() if not isinstance(value, dict)}
        files = {
            name: str(self._file(value["file"])) for name, value in recipe.request.items() if isinstance(value, dict)
        }
        values = {**recipe.to_json(), "id": take.id, "request": plain, "files": files, "edit": None}
        if recipe.edit is not None:
            parent = self.take(recipe.edit.parent)
            if parent.entry.plugin != take.entry.plugin:
                raise RequestError("a take follows from a take of the same plugin", field="edit")
            values["edit"] = {
                "kind": recipe.edit.kind,
                "numbers": list(recipe.edit.numbers),
                "folder": str(self.folder / "edits"),
                "name": parent.file_name,
                "source": self.job_values(parent, depth + 1),
            }
        return values

    def add_file(self, name: str, data: bytes) -> str:
        """Write a file of a person into the session folder, under a name that the server chooses.

        Raises:
            RequestError: If it is too large, or there are too many.
        """
        if len(data) > MAX_UPLOAD:
            raise RequestError(f"the file has {len(data):,} bytes; at most {MAX_UPLOAD:,} are allowed", field="file")
        if len(self.files) >= MAX_FILES:
            raise RequestError(f"the session has {MAX_FILES} files already; start a new one", field="file")
        number = self.new_id("f")
        suffix = _SUFFIX.search(name)
        path = self.folder / "files" / f"{number}{suffix[0].lower() if suffix else ''}"
        path.write_bytes(data)
        self.files[number] = (safe_name(name), path)
        return number

    async def open_file(self, upload: str, model: str) -> list[Take]:
        """Read a file of a person; its pieces become takes.

        Raises:
            RequestError: If the model is unknown or the session is full.
            JobError: If nothing in it can be read.
        """
        entry = self.catalogue.find(model)
        name, path = self.files[upload]
        self._check_room(1)
        ids = [self.new_id("t") for _ in range(12)]
        values = {"path": str(path), "name": name, "ids": ids}
        try:
            result = await self.pool.call(entry.path, "open", values)
        except Exception:
            self._remove_unused(upload)
            raise
        takes = []
        for place, (number, view) in enumerate(zip(ids, result["takes"], strict=False)):
            title = f"{name}, {view['place']}" if len(result["takes"]) > 1 and view["place"] else name
            take = Take(number, entry, upload=upload, place=place, name=title, state="done", view=view)
            take.view["skipped"] = result["skipped"]
            take.batch = ids[0]
            self.takes[number] = take
            self.publish(take)
            takes.append(take)
        return takes

    def remove(self, take: Take) -> None:
        """Remove a take that no other take follows from.

        Raises:
            RequestError: If one does.
        """
        if any(
            other.recipe and other.recipe.edit and other.recipe.edit.parent == take.id for other in self.takes.values()
        ):
            raise RequestError("other takes follow from this one; remove them first", field="take")
        self.stop(take)
        del self.takes[take.id]
        for suffix in ("picture", "sound"):
            with contextlib.suppress(OSError):
                (self.folder / f"{take.id}.{suffix}").unlink()
        self._remove_unused(take.upload)
        self.broker.publish("removed", {"id": take.id})
        self.changed.set()

    def _remove_unused(self, upload: str) -> None:
        """Remove a file that no take shows."""
        if upload in self.files and not any(take.upload == upload for take in self.takes.values()):
            self.files.pop(upload)[1].unlink(missing_ok=True)

    def stop(self, take: Take) -> None:
        """Stop a take that is queued or running."""
        if take.job is not None and take.state in ("queued", "running"):
            self.pool.cancel(take.job)
            take.state, take.growth = "stopped", {}
            self.publish(take)

    def command(self, take: Take) -> str:
        """Return the command line that makes the file of a take; "" for a file that a person brought."""
        if take.recipe is None:
            return ""
        plugin = registry.load(take.entry.plugin)
        fields = {**take.view.get("fields", take.recipe.request), **take.view.get("resolved", {})}
        fields = {
            name: self.files[value["file"]][0] if isinstance(value, dict) else self._with_file_names(value)
            for name, value in fields.items()
        }
        return command_line(take.recipe, fields, f"{take.file_name}{plugin.writes[0]}")

    def to_json(self) -> dict[str, Any]:
        """Return the session file: recipes, and the files that they need."""
        takes = []
        for take in self.takes.values():
            entry: dict[str, Any] = {"id": take.id, "name": take.name, "liked": take.liked}
            entry["digest"] = take.view.get("digest", "") or take.expected
            if take.recipe is not None:
                takes.append({**entry, "recipe": take.recipe.to_json()})
            else:
                takes.append({**entry, "model": take.entry.name, "file": take.upload, "place": take.place})
        files = {
            number: {"name": name, "data": base64.b64encode(path.read_bytes()).decode("ascii")}
            for number, (name, path) in self.files.items()
        }
        return {"format": FORMAT, "takes": takes, "files": files}

    async def open_session(self, content: Any) -> list[Take]:
        """Add the takes of a session file; generated ones are generated again, and compared with their digests.

        Raises:
            RequestError: If it is no session file.
        """
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise RequestError(f"this is no session file: its format is not {FORMAT!r}", field="file")
        entries, files = content.get("takes"), content.get("files")
        if (
            not isinstance(entries, list)
            or not isinstance(files, dict)
            or not all(isinstance(e, dict) for e in entries)
        ):
            raise RequestError("the session file is damaged: it lacks its takes or files", field="file")
        self._check_room(len(entries))
        uploads = {number: self._restore_file(value) for number, value in files.items()}
        opened: dict[str, dict[str, list[Take]]] = {}
        ids: dict[str, str] = {}
        takes: list[Take] = []
        for entry in entries:
            number, liked = str(entry.get("id", ""))[:20], entry.get("liked") is True
            if "recipe" in entry:
                recipe = Recipe.parse(_renamed(entry["recipe"], ids, uploads))
                name, digest = str(entry.get("name", ""))[:200], str(entry.get("digest", ""))
                take = await self._add_when_free(recipe, name=name, expected=digest)
            else:
                model, upload = str(entry.get("model")), str(entry.get("file"))
                place = entry.get("place")
                if upload not in uploads or not isinstance(place, int):
                    raise RequestError("the session file is damaged: it lacks a file", field="file")
                if upload not in opened.setdefault(model, {}):
                    opened[model][upload] = await self.open_file(uploads[upload], model)
                if not 0 <= place < len(opened[model][upload]):
                    raise RequestError("the session file is damaged: a file lacks a piece", field="file")
                take = opened[model][upload][place]
            take.liked = liked
            self.publish(take)
            ids[number] = take.id
            takes.append(take)
            await asyncio.sleep(0)
        return takes

    async def _add_when_free(self, recipe: Recipe, *, name: str, expected: str) -> Take:
        """Queue a take; wait if too many jobs are in the queue."""
        while True:
            try:
                return self.add(recipe, name=name, expected=expected)
            except BusyError:
                jobs = [take.job for take in self.takes.values() if take.job and not take.job.finished.is_set()]
                if not jobs:
                    raise
                await jobs[0].finished.wait()

    def _restore_file(self, value: Any) -> str:
        try:
            return self.add_file(str(value["name"])[:200], base64.b64decode(value["data"], validate=True))
        except (KeyError, TypeError, binascii.Error) as error:
            raise RequestError("the session file is damaged: a file in it cannot be read", field="file") from error

    def _file(self, number: str) -> Path:
        if number not in self.files:
            raise RequestError(f"there is no file {number[:20]!r} in this session", field="file")
        return self.files[number][1]

    def _with_file_names(self, value: Any) -> Any:
        """Return a value of a request with the names that a person knows in place of those of the session folder."""
        if not isinstance(value, str):
            return value
        for number, (name, path) in self.files.items():
            if value == path.name:
                return name or number
        return value

    def _check_room(self, count: int) -> None:
        if len(self.takes) + count > MAX_TAKES:
            raise RequestError(f"a session has at most {MAX_TAKES} takes; save it and start a new one", field="take")

    def _on_event(self, take: Take, event: str, values: Any) -> None:
        if take.id not in self.takes:
            return
        if event == "grown":
            if take.state == "running":
                take.growth = values
                self.broker.publish("grown", {"id": take.id, **values})
            return
        if event == "queued":
            take.position = values["position"]
        elif take.state != "stopped":
            take.position, take.growth = 0, {}
            take.state = {"started": "running", "done": "done", "failed": "failed"}[event]
            if event == "done":
                take.view = values
            elif event == "failed":
                take.error = values
        self.publish(take)

    def publish(self, take: Take) -> None:
        """Send a take to all pages."""
        self._revision += 1
        take.revision = self._revision
        self.broker.publish("take", take.to_json())
        self.changed.set()


def safe_name(name: str) -> str:
    """Return a file name without folders and special characters.

    >>> safe_name("../etc/My tune (2).abc")
    'My_tune_2.abc'
    """
    last = name.replace("\\", "/").rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "_", last).strip("._-").replace("_.", ".")[:80] or "file"


def _renamed(recipe: Any, ids: Mapping[str, str], uploads: Mapping[str, str]) -> Any:
    """Return the recipe of a session file with the ids of this session."""
    if not isinstance(recipe, dict):
        return recipe
    recipe = dict(recipe)
    edit, request = recipe.get("edit"), recipe.get("request")
    if isinstance(edit, dict):
        recipe["edit"] = {**edit, "parent": ids.get(str(edit.get("parent")), "")}
    if isinstance(request, dict):
        recipe["request"] = {
            name: {"file": uploads.get(str(value.get("file")), "")} if isinstance(value, dict) else value
            for name, value in request.items()
        }
    return recipe
