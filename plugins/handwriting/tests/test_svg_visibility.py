"""What is drawn in a file of a drawing program and is no ink, and the style sheets that say so."""

from pathlib import Path

import pytest

from seqforge import ReadError
from seqforge_handwriting.samples import Sample
from seqforge_handwriting.svg_reader import read_svg

INK = '<path d="M10 10L20 20" fill="none" stroke="black"/><path d="M30 10L40 20" fill="none" stroke="black"/>'


def read(folder: Path, body: str) -> Sample | ReadError:
    path = folder / "a.svg"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100">{body}</svg>')
    return read_svg(path)


def starts(sample: Sample | ReadError) -> list[list[float]]:
    assert isinstance(sample, Sample), sample
    return [stroke[0].tolist() for stroke in sample.ink.strokes]


@pytest.mark.parametrize(
    "extra",
    [
        '<path d="M1 1L9 9" stroke="black" opacity="0"/>',
        '<g opacity="0%"><path d="M1 1L9 9" stroke="black" opacity="1"/></g>',
        '<path d="M1 1L9 9" style="stroke:black;opacity:0.0"/>',
        '<path d="M1 1L9 9" stroke="black" visibility="hidden"/>',
        '<g style="visibility:hidden"><path d="M1 1L9 9" stroke="black"/></g>',
        '<g style="display:none"><path d="M1 1L9 9" stroke="black" style="display:inline"/></g>',
        '<path d="M1 1L9 9" fill="none" stroke="#fff"/>',
        '<path d="M1 1L99 1L99 99L1 99Z" fill="#eee"/>',
        '<path d="M1 1h98v98h-98z" fill="none" stroke="red"/>',
        '<rect x="1" y="1" width="98" height="98" fill="none" stroke="red"/>',
        '<style>.off { display: none }</style><path class="off" d="M1 1L9 9" stroke="black"/>',
        (
            '<style>@media print { path { display: none } } g.off > path { opacity: 0 }</style>'
            '<g class="off"><path d="M1 1L9 9" stroke="black"/></g>'
        ),
    ],
)  # fmt: skip
def test_invisible_shapes_paper_and_frames_are_no_ink(tmp_path: Path, extra: str) -> None:
    assert starts(read(tmp_path, extra + INK)) == [[10, 10], [30, 10]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<rect width="99" height="99" fill="#123"/>' + INK.replace("black", "white"), [[10, 10], [30, 10]]),
        (INK.replace("black", "white"), [[10, 10], [30, 10]]),
        ('<path d="M1 1h9v9h-9z" fill="none" stroke="red"/>', [[1, 1]]),
        ('<path d="M1 1h9v9h-9z" fill="none" stroke="red"/>' + INK, [[1, 1], [10, 10], [30, 10]]),
        ('<path d="M1 1L9 9" stroke="black" opacity="0.05"/>', [[1, 1]]),
    ],
    ids=["white on dark paper", "all white", "a rectangle alone", "a small rectangle", "a faint stroke"],
)
def test_visible_shapes_are_ink(tmp_path: Path, body: str, expected: list[list[float]]) -> None:
    assert starts(read(tmp_path, body)) == expected


@pytest.mark.parametrize(
    "sheet",
    [
        ".page g.ink path { fill: none; stroke: #000 }",
        "svg .ink > path, line { fill: none; stroke: #000 } .page > path { stroke: red }",
        "/* pens */ #one path { fill: none; stroke: #000 !important } path { stroke: none; fill: black }",
    ],
)
def test_selectors_of_descendants_apply(tmp_path: Path, sheet: str) -> None:
    body = f'<style>{sheet}</style><g class="page"><g class="a ink" id="one"><path d="M1 1L9 9L1 9Z"/></g></g>'
    assert starts(read(tmp_path, body)) == [[1, 1]]
    assert isinstance(read(tmp_path, body.replace('class="a ink"', "").replace('id="one"', "")), ReadError)


def test_filled_outline_around_ink_that_is_no_rectangle_is_rejected(tmp_path: Path) -> None:
    sample = read(tmp_path, '<path d="M0 0L99 0L50 99Z" fill="black"/>' + INK)
    assert isinstance(sample, ReadError) and "filled outline" in sample.reason
