import io
import struct
import zlib
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.plugin import embedding

RECORDS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300)
TRACK = b"\x00\xff\x58\x04\x04\x02\x18\x08\x00\xff\x2f\x00"


def midi(track: bytes = TRACK) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 480) + b"MTrk" + struct.pack(">I", len(track)) + track


def png() -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\xff")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


SVG = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><g><svg/></g></svg>\n'
FORMATS = {
    "svg": (SVG, embedding.embed_svg, embedding.extract_svg),
    "midi": (midi(), embedding.embed_midi, embedding.extract_midi),
    "png": (png(), embedding.embed_png, embedding.extract_png),
}


@pytest.mark.parametrize("name", FORMATS)
@given(record=RECORDS)
def test_extraction_returns_the_record_and_the_bytes_before(name: str, record: str) -> None:
    data, embed, extract = FORMATS[name]
    assert extract(embed(data, record)) == (record, data)


@pytest.mark.parametrize("name", FORMATS)
@given(data=st.binary(max_size=300), cut=st.integers(0, 300), flip=st.integers(0, 300))
def test_extraction_accepts_any_bytes(name: str, data: bytes, cut: int, flip: int) -> None:
    content, embed, extract = FORMATS[name]
    damaged = bytearray(embed(content, '{"seed": 1}'))
    damaged[flip % len(damaged)] ^= 0xFF
    for sample in (data, bytes(damaged), bytes(damaged[:cut]), content[:cut] + data):
        extract(sample)
    assert extract(content) is None and extract(b"") is None


@pytest.mark.parametrize("name", FORMATS)
def test_other_content_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="the d"):
        FORMATS[name][1](b"something else", "{}")


def test_files_with_a_record_open_in_other_programs() -> None:
    mido = pytest.importorskip("mido")
    record = '{"a": "<&>\\"", "long": "' + "x" * 20_000 + '"}'
    (track,) = mido.MidiFile(file=io.BytesIO(embedding.embed_midi(midi(), record))).tracks
    assert [message.type for message in track] == ["text", "time_signature", "end_of_track"]
    assert track[0].text == "seqforge-provenance " + record
    root = ElementTree.fromstring(embedding.embed_svg(SVG, record))
    assert root[-1].tag.endswith("metadata") and root[-1].text == record
    chunks, data = [], embedding.embed_png(png(), record)[8:]
    while data:
        length = int.from_bytes(data[:4], "big")
        chunks.append(data[4:8])
        assert zlib.crc32(data[4 : 8 + length]) == int.from_bytes(data[8 + length : 12 + length], "big")
        data = data[12 + length :]
    assert chunks == [b"IHDR", b"IDAT", b"tEXt", b"IEND"]
