"""Files for plotters: layers, G-code, HPGL, DXF, and the order of strokes."""

import io
import re
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import inks
import numpy as np
import pytest
import svgelements
from hypothesis import given, settings
from hypothesis import strategies as st

from seqforge import Piece, RequestError, WriteError
from seqforge_handwriting import Handwriting, plotter
from seqforge_handwriting.baseline import with_drift
from seqforge_handwriting.drawing import PagedInk, draw
from seqforge_handwriting.frame import normalize
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.page import Layout, Page, one_page, place
from seqforge_handwriting.pen import Pen
from seqforge_handwriting.plotter import PLOTTER_SUFFIXES, shortest_order, to_plotter
from seqforge_handwriting.words import fill_lines

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
SVG = "{http://www.w3.org/2000/svg}"
INKSCAPE = "{http://www.inkscape.org/namespaces/inkscape}"
PIXELS_PER_MM = 96 / 25.4
DOT = np.array([[50.0, 40.0]])


@pytest.fixture
def page() -> Page:
    """A page of lines of the corpus and a dot, in two colours."""
    lines = [normalize(sample.ink)[0] for sample in inks.corpus_samples()[:3]]
    (page,) = place(lines, Layout((400.0, 210.0)))
    strokes = (*page.ink.strokes, DOT)
    pens = tuple(Pen(colour="navy" if number % 3 else "black") for number in range(len(strokes)))
    return Page(Ink(strokes, page.ink.text), page.width, page.height, pens=pens)


