from pathlib import Path

import numpy as np
import pytest
import reading

SVG, PAINT = reading.SVG, reading.PAINT


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (f'<path d="M1 2 L3 4 5 6" {PAINT}/>', [[[1, 2], [3, 4], [5, 6]]]),
        (f'<path d="M1 2h2v2M7 7l1 1" {PAINT}/>', [[[1, 2], [3, 2], [3, 4]], [[7, 7], [8, 8]]]),
        (f'<polyline points="1,2 3,4" {PAINT}/><line x1="1" y1="1" x2="2" y2="1" stroke="red"/>',
         [[[1, 2], [3, 4]], [[1, 1], [2, 1]]]),
        (f'<g transform="translate(10 0) scale(2)" {PAINT}><path d="M1 2L3 4"/></g>', [[[12, 4], [16, 8]]]),
        (f'<svg x="10" y="0" width="20" height="20" viewBox="0 0 10 10" {PAINT}><path d="M1 2L3 4"/></svg>',
         [[[12, 4], [16, 8]]]),
        ('<path d="M1 2L3 4"/>', [[[1, 2], [3, 4]]]),
        (f'<path d="M5 5L5 5" {PAINT}/>', [[[5, 5]]]),
        ('<style>.pen{stroke:#123}</style><path class="pen" d="M1 2L3 4"/>', [[[1, 2], [3, 4]]]),
        (f'<rect width="96" height="96" fill="white"/><path d="M1 2L3 4" {PAINT}/>', [[[1, 2], [3, 4]]]),
        ((f'<path d="M9 9L8 8" style="display:none" {PAINT}/><path d="M9 9L8 8" visibility="hidden" {PAINT}/>'
         f'<defs><path id="a" d="M1 2L3 4" {PAINT}/></defs><clipPath><path d="M9 9L8 8" {PAINT}/></clipPath>'
         '<use xlink:href="#a" x="1"/>'), [[[2, 2], [4, 4]]]),
        (f'<symbol id="a"><path d="M1 2L3 4" {PAINT}/></symbol><use xlink:href="#a"/>', [[[1, 2], [3, 4]]]),
    ],
)  # fmt: skip
def test_open_paths_are_read_as_strokes(tmp_path: Path, body: str, expected: list[list[list[float]]]) -> None:
    assert reading.read_points(tmp_path / "x.svg", f"{SVG}{body}</svg>") == expected


def test_units_are_css_pixels(tmp_path: Path) -> None:
    for size in ('width="1in" height="1in"', 'width="25.4mm" height="25.4mm"', 'width="72pt" height="72pt"'):
        data = f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 10 10"><path d="M0 0L10 5" {PAINT}/></svg>'
        assert np.allclose(reading.read_points(tmp_path / "x.svg", data), [[[0, 0], [96, 48]]])


def test_curves_become_evenly_spaced_points(tmp_path: Path) -> None:
    drawing = f'{SVG}<path d="M0 0 A 40 40 0 0 1 40 40" {PAINT}/><path d="M0 0Q10 20 20 0" {PAINT}/></svg>'
    arc, parabola = reading.read_sample(tmp_path / "x.svg", drawing).ink.strokes
    steps = np.hypot(*np.diff(arc, axis=0).T)
    assert len(arc) > 5 and steps.max() < 1.1 * steps.min()
    assert np.allclose(np.hypot(*(arc - (0, 40)).T), 40, atol=0.05)
    assert parabola[[0, -1]].tolist() == [[0, 0], [20, 0]] and parabola[:, 1].max() == pytest.approx(10, abs=0.3)


def test_title_of_own_drawings_is_the_text(tmp_path: Path) -> None:
    body = f'<title>so</title><g class="handwriting" {PAINT}><path d="M1 2L3 4"/></g>'
    assert reading.read_sample(tmp_path / "x.svg", f"{SVG}{body}</svg>").ink.text == "so"
    assert reading.read_sample(tmp_path / "x.svg", f"{SVG}{body.replace('handwriting', 'other')}</svg>").ink.text == ""


OUTLINE = "is a filled outline"
NO_STROKES = "no strokes of a pen; draw the text with a pen tool"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", f"contains {NO_STROKES}"),
        ("<text>hello</text>", f"contains letters of a font and {NO_STROKES}"),
        ('<image href="scan.png"/>', f"contains a picture and {NO_STROKES}"),
        ('<path d="" stroke="red"/><path stroke="red"/>', NO_STROKES),
        ('<path d="M1 1L2 2" stroke="red" stroke-width="0" fill="none"/>', NO_STROKES),
        ('<path d="M0 0L5 0 5 5Z" fill="black"/>', f":1: {OUTLINE}"),
        ('<path d="M0 0L5 0 5 5Z"/>', f":1: {OUTLINE}"),
        ('<g fill="red">\n<path d="M0 0L5 0 5 5"/></g>', f":2: {OUTLINE}"),
        (f'<path d="M1 2L3 4" {PAINT}/><circle r="3" cx="5" cy="5"/>', ":1: is a filled outline, too large"),
        (f'\n\n<path d="M1 NaN L3 4" {PAINT}/>', ":3: <path> has 'NaN' in 'd', which must contain numbers"),
        (f'<path d="M1 inf L3 4" {PAINT}/>', "has 'inf' in 'd'"),
        (f'<path d="M1 1e999 L3 4" {PAINT}/>', ":1: has a coordinate that is not a number from -10,000,000 to"),
        (f'<path d="M1 1L3 4" transform="scale(1e300)" {PAINT}/>', "has a coordinate that is not a number from"),
        (f'<path d="M1 1L3 4" transform="scale(nan)" {PAINT}/>', "has 'nan' in 'transform'"),
        (f'<path d="M1 1L3 4 oops" {PAINT}/>', "has 'oops' in 'd'"),
        (f'<polyline points="1,1 a,2" {PAINT}/>', "has 'a,2' in 'points'"),
        (f'<line x1="NaN" y1="0" x2="1" y2="1" {PAINT}/>', "<line> has 'NaN' in 'x1'"),
        (f'<g id="a"><path d="M1 1L3 4" {PAINT}/><use xlink:href="#a"/></g>', "has a <use> that refers to itself"),
        ('<g id="a0"/>' + "".join(f'<g id="a{n + 1}">' + f'<use xlink:href="#a{n}"/>' * 10 + "</g>" for n in range(9)),
         "grows to more than 200,000 elements through <use>"),
        ("<g>" * 101 + "</g>" * 101, "is nested deeper than 100 elements"),
        (f'<path d="M0 0{"C9 9 0 9 0 0" * 100_001}" {PAINT}/>', "takes more than 500,000 points"),
    ],
)  # fmt: skip
def test_drawings_without_strokes_are_rejected(tmp_path: Path, body: str, reason: str) -> None:
    assert reason in reading.read_error(tmp_path / "x.svg", f"{SVG}{body}</svg>")
