import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import inks
import numpy as np
import pytest
from hypothesis import given

from seqforge import Piece, RequestError, WriteError
from seqforge_handwriting.drawing import PIXELS_PER_MM, PagedInk, Pen, draw, path_data, write_pages
from seqforge_handwriting.frame import estimate_frame
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.page import Layout, Page, page_around, place
from seqforge_handwriting.plugin import Handwriting
from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample


def normalized_lines(count: int) -> list[Ink]:
    return [estimate_frame(sample.ink).apply(sample.ink) for sample in inks.corpus_samples()[:count]]


def read(path: Path) -> Ink:
    (sample,) = read_ink(path)
    assert isinstance(sample, Sample), sample
    return sample.ink


def contains(stroke: np.ndarray, points: np.ndarray, tolerance: float) -> bool:
    """Return whether a stroke contains these points in their order."""
    position = 0
    for point in points:
        near = np.flatnonzero(np.hypot(*(stroke[position:] - point).T) <= tolerance)
        if not len(near):
            return False
        position += int(near[0])
    return True


def same_strokes(actual: Ink, drawn: Ink, tolerance: float) -> bool:
    """Return whether ink that was read from a drawing has the strokes of the ink that was drawn."""
    pairs = [*zip(actual.strokes, drawn.strokes, strict=True)]
    ends = all(np.allclose(a[[0, -1]], b[[0, -1]], atol=tolerance) for a, b in pairs)
    return ends and all(contains(a, b, tolerance) for a, b in pairs)


@pytest.mark.parametrize("curves", [True, False])
def test_dot_is_a_stroke_of_a_tenth_of_a_millimetre(curves: bool) -> None:
    assert path_data(np.array([[3.0, 4.0]]), curves=curves) == "M2.95,4L3.05,4"
    assert path_data(np.array([[3.0, 4.0], [3.0, 4.0]]), curves=curves) == "M2.95,4L3.05,4"


@pytest.mark.parametrize("curves", [True, False])
@given(ink=inks.inks)
def test_svg_round_trip(tmp_path_factory: pytest.TempPathFactory, ink: Ink, curves: bool) -> None:
    path = tmp_path_factory.mktemp("svg") / "x.svg"
    page = page_around(ink, margin=2)
    write_pages([page], path, Pen(curves=curves))
    back = read(path)
    assert same_strokes(
        back.scale(1 / PIXELS_PER_MM), page.ink, 0.002 + 1e-6 * max(page.width, page.height)
    )  # svgelements' mm
    if not curves:  # polylines have no additional points
        assert len(back.points) <= len(ink.points)


def test_svg_round_trip_of_corpus_lines_keeps_text(tmp_path: Path) -> None:
    for unit in ("mm", "px"):
        (page,) = place(normalized_lines(5), Layout((148.0, 210.0)))
        write_pages([page], tmp_path / "x.svg", Pen(unit=unit), description="a test")
        back = read(tmp_path / "x.svg")
        assert back.text == page.ink.text and same_strokes(back.scale(1 / PIXELS_PER_MM), page.ink, 0.002)
        again = page_around(back.scale(1 / PIXELS_PER_MM))
        write_pages([again], tmp_path / "y.svg", Pen(curves=False))
        assert same_strokes(read(tmp_path / "y.svg"), back.translate(-back.bounds[0], -back.bounds[1]), 0.02)


def elements(pages: Sequence[Page], pen: Pen | None = None) -> ET.Element:
    return ET.fromstring(draw(pages, pen, description="a test").encode())


def test_svg_has_open_paths_in_millimetres() -> None:
    pages = place(normalized_lines(30), Layout((105.0, 148.0), x_height=2))
    root = elements(pages, Pen(width=0.3, colour="#1f4e9c"))
    svg = "{http://www.w3.org/2000/svg}"
    assert root.get("width") == "105mm" and "%" not in draw(pages)
    height = 148 * len(pages) + 5 * (len(pages) - 1)
    assert root.get("viewBox") == f"0 0 105 {height}" and root.get("height") == f"{height}mm"
    groups = root.findall(f"{svg}g")
    assert [group.get("id") for group in groups] == [f"page-{number + 1}" for number in range(len(pages))]
    assert {(g.get("fill"), g.get("stroke"), g.get("stroke-width"), g.get("stroke-linecap")) for g in groups} == {
        ("none", "#1f4e9c", "0.3", "round")
    }
    paths = [path.get("d") or "" for group in groups for path in group]
    assert len(paths) == sum(len(page.ink.strokes) for page in pages)
    assert all(way.count("M") == 1 and "Z" not in way.upper() for way in paths)
    starts = [tuple(map(float, re.findall(r"[-\d.]+", way)[:2])) for way in paths[: len(pages[0].ink.strokes)]]
    assert np.allclose(starts, [stroke[0] for stroke in pages[0].ink.strokes], atol=0.001)
    texts = (root.findtext(f"{svg}title") or "", root.findtext(f"{svg}desc") or "")
    assert texts == ("\n".join(page.ink.text for page in pages), "a test")


