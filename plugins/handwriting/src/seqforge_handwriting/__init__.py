"""The handwriting plugin of seqforge: it writes a text by hand, as strokes of a pen."""

from seqforge_handwriting.codec import InkCodec
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.options import HandwritingOptions, HandwritingRequest
from seqforge_handwriting.plugin import Handwriting

__all__ = ["Handwriting", "HandwritingOptions", "HandwritingRequest", "Ink", "InkCodec"]
