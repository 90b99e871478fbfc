import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import browser
import numpy as np
import pytest

from seqforge_handwriting.reader import read_ink
from seqforge_handwriting.samples import Sample

PAGE = Path(__file__).parents[3] / "docs" / "capture.html"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    program = browser.find_browser()
    if program is None:
        pytest.skip("no Chromium is installed")
    with browser.Browser(program, tmp_path) as window:
        window.call("Emulation.setDeviceMetricsOverride", width=1000, height=900, deviceScaleFactor=2, mobile=False)
        window.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "saved"))
        window.open(PAGE)
        yield window


def pad_origin(page: Any) -> tuple[float, float]:
    """Return the upper left corner of the writing area inside its border, in page coordinates."""
    x, y = page.run(
        "(() => { const e = document.getElementById('pad'), b = e.getBoundingClientRect();"
        " return [b.x + e.clientLeft, b.y + e.clientTop]; })()"
    )
    return x, y


def write(page: Any, points: list[tuple[float, float]], *, touch: bool = False) -> None:
    page.run("window.scrollTo(0, 0)")
    left, top = pad_origin(page)
    positions = [(left + x, top + y) for x, y in points]
    if touch:
        page.touch("touchStart", positions[0])
        for point in positions[1:]:
            page.touch("touchMove", point)
        page.touch("touchEnd")
        return
    page.mouse("mouseMoved", *positions[0], down=False)
    page.mouse("mousePressed", *positions[0])
    for point in positions[1:]:
        page.mouse("mouseMoved", *point)
    page.mouse("mouseReleased", *positions[-1], down=False)


def saved_samples(folder: Path) -> list[Sample]:
    deadline = time.monotonic() + 60
    while not (files := [*(folder / "saved").glob("*.json")]):
        assert time.monotonic() < deadline, "nothing was saved"
        time.sleep(0.05)
    samples = [*read_ink(files[0])]
    assert all(isinstance(sample, Sample) for sample in samples), samples
    return [sample for sample in samples if isinstance(sample, Sample)]


def is_close(stroke: np.ndarray, points: list[tuple[float, float]]) -> bool:
    return stroke.shape == (len(points), 2) and bool(np.allclose(stroke, points, atol=0.51))


def test_lines_drawn_with_the_mouse_are_saved_in_the_form_of_the_corpus(page: Any, tmp_path: Path) -> None:
    first, second = [(40.0, 60.0), (60.0, 140.0), (80.0, 60.0)], [(100.0, 60.0), (100.0, 140.0)]
    page.run("document.getElementById('text').value = 'vi'; document.getElementById('writer').value = 'ann'")
    write(page, first)
    write(page, second)
    write(page, [(100.0, 40.0)])  # a dot
    page.click("keep")
    page.run("document.getElementById('text').value = 'l l'")
    write(page, second)
    page.click("keep")
    page.click("save")
    word, line = saved_samples(tmp_path)
    assert (word.ink.text, line.ink.text) == ("vi", "l l")
    assert word.labels == {"writer": "ann", "kind": "word"} and line.labels["kind"] == "line"
    assert word.ink.counts == (3, 2, 1) and line.ink.counts == (2,)
    assert is_close(word.ink.strokes[0], first) and is_close(word.ink.strokes[1], second)
    assert is_close(line.ink.strokes[0], second)
    row = json.loads((tmp_path / "saved" / "ann.json").read_text().splitlines()[0])
    assert list(row) == ["writer", "kind", "text", "strokes"]


def test_undo_clear_and_touch_input(page: Any, tmp_path: Path) -> None:
    page.call("Emulation.setTouchEmulationEnabled", enabled=True)
    line = [(30.0, 50.0), (50.0, 90.0), (70.0, 50.0)]
    write(page, [(5.0, 5.0), (200.0, 200.0)])
    page.click("clear")
    write(page, line, touch=True)
    write(page, [(90.0, 50.0), (90.0, 100.0)], touch=True)
    page.click("undo")
    page.run("document.getElementById('text').value = 'v'")
    page.click("keep")
    page.click("save")
    (sample,) = saved_samples(tmp_path)
    assert len(sample.ink.strokes) == 1 and is_close(sample.ink.strokes[0][[0, -1]], [line[0], line[-1]])


def test_lines_need_a_text_and_the_page_loads_no_other_files(page: Any) -> None:
    assert page.run("document.getElementById('keep').disabled && document.getElementById('save').disabled")
    page.run("document.getElementById('text').value = '  '")
    write(page, [(30.0, 50.0), (50.0, 90.0)])
    page.click("keep")
    assert "is empty" in page.run("document.getElementById('status').textContent")
    assert page.run("document.querySelectorAll('#kept li').length") == 0
    assert page.run("performance.getEntriesByType('resource').length") == 0
    assert page.run("[...document.querySelectorAll('input')].every(input => input.labels.length === 1)")
