"""Folk tunes in ABC notation for seqforge."""

from seqforge_abc.codec import AbcCodec
from seqforge_abc.options import AbcOptions
from seqforge_abc.plugin import Abc
from seqforge_abc.request import AbcRequest
from seqforge_abc.tune import Tune

__all__ = ["Abc", "AbcCodec", "AbcOptions", "AbcRequest", "Tune"]
