"""The contract between the core and a plugin. A plugin author imports these names from `seqforge`.

A plugin is a class that is announced in the entry-point group `seqforge.plugins`:

    [project.entry-points."seqforge.plugins"]
    chess = "seqforge_chess:Chess"

It reads files into pieces and writes pieces to files (`plugin`). Its codec is fitted on a corpus, maps pieces to steps
and back, and turns requests into tasks (`codec`). Most codecs subclass `TokenCodec` (`tokens`). Optional abilities are
capabilities (`capabilities`). What a plugin returns is checked in `validation`; `seqforge.testing` runs the same code.
"""

from seqforge.core.options import RESERVED, NoOptions, NoRequest, flag
from seqforge.plugin.capabilities import (
    Aligns,
    Augments,
    CarriesProvenance,
    Checks,
    Describes,
    Divides,
    Edits,
    Fingerprints,
    FromText,
    Illustrates,
    LaysOut,
    Loops,
    Paginates,
    Prepares,
    Previews,
    Streams,
)
from seqforge.plugin.codec import AnyCodec, Codec, Task
from seqforge.plugin.entry_points import GROUP, Entry, installed
from seqforge.plugin.file_selection import FileSelection
from seqforge.plugin.first_steps import Classifies
from seqforge.plugin.helpers import FeatureScales, JoinedTask, LabelValues
from seqforge.plugin.pairs import PairCodec
from seqforge.plugin.piece import Origin, Piece
from seqforge.plugin.plugin import API, AnyPlugin, Plugin
from seqforge.plugin.prediction import Predicts
from seqforge.plugin.preview import Preview, Region
from seqforge.plugin.tokens import UNSEEN, TokenCodec

__all__ = [
    "API",
    "GROUP",
    "RESERVED",
    "UNSEEN",
    "Aligns",
    "AnyCodec",
    "AnyPlugin",
    "Augments",
    "CarriesProvenance",
    "Checks",
    "Classifies",
    "Codec",
    "Describes",
    "Divides",
    "Edits",
    "Entry",
    "FeatureScales",
    "FileSelection",
    "Fingerprints",
    "FromText",
    "Illustrates",
    "JoinedTask",
    "LabelValues",
    "LaysOut",
    "Loops",
    "NoOptions",
    "NoRequest",
    "Origin",
    "Paginates",
    "PairCodec",
    "Piece",
    "Plugin",
    "Predicts",
    "Prepares",
    "Preview",
    "Previews",
    "Region",
    "Streams",
    "Task",
    "TokenCodec",
    "flag",
    "installed",
]
