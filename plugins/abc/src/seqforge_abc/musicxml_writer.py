"""Tunes as MusicXML, through music21."""

import re

from seqforge_abc.score import to_music21
from seqforge_abc.tune import Tune

_VARYING = re.compile(rb"\s*<(encoding-date>[^<]*</encoding-date|creator type=\"composer\">Music21</creator)>")


def to_musicxml(tune: Tune) -> bytes:
    """Return a tune as MusicXML; the result depends on the tune alone."""
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    exporter = GeneralObjectExporter(to_music21(tune))
    exporter.makeNotation = False  # the score is complete; music21 would fill bars with hidden rests
    xml: bytes = exporter.parse()
    return _VARYING.sub(b"", xml)