def bounds(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def test_layers_have_the_names_that_inkscape_and_axidraw_read(page: Page) -> None:
    groups = [group for group in ET.fromstring(draw([page])).iter(f"{SVG}g") if group.get(f"{INKSCAPE}groupmode")]
    assert [group.get(f"{INKSCAPE}groupmode") for group in groups] == ["layer", "layer"]
    assert [group.get(f"{INKSCAPE}label") for group in groups] == ["1-black", "2-navy"]
    assert [group.get("stroke") for group in groups] == ["black", "navy"]


def test_vpype_reads_exactly_the_strokes(page: Page, tmp_path: Path) -> None:
    vpype = pytest.importorskip("vpype")
    path = tmp_path / "page.svg"
    path.write_text(draw([page]))
    document = vpype.read_multilayer_svg(str(path), 0.05)
    lines = {number: list(layer) for number, layer in document.layers.items()}
    assert sorted(lines) == [1, 2]
    assert sum(map(len, lines.values())) == len(page.ink.strokes)
    np.testing.assert_allclose(document.page_size, [400 * PIXELS_PER_MM, 210 * PIXELS_PER_MM], rtol=1e-5)
    for number, colour in ((1, "black"), (2, "navy")):
        pens = zip(page.ink.strokes, page.pens, strict=True)
        strokes = [stroke for stroke, pen in pens if pen.colour == colour]
        for line, stroke in zip(lines[number], strokes, strict=True):
            ends = np.array([[point.real, point.imag] for point in line[[0, -1]]]) / PIXELS_PER_MM
            np.testing.assert_allclose(ends, stroke[[0, -1]], atol=0.0512)  # a dot is 0.1 mm long


def test_svgelements_reads_a_path_of_a_length_for_every_stroke(page: Page) -> None:
    drawing = svgelements.SVG.parse(io.StringIO(draw([page])))
    paths = [element for element in drawing.elements() if isinstance(element, svgelements.Path)]
    assert len(paths) == len(page.ink.strokes)
    assert min(path.length(error=1e-3) for path in paths) >= 0.099 * PIXELS_PER_MM


def test_gcode_stays_on_the_page_and_lifts_the_pen(page: Page) -> None:
    pytest.importorskip("vpype_gcode")
    text = to_plotter(page, Pen(), ".gcode").decode()
    drawn, height = [], 5.0
    for line in text.splitlines():
        if move := re.fullmatch(r"G[01] Z(\d+)( F\d+)?", line):
            height = float(move[1])
        elif move := re.fullmatch(r"G([01]) X(\S+) Y(\S+)( F\d+)?", line):
            assert (move[1] == "0") == (height > 0), line  # fast moves are above the paper
            if height == 0:
                drawn.append([float(move[2]), page.height - float(move[3])])
    assert text.count("G1 Z0") == text.count("G0 Z5") - 1 == len(page.ink.strokes)
    assert (np.array(drawn) >= 0).all() and (np.array(drawn) <= [page.width, page.height]).all()
    np.testing.assert_allclose(bounds(np.array(drawn)), bounds(page.ink.points), atol=0.5)
    assert "G21" in text and text.rstrip().endswith("M2")


def test_hpgl_has_the_strokes_in_units_of_a_fortieth_of_a_millimetre(page: Page) -> None:
    pytest.importorskip("vpype")
    text = to_plotter(page, Pen(), ".hpgl").decode()
    strokes = re.findall(r"PU(-?\d+,-?\d+);PD([-\d,]+);", text)
    assert len(strokes) == len(page.ink.strokes)
    assert re.findall(r"SP(\d)", text) == ["1", "2", "0"]
    numbers = np.array([float(n) for start, rest in strokes for n in f"{start},{rest}".split(",")]).reshape(-1, 2) / 40
    numbers[:, 1] = page.height - numbers[:, 1]
    np.testing.assert_allclose(bounds(numbers), bounds(page.ink.points), atol=0.5)


def test_hpgl_of_a_landscape_page_is_not_turned() -> None:
    pytest.importorskip("vpype")
    page = Page(Ink((np.array([[10.0, 10.0], [200.0, 10.0]]),)), 220.0, 110.0)
    assert "PU400,4000;PD8000,4000;" in to_plotter(page, Pen(), ".hpgl").decode()


def test_ezdxf_reads_back_the_strokes_in_their_layers(page: Page) -> None:
    ezdxf = pytest.importorskip("ezdxf")
    document = ezdxf.read(io.StringIO(to_plotter(page, Pen(), ".dxf").decode()))
    lines = list(document.modelspace().query("LWPOLYLINE"))
    assert len(lines) == len(page.ink.strokes)
    assert {line.dxf.layer for line in lines} == {"1-black", "2-navy"}
    assert document.units == 4  # millimetres
    points = np.array([point[:2] for line in lines for point in line.get_points()])
    points[:, 1] = page.height - points[:, 1]
    np.testing.assert_allclose(bounds(points), bounds(page.ink.points), atol=0.5)
    assert not document.audit().errors


@pytest.mark.parametrize("suffix", PLOTTER_SUFFIXES)
def test_equal_pages_give_equal_files(page: Page, suffix: str) -> None:
    pytest.importorskip("vpype_gcode")
    assert to_plotter(page, Pen(), suffix) == to_plotter(page, Pen(), suffix)


@pytest.mark.parametrize("suffix", PLOTTER_SUFFIXES)
def test_plugin_writes_the_format(page: Page, suffix: str, tmp_path: Path) -> None:
    pytest.importorskip("vpype_gcode")
    path = tmp_path / f"a{suffix}"
    Handwriting().write([Piece(PagedInk(page.ink.strokes, "", (page, page)))], path)
    assert path.read_bytes() == to_plotter(one_page([page, page]), Pen(), suffix)


@pytest.mark.parametrize("suffix", PLOTTER_SUFFIXES)
def test_missing_extra_is_named(page: Page, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(plotter.importlib, "import_module", missing)
    with pytest.raises(WriteError, match="plotter"):
        to_plotter(page, Pen(), suffix)


def travel(strokes: list[np.ndarray]) -> float:
    return sum(float(np.hypot(*(b[0] - a[-1]))) for a, b in pairwise(strokes))


def test_shortest_order_keeps_the_strokes_and_shortens_the_travel(page: Page) -> None:
    pytest.importorskip("vpype")
    mixed = [page.ink.strokes[number] for number in np.random.default_rng(0).permutation(len(page.ink.strokes))]
    ordered = shortest_order(mixed)
    assert travel(ordered) < travel(mixed) / 2

    def key(stroke: np.ndarray) -> bytes:
        return min(stroke.tobytes(), stroke[::-1].tobytes())

    assert sorted(map(key, ordered)) == sorted(map(key, mixed))


@settings(max_examples=30)
@given(drift=st.floats(0.01, 2), length=st.floats(1, 200))
def test_drift_is_bounded_and_moves_points_up_and_down_only(drift: float, length: float) -> None:
    line = Ink((np.stack([np.linspace(0, length, 50), np.zeros(50)], axis=1),), "l")
    moved = with_drift(line, drift)
    assert (moved.points[:, 0] == line.points[:, 0]).all()
    assert np.abs(moved.points[:, 1]).max() <= 1.26 * drift
    assert with_drift(line, 0.0) is line


def test_word_spacing_moves_words_apart() -> None:
    words = Ink((np.array([[0.0, 0.0], [3.0, 0.0]]), np.array([[4.0, 0.0], [7.0, 0.0]])), "one two")
    (normal,), (wide,) = (fill_lines([words], 100.0, 0.0, factor)[0] for factor in (1.0, 2.0))
    assert (normal.bounds[2], wide.bounds[2]) == (7.0, 8.0)


@pytest.mark.parametrize(("field", "value"), [("word_spacing", 0.0), ("drift", -1.0)])
def test_impossible_values_are_refused(field: str, value: float) -> None:
    with pytest.raises(RequestError) as error:
        Layout(**{field: value})
    assert error.value.field == {"drift": "baseline_drift"}.get(field, field)
