"""The verbs: train, load, generate, evaluate. The only room where plugins and the network meet.

People who write Python and the command line both come in through here. `settings` and `runs` are light;
the rest imports torch, and only when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqforge.forge.finding import choose, locate
    from seqforge.forge.generated import Generated
    from seqforge.forge.model import Model, load
    from seqforge.forge.record import Sampled
    from seqforge.forge.session import Started, train
    from seqforge.forge.text import text_of

__all__ = ["Generated", "Model", "Sampled", "Started", "choose", "load", "locate", "text_of", "train"]

PLACES = {
    "Generated": "generated",
    "Model": "model",
    "choose": "finding",
    "load": "model",
    "locate": "finding",
    "text_of": "text",
    "Sampled": "record",
    "Started": "session",
    "train": "session",
}


def __getattr__(name: str) -> Any:
    """Import the module of a name when it is asked for."""
    if name in PLACES:
        return getattr(import_module(f"seqforge.forge.{PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
