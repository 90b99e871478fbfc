"""The text plugin of seqforge: characters, bytes or words."""

from seqforge_text.codec import TextCodec
from seqforge_text.options import TextOptions, TextRequest
from seqforge_text.plugin import Text

__all__ = ["Text", "TextCodec", "TextOptions", "TextRequest"]
