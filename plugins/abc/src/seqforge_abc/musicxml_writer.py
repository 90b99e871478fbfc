"""Tunes as MusicXML 4.0 (W3C Music Notation Community Group, 2021), written without a library."""

import re
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from seqforge import __version__
from seqforge_abc.musicxml_elements import add
from seqforge_abc.musicxml_measures import PartWriter
from seqforge_abc.second_voice import second_voice
from seqforge_abc.tune import Tune

_DOCTYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise'
    '//EN" "http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""The characters that XML 1.0 does not allow (section 2.2)."""


def to_musicxml(tune: Tune) -> bytes:
    """Return a tune as MusicXML, with a part per voice, in lines of about four bars.

    Bars keep their length: an incomplete bar before a repeat and its complement after it stay two measures, and a bar
    that is too long stays one. Lengths are rounded to a multiple of a 128th; a length that no single note value
    represents becomes tied notes. The result depends on the tune alone.

    >>> from seqforge_abc.music_parser import parse_music
    >>> from seqforge_abc.theory import parse_key, parse_meter
    >>> tune = parse_music("A|DED F2A|d6|]", key=parse_key("D"), meter=parse_meter("6/8"))
    >>> to_musicxml(tune).count(b"<measure ")
    3
    """
    score = Element("score-partwise", version="4.0")
    title = tune.title or "Untitled"
    add(SubElement(score, "work"), "work-title", title)
    add(score, "movement-title", title)
    identification = SubElement(score, "identification")
    if composers := tune.texts("C"):
        add(identification, "creator", ", ".join(composers)).set("type", "composer")
    add(SubElement(identification, "encoding"), "software", f"seqforge {__version__}")
    voices = [voice for voice in (tune, second_voice(tune)) if voice is not None]
    part_list = SubElement(score, "part-list")
    for number in range(1, len(voices) + 1):
        SubElement(SubElement(part_list, "score-part", id=f"P{number}"), "part-name")
    for number, voice in enumerate(voices, 1):
        part = SubElement(score, "part", id=f"P{number}")
        part.extend(PartWriter(voice, is_second=number > 1).elements())
    ElementTree.indent(score, " ")
    text = ElementTree.tostring(score, encoding="unicode")
    return (_DOCTYPE + _NOT_XML.sub(" ", text) + "\n").encode("utf-8")
