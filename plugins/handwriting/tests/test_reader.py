from pathlib import Path

import numpy as np
import pytest
import reading
from hypothesis import given
from hypothesis import strategies as st

from seqforge import ReadError
from seqforge_handwriting.reader import detect_suffix, read_ink
from seqforge_handwriting.samples import Sample

SVG, INKML, PAINT = reading.SVG, reading.INKML, reading.PAINT


def test_other_suffixes_are_rejected(tmp_path: Path) -> None:
    assert "files with .png" in reading.read_error(tmp_path / "x.png", "x")
    assert "files without a suffix" in reading.read_error(tmp_path / "x", "x")


@pytest.mark.parametrize("name", ["gone.json", "gone.svg", "gone.inkml"])
def test_missing_files_are_rejected(tmp_path: Path, name: str) -> None:
    (error,) = read_ink(tmp_path / name)
    assert isinstance(error, ReadError) and "cannot be read: No such file" in str(error)


@pytest.mark.parametrize(("name", "limit"), [("large.json", 64), ("large.svg", 32), ("large.inkml", 32)])
def test_large_files_are_rejected(tmp_path: Path, name: str, limit: int) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate((limit << 20) + 1)
    (error,) = read_ink(tmp_path / name)
    assert isinstance(error, ReadError) and f"is larger than {limit} MB" in str(error)


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b'{"strokes": []}', ".json"),
        (b"", ".json"),
        (b"<svg/>", ".svg"),
        (b"\xef\xbb\xbf <?xml version='1.0'?><svg/>", ".svg"),
        (b"<?xml version='1.0'?>\n<ink xmlns='http://www.w3.org/2003/InkML'/>", ".inkml"),
    ],
)
def test_suffix_is_detected_from_the_content(tmp_path: Path, data: bytes, suffix: str) -> None:
    (tmp_path / "pipe").write_bytes(data)
    assert detect_suffix(tmp_path / "pipe") == suffix


def test_given_suffix_decides_the_format(tmp_path: Path) -> None:
    (tmp_path / "x.svg").write_text('{"text": "a", "strokes": [[1, 2]]}')
    (sample,) = read_ink(tmp_path / "x.svg", ".json")
    assert isinstance(sample, Sample) and sample.ink.text == "a"


VALID = {
    ".svg": f'{SVG}<g transform="scale(2)" {PAINT}><path d="M1 2C3 4 5 6 7 8L9 9"/><line x1="1" x2="3"/></g></svg>',
    ".inkml": f"{INKML}<trace>1 2,'3'4,5 6</trace><trace>7 8</trace></ink>",
    ".json": '{"writer":"w1","text":"ab","strokes":[[1,2,3,4],[5.5,6]]}',
}


@pytest.mark.parametrize("suffix", [*VALID])
@given(data=st.data())
def test_damaged_file_is_read_or_rejected_with_a_reason(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject
) -> None:
    content = bytearray(VALID[suffix].encode())
    for position, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=5)
    ):
        content[position] = value
    path = tmp_path_factory.mktemp("damaged") / f"x{suffix}"
    path.write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    items = [*read_ink(path)]
    assert items
    for item in items:
        if isinstance(item, Sample):
            assert item.ink.strokes and np.isfinite(item.ink.points).all()
        else:
            assert str(item).startswith(str(path)) and "\n" not in item.reason
