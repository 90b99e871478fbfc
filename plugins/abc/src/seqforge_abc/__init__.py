"""Folk tunes in ABC notation for seqforge."""

from seqforge_abc.asking import Request
from seqforge_abc.codec import AbcCodec
from seqforge_abc.plugin import Abc, Options
from seqforge_abc.tune import Tune

__all__ = ["Abc", "AbcCodec", "Options", "Request", "Tune"]
