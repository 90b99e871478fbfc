"""Ink of tablets and collections: small files of each format, as their programs write them."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import ReadError
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample

IAM = """<?xml version="1.0" encoding="ISO-8859-1"?>
<WhiteboardCaptureSession>
  <WhiteboardDescription><SensorLocation corner="top_left"/></WhiteboardDescription>
  <StrokeSet>
    <Stroke colour="black" start_time="769.05" end_time="769.64">
      <Point x="1073" y="1058" time="769.05"/><Point x="1072" y="1085" time="769.07"/>
    </Stroke>
    <Stroke colour="black" start_time="769.7" end_time="769.7"><Point x="1090" y="1040" time="769.7"/></Stroke>
  </StrokeSet>
</WhiteboardCaptureSession>
"""
ASCII = "OCR:\n\nA MOVE\nby Nate\n\n\nCSR:\n\nA MOVE\nby Mate\n"
XOPP = """<?xml version="1.0" standalone="no"?>
<xournal creator="xournalpp 1.2.2" fileversion="4"><title>Xournal++ document</title>
<page width="595.27" height="841.89"><background type="solid" color="#ffffffff" style="lined"/><layer>
<stroke tool="pen" ts="0" fn="" color="#3333ccff" width="1.41 1.2 1.3">10 20 12.5 24</stroke>
<stroke tool="highlighter" color="#ffff007f" width="8.5">0 0 90 0</stroke>
<stroke tool="eraser" color="#ffffffff" width="8.5">0 0 90 0</stroke>
<stroke tool="pen" color="#000000ff" width="1.41">30 20 31 21 32 20</stroke></layer></page>PAGE</xournal>
"""
UNIPEN = """.VERSION 1.0
.COORD X Y T
.HIERARCHY PAGE TEXT WORD
.SEGMENT TEXT 0-1 OK "dear Ann"
.SEGMENT TEXT 2 OK "yours"
.PEN_DOWN
 10 50 0
 12 40 8
.PEN_UP
 13 45 16
.PEN_DOWN
 20 50 24
.PEN_UP
.PEN_DOWN
 10 10 99
 11 5 107
