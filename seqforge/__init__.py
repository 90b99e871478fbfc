"""seqforge teaches an LSTM any sequence that a plugin can read, and hands back files the domain's programs open.

    import seqforge

    model = seqforge.train("text", corpus="tinyshakespeare", minutes=10)
    model = seqforge.load("runs/text/0001/model.safetensors")
    print(model.generate(prompt="ROMEO:", length=500)[0].content)

Plugin authors find the contract in `seqforge.plugin`. Importing seqforge imports neither torch nor a plugin.
"""

from typing import TYPE_CHECKING, Any

from seqforge.errors import (
    ContractError,
    CorpusError,
    DamagedFileError,
    DecodeError,
    OptionsError,
    PluginError,
    ReadError,
    RequestError,
    RunError,
    SeqforgeError,
    UsageError,
    WriteError,
    did_you_mean,
    listing,
)
from seqforge.plugin import (
    RESERVED,
    Augments,
    Codec,
    Describes,
    Divides,
    Fingerprints,
    Illustrates,
    Judges,
    NoOptions,
    NoRequest,
    Origin,
    Piece,
    Plugin,
    Streams,
    flag,
)
from seqforge.sequences import Constraint, Example, Free, Prompt
from seqforge.spaces import Categorical, Mixture, Space
from seqforge.tokens import UNSEEN, TokenCodec
from seqforge.version import __version__

if TYPE_CHECKING:
    from seqforge.forge import Model, load, train

__all__ = [
    "RESERVED",
    "UNSEEN",
    "Augments",
    "Categorical",
    "Codec",
    "Constraint",
    "ContractError",
    "CorpusError",
    "DamagedFileError",
    "DecodeError",
    "Describes",
    "Divides",
    "Example",
    "Fingerprints",
    "Free",
    "Illustrates",
    "Judges",
    "Mixture",
    "Model",
    "NoOptions",
    "NoRequest",
    "OptionsError",
    "Origin",
    "Piece",
    "Plugin",
    "PluginError",
    "Prompt",
    "ReadError",
    "RequestError",
    "RunError",
    "SeqforgeError",
    "Space",
    "Streams",
    "TokenCodec",
    "UsageError",
    "WriteError",
    "__version__",
    "did_you_mean",
    "flag",
    "listing",
    "load",
    "train",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    if name in ("Model", "load", "train"):
        from seqforge import forge

        return getattr(forge, name)
    raise AttributeError(f"module 'seqforge' has no attribute {name!r}")
