"""Handwriting for seqforge: a text, written by hand."""

from seqforge_handwriting.ink import Ink
from seqforge_handwriting.plugin import Handwriting

__all__ = ["Handwriting", "Ink"]