.PEN_UP
"""
QUICKDRAW = (
    '{"word":"cat","countrycode":"DE","recognized":true,"drawing":[[[0,5,9],[1,2,3]],[[4],[4]]]}\n'
    '{"word":"dog","drawing":"none"}\n'
)


def read(path: Path, content: str | bytes = "") -> list[Sample]:
    """Write a file, and return its samples."""
    if content:
        path.write_bytes(content if isinstance(content, bytes) else content.encode("latin-1"))
    samples = list(read_ink(path))
    assert all(isinstance(sample, Sample) for sample in samples), samples
    return [sample for sample in samples if isinstance(sample, Sample)]


def points(sample: Sample) -> list[list[list[float]]]:
    return [stroke.tolist() for stroke in sample.ink.strokes]


def test_iam_line_has_the_text_of_its_form(tmp_path: Path) -> None:
    folder, texts = tmp_path / "lineStrokes" / "a01" / "a01-000", tmp_path / "ascii" / "a01" / "a01-000"
    folder.mkdir(parents=True)
    texts.mkdir(parents=True)
    (texts / "a01-000u.txt").write_text(ASCII)
    (sample,) = read(folder / "a01-000u-02.xml", IAM)
    assert points(sample) == [[[1073, 1058], [1072, 1085]], [[1090, 1040]]] and sample.ink.text == "by Mate"
    (alone,) = read(tmp_path / "a.xml", IAM)
    assert alone.ink.text == ""


@pytest.mark.parametrize("packed", [True, False])
def test_xournal_pages_have_the_strokes_of_pens(tmp_path: Path, packed: bool) -> None:
    data = XOPP.replace("PAGE", "").encode()
    (sample,) = read(tmp_path / "notes.xopp", gzip.compress(data) if packed else data)
    assert points(sample) == [[[10, 20], [12.5, 24]], [[30, 20], [31, 21], [32, 20]]]
    page = '<page><layer><stroke tool="pen">1 2 3 4</stroke></layer></page>'
    samples = read(tmp_path / "notes.xopp", XOPP.replace("PAGE", page))
    assert [sample.place for sample in samples] == ["page 1", "page 2"] and points(samples[1]) == [[[1, 2], [3, 4]]]


def test_unipen_segments_are_lines_with_y_upwards(tmp_path: Path) -> None:
    first, second = read(tmp_path / "w.dat", UNIPEN)
    assert points(first) == [[[10, -50], [12, -40]], [[20, -50]]] and first.ink.text == "dear Ann"
    assert points(second) == [[[10, -10], [11, -5]]] and second.ink.text == "yours"
    (whole,) = read(tmp_path / "w.dat", UNIPEN.replace('.SEGMENT TEXT 2 OK "yours"\n', ""))
    assert len(whole.ink.strokes) == 3


def test_quickdraw_drawings_have_their_word_as_label(tmp_path: Path) -> None:
    path = tmp_path / "x.ndjson"
    path.write_text(QUICKDRAW)
    drawing, wrong = read_ink(path)
    assert isinstance(drawing, Sample) and drawing.labels == {"kind": "cat"}
    assert points(drawing) == [[[0, 1], [5, 2], [9, 3]], [[4, 4]]]
    assert isinstance(wrong, ReadError) and wrong.line == 2


def test_array_of_offsets_has_the_text_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 1.0], [1.0, 1.0, 1.0]]))
    (tmp_path / "x.txt").write_text("i\n")
    (sample,) = read(path)
    assert points(sample) == [[[1, 2], [4, 6]], [[5, 7]]] and sample.ink.text == "i"


def test_arrays_of_objects_and_other_shapes_are_refused(tmp_path: Path) -> None:
    for number, array in enumerate((np.array([{}]), np.zeros(4), np.zeros((3, 2)), np.array([["a", "b", "c"]]))):
        path = tmp_path / f"{number}.npy"
        np.save(path, array, allow_pickle=True)
        (error,) = read_ink(path)
        assert isinstance(error, ReadError)


def drawings(path: Path, **arrays: list[np.ndarray]) -> Path:
    """Write a file as sketch-rnn does: each array has objects, which NumPy stores as a pickle."""
    objects = {name: np.empty(len(items), object) for name, items in arrays.items()}
    for name, items in arrays.items():
        objects[name][:] = items
    np.savez_compressed(path, **objects)  # type: ignore[arg-type]
    return path


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "<f4"])
def test_drawings_of_sketch_rnn_are_read_as_data(tmp_path: Path, dtype: str) -> None:
    cat = np.array([[1, 2, 0], [3, -4, 1], [1, 1, 1]], dtype)
    path = drawings(tmp_path / "sketchrnn_cat.full.npz", train=[cat, cat[::-1]], test=[cat])
    samples = read(path)
    assert [sample.place for sample in samples] == ["train 1", "train 2", "test 1"]
    assert all(sample.labels == {"kind": "cat"} for sample in samples)
    assert points(samples[0]) == points(samples[2]) == [[[1, 2], [4, -2]], [[5, -1]]]


def test_arrays_of_one_length_are_no_pickle_and_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "dot.npz", train=np.ones((2, 4, 3), np.int16))
    assert [sample.place for sample in read(tmp_path / "dot.npz")] == ["train 1", "train 2"]


class Dangerous:
    """A pickle of this object runs a command."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch ran",)


def test_a_pickle_with_other_objects_is_refused_and_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for items in ([Dangerous()], [np.array([[Dangerous()] * 3])], [{"dx": 1}], ["text"]):
        (error,) = read_ink(drawings(tmp_path / "x.npz", train=items))  # type: ignore[arg-type]
        assert isinstance(error, ReadError) and error.file.endswith("x.npz")
    assert not (tmp_path / "ran").exists()