def test_characters_that_xml_cannot_contain_become_spaces(tmp_path: Path) -> None:
    write_pages([page_around(Ink((np.zeros((1, 2)),), "a\x00<b>\x1b&\uffff"))], tmp_path / "x.svg", description="\x07")
    assert read(tmp_path / "x.svg").text == "a <b> & "


def test_pixels_are_the_unit_of_the_size_only() -> None:
    root = elements([Page(normalized_lines(1)[0].scale(2), 25.4, 50.8)], Pen(unit="px"))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("96px", "192px", "0 0 25.4 50.8")


def test_coordinates_that_are_not_finite_raise() -> None:
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="not finite"):
            path_data(np.array([[0.0, 0.0], [wrong, 1.0]]))
        with pytest.raises(ValueError, match="not finite"):
            path_data(np.array([[0.0, wrong]]), curves=False)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"width": 0.0}, "pen_width"),
        ({"width": float("nan")}, "pen_width"),
        ({"colour": "blurple"}, "colour"),
        ({"colour": "#12345"}, "colour"),
        ({"colour": '"/><script>'}, "colour"),
    ],
)
def test_invalid_pens_raise(values: dict[str, float], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        Pen(**values)  # type: ignore[arg-type]
    assert caught.value.field == field and caught.value.allowed


def test_json_round_trip(tmp_path: Path) -> None:
    pages = place(normalized_lines(30), Layout((105.0, 148.0), x_height=2))
    write_pages(pages, tmp_path / "x.json")
    samples = [*read_ink(tmp_path / "x.json")]
    assert [sample.ink for sample in samples if isinstance(sample, Sample)] == [page.ink.round(3) for page in pages]


def test_png_has_300_dots_per_inch(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="the extra seqforge-handwriting[png] is not installed")
    write_pages([Page(normalized_lines(1)[0].scale(2).translate(5, 9), 50.8, 25.4)], tmp_path / "x.png")
    data = (tmp_path / "x.png").read_bytes()
    assert (
        data[:8] == b"\x89PNG\r\n\x1a\n" and int.from_bytes(data[16:20]) == 600 and int.from_bytes(data[20:24]) == 300
    )
    with pytest.raises(WriteError, match=r"has more than 100,000,000 pixels; write \.svg"):
        write_pages([Page(normalized_lines(1)[0], 5000, 5000)], tmp_path / "y.png")


def test_png_without_its_extra_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(WriteError, match=r'needs an extra: pip install "seqforge-handwriting\[png\]"'):
        write_pages([page_around(normalized_lines(1)[0])], tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()


def test_rsvg_convert_renders_the_svg(tmp_path: Path) -> None:
    import shutil

    program = shutil.which("rsvg-convert")
    if program is None:
        pytest.skip("rsvg-convert is not installed")
    write_pages(place(normalized_lines(3), Layout()), tmp_path / "x.svg")
    command = [program, "-b", "white", "-h", "100", str(tmp_path / "x.svg")]
    assert subprocess.run(command, capture_output=True, check=True).stdout[:4] == b"\x89PNG"


def test_pdf_has_a_page_per_sheet_of_every_piece(tmp_path: Path) -> None:
    pytest.importorskip("typst", reason="the extra seqforge-handwriting[pdf] is not installed")
    pypdf = pytest.importorskip("pypdf")
    ink = normalized_lines(1)[0]
    pages = tuple(Page(ink.scale(2).translate(5, 9), 148, 210, number, 2) for number in (1, 2))
    letter = PagedInk(ink.strokes, ink.text, pages=pages, pen=Pen(colour="navy"))
    path = tmp_path / "letters.pdf"
    Handwriting().write([Piece(letter), Piece(ink)], path)
    sizes = [[float(side) for side in page.mediabox[2:]] for page in pypdf.PdfReader(path).pages]
    assert len(sizes) == 3
    assert sizes[0] == sizes[1] == pytest.approx([148 / 25.4 * 72, 210 / 25.4 * 72], abs=0.01)
    written = path.read_bytes()
    Handwriting().write([Piece(letter), Piece(ink)], path)
    assert path.read_bytes() == written


def test_pdf_without_its_extra_is_a_write_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(WriteError, match=r'pip install "seqforge-handwriting\[pdf\]"'):
        Handwriting().write([Piece(normalized_lines(1)[0])], tmp_path / "x.pdf")
    assert not (tmp_path / "x.pdf").exists()
