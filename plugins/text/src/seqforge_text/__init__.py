"""Text for seqforge: characters, bytes or words."""

from seqforge_text.codec import TextCodec
from seqforge_text.plugin import Options, Request, Text

__all__ = ["Options", "Request", "Text", "TextCodec"]
