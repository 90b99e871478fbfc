"""seqforge trains recurrent networks on any sequence that a plugin can read, and generates files of that domain.

    import seqforge

    model = seqforge.train("text", corpus="tinyshakespeare", minutes=10)
    model = seqforge.load("runs/text/0001/model.safetensors")
    print(model.generate(prompt="ROMEO:", length=500)[0].content)

Plugin authors find the contract in `seqforge.plugin`. `import seqforge` imports neither torch nor a plugin.
"""

import seqforge._interruption  # noqa: F401 - first, because the other imports take time

# isort: split
from typing import TYPE_CHECKING

from seqforge._lazy import lazy_attributes
from seqforge.core.files import input_file, prompt_text
from seqforge.core.options import RESERVED, NoOptions, NoRequest, flag
from seqforge.core.places import Places
from seqforge.core.repeat_places import RepeatPlaces
from seqforge.core.sequences import Constraint, Example, Free, Prompt
from seqforge.core.spaces import Categorical, Mixture, Space
from seqforge.core.state_numbers import StateNumbers
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
    UNSEEN,
    Aligns,
    Augments,
    CarriesProvenance,
    Checks,
    Classifies,
    Codec,
    Describes,
    Divides,
    Edits,
    FeatureScales,
    FileSelection,
    Fingerprints,
    FromText,
    Illustrates,
    JoinedTask,
    LabelValues,
    LaysOut,
    Loops,
    Origin,
    Paginates,
    PairCodec,
    Piece,
    Plugin,
    Predicts,
    Prepares,
    Preview,
    Previews,
    Region,
    Streams,
    Task,
    TokenCodec,
)
from seqforge.version import __version__

if TYPE_CHECKING:
    from seqforge.api.display import display
    from seqforge.api.model import Model
    from seqforge.api.model_loading import load
    from seqforge.api.prepare_corpus import prepare
    from seqforge.api.runs import Run
    from seqforge.api.train import train
    from seqforge.constraints import (
        Automaton,
        Brackets,
        Count,
        Expression,
        FilledBars,
        Prefixes,
        Product,
        TableConstraint,
        Total,
    )
    from seqforge.plugin.child_process import ChildError, ChildProcess

__all__ = [
    "RESERVED",
    "UNSEEN",
    "Aligns",
    "Augments",
    "Automaton",
    "Brackets",
    "CarriesProvenance",
    "Categorical",
    "Checks",
    "ChildError",
    "ChildProcess",
    "Classifies",
    "Codec",
    "Constraint",
    "ContractError",
    "CorpusError",
    "Count",
    "DamagedFileError",
    "DecodeError",
    "Describes",
    "Divides",
    "Edits",
    "Example",
    "Expression",
    "FeatureScales",
    "FileSelection",
    "FilledBars",
    "Fingerprints",
    "Free",
    "FromText",
    "Illustrates",
    "JoinedTask",
    "LabelValues",
    "LaysOut",
    "Loops",
    "Mixture",
    "Model",
    "NoOptions",
    "NoRequest",
    "OptionsError",
    "Origin",
    "Paginates",
    "PairCodec",
    "Piece",
    "Places",
    "Plugin",
    "PluginError",
    "Predicts",
    "Prefixes",
    "Prepares",
    "Preview",
    "Previews",
    "Product",
    "Prompt",
    "ReadError",
    "Region",
    "RepeatPlaces",
    "RequestError",
    "Run",
    "RunError",
    "SeqforgeError",
    "Space",
    "StateNumbers",
    "Streams",
    "TableConstraint",
    "Task",
    "TokenCodec",
    "Total",
    "UsageError",
    "WriteError",
    "__version__",
    "did_you_mean",
    "display",
    "flag",
    "input_file",
    "listing",
    "load",
    "prepare",
    "prompt_text",
    "train",
]

__getattr__ = lazy_attributes(
    __name__,
    {
        "ChildError": "seqforge.plugin.child_process",
        "ChildProcess": "seqforge.plugin.child_process",
        **dict.fromkeys(
            (
                "Automaton",
                "Brackets",
                "Count",
                "Expression",
                "FilledBars",
                "Prefixes",
                "Product",
                "TableConstraint",
                "Total",
            ),
            "seqforge.constraints",
        ),
        "Model": "seqforge.api.model",
        "Run": "seqforge.api.runs",
        "display": "seqforge.api.display",
        "load": "seqforge.api.model_loading",
        "prepare": "seqforge.api.prepare_corpus",
        "train": "seqforge.api.train",
    },
)
