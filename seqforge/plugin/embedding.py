r"""Provenance records inside files: SVG metadata, a text event of MIDI, and a text chunk of PNG.

Each pair of functions follows one law: extracting returns the record and exactly the bytes before embedding. A record
is one line of ASCII without control characters.

>>> extract_svg(embed_svg(b"<svg></svg>", '{"seed": 1}'))
('{"seed": 1}', b'<svg></svg>')
"""

import html
import re
import zlib

__all__ = ["embed_midi", "embed_png", "embed_svg", "extract_midi", "extract_png", "extract_svg"]

KEY = b"seqforge-provenance"
_SVG_RECORD = re.compile(rb'<metadata id="seqforge-provenance">([^<]*)</metadata>(?=</svg>\s*\Z)')
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_TEXT_EVENT = b"\x00\xff\x01"
"""Delta time 0 and the start of a text event, before its length."""


def embed_svg(data: bytes, record: str) -> bytes:
    """Return an SVG document with a record as the last metadata element.

    Raises:
        ValueError: If the data does not end with the end tag of an svg element.
    """
    end = data.rfind(b"</svg>")
    if end < 0 or data[end + len(b"</svg>") :].strip():
        raise ValueError("the document does not end with </svg>")
    return (
        data[:end]
        + b'<metadata id="%s">%s</metadata>' % (KEY, html.escape(record, quote=False).encode("ascii"))
        + data[end:]
    )


def extract_svg(data: bytes) -> tuple[str, bytes] | None:
    """Return the record of an SVG document and the bytes before embedding, None if it has no record."""
    match = _SVG_RECORD.search(data, max(0, data.rfind(b"<metadata ")))
    if match is None:
        return None
    return html.unescape(match[1].decode("ascii", "replace")), data[: match.start()] + data[match.end() :]


def embed_png(data: bytes, record: str) -> bytes:
    """Return a PNG picture with a record as the last text chunk.

    Raises:
        ValueError: If the data is not a PNG picture.
    """
    if not data.startswith(_PNG_SIGNATURE) or not data.endswith(_PNG_END):
        raise ValueError("the data is not a PNG picture")
    content = b"tEXt" + KEY + b"\0" + record.encode("ascii")
    chunk = (len(content) - 4).to_bytes(4, "big") + content + zlib.crc32(content).to_bytes(4, "big")
    return data[: -len(_PNG_END)] + chunk + _PNG_END


def extract_png(data: bytes) -> tuple[str, bytes] | None:
    """Return the record of a PNG picture and the bytes before embedding, None if it has no record."""
    start = data.rfind(b"tEXt" + KEY + b"\0")
    if start < 4 or not data.startswith(_PNG_SIGNATURE):
        return None
    length = int.from_bytes(data[start - 4 : start], "big")
    end = start + 4 + length + 4
    if data[end:] != _PNG_END:
        return None
    record = data[start + 4 + len(KEY) + 1 : end - 4]
    return record.decode("ascii", "replace"), data[: start - 4] + data[end:]


def embed_midi(data: bytes, record: str) -> bytes:
    """Return a MIDI file with a record as the first text event of its first track.

    Raises:
        ValueError: If the data is not a MIDI file.
    """
    track = _first_track(data)
    if track is None:
        raise ValueError("the data is not a MIDI file with a track")
    text = KEY + b" " + record.encode("ascii")
    event = _TEXT_EVENT + _variable_length(len(text)) + text
    length = int.from_bytes(data[track - 4 : track], "big") + len(event)
    return data[: track - 4] + length.to_bytes(4, "big") + event + data[track:]


def extract_midi(data: bytes) -> tuple[str, bytes] | None:
    """Return the record of a MIDI file and the bytes before embedding, None if it has no record."""
    track = _first_track(data)
    if track is None or not data.startswith(_TEXT_EVENT, track):
        return None
    length, start = 0, track + len(_TEXT_EVENT)
    for byte in data[start : start + 4]:
        length, start = length << 7 | byte & 0x7F, start + 1
        if byte < 0x80:
            break
    text = data[start : start + length]
    size = int.from_bytes(data[track - 4 : track], "big") - (start + length - track)
    if not text.startswith(KEY + b" ") or len(text) < length or size < 0:
        return None
    record = text[len(KEY) + 1 :].decode("ascii", "replace")
    return record, data[: track - 4] + size.to_bytes(4, "big") + data[start + length :]


def _first_track(data: bytes) -> int | None:
    """Return the position of the first event of the first track, None if there is none."""
    if not data.startswith(b"MThd"):
        return None
    start = 8 + int.from_bytes(data[4:8], "big")
    return start + 8 if data[start : start + 4] == b"MTrk" and len(data) >= start + 8 else None


def _variable_length(number: int) -> bytes:
    """Return a number as MIDI stores it: 7 bits per byte, the highest bit set in all bytes but the last."""
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))
