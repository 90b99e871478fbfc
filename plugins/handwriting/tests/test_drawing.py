import importlib.util
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from seqforge import RequestError, WriteError
from seqforge_handwriting.drawing import PIXELS_PER_MM, Pen, draw, fitted, numbered, path_data, write
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.page import Layout, Page, place
from seqforge_handwriting.reading import Sample, read_ink
from seqforge_handwriting.shape import frame_of

spec = importlib.util.spec_from_file_location("inks", Path(__file__).parent / "inks.py")
assert spec and spec.loader
inks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(inks)


def normal(count: int) -> list[Ink]:
    return [frame_of(sample.ink).apply(sample.ink) for sample in inks.real()[:count]]


def read(path: Path) -> Ink:
    (found,) = read_ink(path)
    assert isinstance(found, Sample), found
    return found.ink


def holds(found: np.ndarray, wanted: np.ndarray, tolerance: float) -> bool:
    """Return whether all points of one stroke stand in another, in their order."""
    at = 0
    for point in wanted:
        near = np.flatnonzero(np.hypot(*(found[at:] - point).T) <= tolerance)
        if not len(near):
            return False
        at += int(near[0])
    return True


def same(found: Ink, wanted: Ink, tolerance: float) -> bool:
    """Return whether ink read from a drawing has the strokes of what was drawn: their points lie on its own."""
    pairs = zip(found.strokes, wanted.strokes, strict=True)
    ends = all(np.allclose(a[[0, -1]], b[[0, -1]], atol=tolerance) for a, b in pairs)
    return ends and all(holds(a, b, tolerance) for a, b in zip(found.strokes, wanted.strokes, strict=True))


@pytest.mark.parametrize("curves", [True, False])
@given(ink=inks.inks)
def test_a_drawing_reads_back_into_the_same_strokes(
    tmp_path_factory: pytest.TempPathFactory, ink: Ink, curves: bool
) -> None:
    path = tmp_path_factory.mktemp("svg") / "x.svg"
    page = fitted(ink, margin=2)
    write([page], path, Pen(curves=curves))
    back = read(path)
    assert same(
        back.scaled(1 / PIXELS_PER_MM), page.ink, 0.002 + 1e-6 * max(page.width, page.height)
    )  # svgelements' mm
    if not curves:  # straight lines give nothing but their points
        assert len(back.points) <= len(ink.points)


def test_real_lines_read_back_with_their_text_and_are_drawn_the_same_again(tmp_path: Path) -> None:
    for unit in ("mm", "px"):
        (page,) = place(normal(5), Layout((148.0, 210.0)))
        write([page], tmp_path / "x.svg", Pen(unit=unit), told="a test")
        back = read(tmp_path / "x.svg")
        assert back.text == page.ink.text and same(back.scaled(1 / PIXELS_PER_MM), page.ink, 0.002)
        again = fitted(back.scaled(1 / PIXELS_PER_MM))
        write([again], tmp_path / "y.svg", Pen(curves=False))
        assert same(read(tmp_path / "y.svg"), back.moved(-back.bounds[0], -back.bounds[1]), 0.02)


def elements(pages: Sequence[Page], pen: Pen | None = None) -> ET.Element:
    return ET.fromstring(draw(pages, pen, told="made for a test").encode())


def test_a_drawing_is_what_plotters_take() -> None:
    pages = place(normal(30), Layout((105.0, 148.0), x_height=2))
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
    told = (root.findtext(f"{svg}title") or "", root.findtext(f"{svg}desc") or "")
    assert told == ("\n".join(page.ink.text for page in pages), "made for a test")


def test_a_text_that_xml_cannot_hold_leaves_a_blank(tmp_path: Path) -> None:
    write([fitted(Ink((np.zeros((1, 2)),), "a\x00<b>\x1b&\uffff"))], tmp_path / "x.svg", told="\x07")
    assert read(tmp_path / "x.svg").text == "a <b> & "


def test_pixels() -> None:
    root = elements([Page(normal(1)[0].scaled(2), 25.4, 50.8)], Pen(unit="px"))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("96px", "192px", "0 0 25.4 50.8")


def test_no_coordinate_that_is_not_finite_is_written() -> None:
    for wrong in (np.nan, np.inf):
        with pytest.raises(ValueError, match="not finite"):
            path_data(np.array([[0.0, 0.0], [wrong, 1.0]]))
        with pytest.raises(ValueError, match="not finite"):
            path_data(np.array([[0.0, wrong]]), curves=False)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"width": 0.0}, "--width is 0; a pen's width must be from 0.01 to 50 mm"),
        ({"width": float("nan")}, "--width is nan"),
        ({"colour": "blurple"}, "--colour 'blurple' is no colour"),
        ({"colour": "#12345"}, "is no colour; write #rrggbb"),
        ({"colour": '"/><script>'}, "is no colour"),
    ],
)
def test_what_is_no_pen(values: dict[str, float], reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        Pen(**values)  # type: ignore[arg-type]


def test_json_strokes(tmp_path: Path) -> None:
    pages = place(normal(30), Layout((105.0, 148.0), x_height=2))
    write(pages, tmp_path / "x.json")
    found = [*read_ink(tmp_path / "x.json")]
    assert [sample.ink for sample in found if isinstance(sample, Sample)] == [page.ink.rounded(3) for page in pages]


def test_png(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py", reason="the extra seqforge-handwriting[png] is not installed")
    write([Page(normal(1)[0].scaled(2).moved(5, 9), 50.8, 25.4)], tmp_path / "x.png")
    data = (tmp_path / "x.png").read_bytes()
    assert (
        data[:8] == b"\x89PNG\r\n\x1a\n" and int.from_bytes(data[16:20]) == 600 and int.from_bytes(data[20:24]) == 300
    )
    with pytest.raises(WriteError, match=r"has more than 100,000,000 pixels; write \.svg"):
        write([Page(normal(1)[0], 5000, 5000)], tmp_path / "y.png")


def test_png_without_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(WriteError, match=r'need an extra: pip install "seqforge-handwriting\[png\]"'):
        write([fitted(normal(1)[0])], tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()


def test_another_program_draws_it(tmp_path: Path) -> None:
    import shutil

    program = shutil.which("rsvg-convert")
    if program is None:
        pytest.skip("rsvg-convert is not installed")
    write(place(normal(3), Layout()), tmp_path / "x.svg")
    command = [program, "-b", "white", "-h", "100", str(tmp_path / "x.svg")]
    assert subprocess.run(command, capture_output=True, check=True).stdout[:4] == b"\x89PNG"


def test_pages_in_files_of_their_own() -> None:
    pages = [Page(normal(1)[0], 10, 10, number, 12) for number in (1, 12)]
    assert [numbered(Path("a/letter.svg"), page).name for page in pages] == ["letter-01.svg", "letter-12.svg"]
    assert numbered(Path("letter.svg"), fitted(normal(1)[0])) == Path("letter.svg")
