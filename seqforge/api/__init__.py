"""The verbs: train, load, generate, evaluate. The only room where plugins and the network meet.

People who write Python and the command line both come in through here. `settings` and `runs` are light;
the rest imports torch, and only when it is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqforge.api.model_paths import choose, locate
    from seqforge.api.generated import Generated
    from seqforge.api.model import Model, load
    from seqforge.api.run_writer import SampleWritten
    from seqforge.api.train import RunStarted, train
    from seqforge.api.text import text_of

__all__ = ["Generated", "Model", "SampleWritten", "RunStarted", "choose", "load", "locate", "text_of", "train"]

PLACES = {
    "Generated": "generated",
    "Model": "model",
    "choose": "finding",
    "load": "model",
    "locate": "finding",
    "text_of": "text",
    "SampleWritten": "record",
    "RunStarted": "session",
    "train": "session",
}


def __getattr__(name: str) -> Any:
    """Import the module of a name when it is asked for."""
    if name in PLACES:
        return getattr(import_module(f"seqforge.api.{PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