@given(cut=st.integers(0, 10_000), position=st.integers(0, 10_000), value=st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_damaged_drawings_are_read_errors(
    tmp_path_factory: pytest.TempPathFactory, cut: int, position: int, value: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    items = np.empty(2, object)
    items[:] = [np.ones((4, 3), np.int16), np.zeros((2, 3), np.int16)]
    np.savez(folder / "x.npz", train=items)  # not compressed, so that damage reaches the pickle
    data = bytearray((folder / "x.npz").read_bytes())
    data[position % len(data)] = value
    (folder / "x.npz").write_bytes(data if cut % 3 else data[: cut % len(data)])
    for sample in read_ink(folder / "x.npz"):
        assert isinstance(sample, (Sample, ReadError))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("no_arrays.npz", b"PK\x05\x06" + bytes(18)),
        ("text.npz", "hello"),
        ("no_points.xml", "<WhiteboardCaptureSession><StrokeSet/></WhiteboardCaptureSession>"),
        ("word.xml", IAM.replace('"1073"', '"left"')),
        ("odd.xopp", XOPP.replace("PAGE", "").replace("10 20 12.5 24", "10 20 12.5")),
        ("infinite.xopp", XOPP.replace("PAGE", "").replace("10 20 12.5 24", "10 inf")),
        ("cut.xopp", gzip.compress(XOPP.encode())[:60]),
        ("no_y.dat", UNIPEN.replace(".COORD X Y T", ".COORD X P T")),
        ("short.dat", UNIPEN.replace(" 10 50 0", " 10 50")),
        ("empty.dat", ".VERSION 1.0\n"),
        ("list.ndjson", "[1]\n"),
        ("text.npy", "hello"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, name: str, content: str | bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    errors = list(read_ink(path))
    assert errors and all(isinstance(error, ReadError) and error.file == str(path) for error in errors)


SVG = '<svg xmlns="http://www.w3.org/2000/svg"{}><g fill="none" stroke="black">{}</g></svg>'


def test_pieces_of_a_stroke_are_joined(tmp_path: Path) -> None:
    lines = (
        '<line x1="0" y1="0" x2="5" y2="5"/><line x1="5" y1="5" x2="9" y2="0"/><line x1="20" y1="0" x2="20" y2="9"/>'
    )
    (sample,) = read(tmp_path / "x.svg", SVG.format("", lines))
    assert points(sample) == [[[0, 0], [5, 5], [9, 0]], [[20, 0], [20, 9]]]
    curves = '<path d="M0,0C1,1 4,4 5,5"/><path d="M5,5C6,5 8,1 9,0"/>'
    (sample,) = read(tmp_path / "x.svg", SVG.format("", curves))
    assert sample.ink.counts == (len(sample.ink.points),)


def test_small_filled_discs_are_dots(tmp_path: Path) -> None:
    path = '<path d="M0 0L90 9"/><circle cx="10" cy="4" r="1.5" fill="black" stroke="none"/>'
    (sample,) = read(tmp_path / "x.svg", SVG.format("", path))
    assert sample.ink.counts == (2, 1) and sample.ink.strokes[1][0] == pytest.approx([10, 4])
    (error,) = read_ink_of(tmp_path / "x.svg", SVG.format("", path.replace('r="1.5"', 'r="30"')))
    assert isinstance(error, ReadError)


def read_ink_of(path: Path, content: str) -> list[Sample | ReadError]:
    path.write_text(content)
    return list(read_ink(path))


def test_compressed_drawing_is_read(tmp_path: Path) -> None:
    (sample,) = read(tmp_path / "x.svgz", gzip.compress(SVG.format("", '<path d="M0 0L9 9"/>').encode()))
    assert points(sample) == [[[0, 0], [9, 9]]]


@pytest.mark.parametrize(
    ("attributes", "inside", "text"),
    [
        (' aria-label="dear Ann"', "", "dear Ann"),
        ("", "</g><desc>dear Ann</desc><g>", "dear Ann"),
        (
            ' xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"',
            '</g><g stroke="black" inkscape:label="dear Ann">',
            "dear Ann",
        ),
        (
            ' xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape"',
            '</g><g stroke="black" inkscape:label="Layer 1">',
            "",
        ),
    ],
)
def test_drawing_says_its_text(tmp_path: Path, attributes: str, inside: str, text: str) -> None:
    (sample,) = read(tmp_path / "x.svg", SVG.format(attributes, inside + '<path d="M0 0L9 9"/>'))
    assert sample.ink.text == text


def test_text_file_beside_a_drawing_is_its_text(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("dear\nAnn\n")
    (sample,) = read(tmp_path / "x.svg", SVG.format("", '<path d="M0 0L9 9"/>'))
    assert sample.ink.text == "dear Ann"
