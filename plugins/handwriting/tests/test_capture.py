import importlib.util
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqforge_handwriting.reading import Sample, read_ink

PAGE = Path(__file__).parents[3] / "docs" / "capture.html"

spec = importlib.util.spec_from_file_location("browser", Path(__file__).parent / "browser.py")
assert spec and spec.loader
browser = importlib.util.module_from_spec(spec)
spec.loader.exec_module(browser)


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Any]:
    program = browser.find_browser()
    if program is None:
        pytest.skip("no Chromium is installed")
    with browser.Browser(program, tmp_path) as opened:
        opened.call("Emulation.setDeviceMetricsOverride", width=1000, height=900, deviceScaleFactor=2, mobile=False)
        opened.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "saved"))
        opened.open(PAGE)
        yield opened


def corner(page: Any) -> tuple[float, float]:
    """Return where the writing area's own coordinates begin: the pad, without its edge."""
    x, y = page.run(
        "(() => { const e = document.getElementById('pad'), b = e.getBoundingClientRect();"
        " return [b.x + e.clientLeft, b.y + e.clientTop]; })()"
    )
    return x, y


def write(page: Any, points: list[tuple[float, float]], *, finger: bool = False) -> None:
    page.run("window.scrollTo(0, 0)")
    x, y = corner(page)
    placed = [(x + a, y + b) for a, b in points]
    if finger:
        page.touch("touchStart", placed[0])
        for point in placed[1:]:
            page.touch("touchMove", point)
        page.touch("touchEnd")
        return
    page.mouse("mouseMoved", *placed[0], down=False)
    page.mouse("mousePressed", *placed[0])
    for point in placed[1:]:
        page.mouse("mouseMoved", *point)
    page.mouse("mouseReleased", *placed[-1], down=False)


def saved(folder: Path) -> list[Sample]:
    until = time.monotonic() + 60
    while not (found := [*(folder / "saved").glob("*.json")]):
        assert time.monotonic() < until, "nothing was saved"
        time.sleep(0.05)
    samples = [*read_ink(found[0])]
    assert all(isinstance(sample, Sample) for sample in samples), samples
    return [sample for sample in samples if isinstance(sample, Sample)]


def near(stroke: np.ndarray, points: list[tuple[float, float]]) -> bool:
    return stroke.shape == (len(points), 2) and bool(np.allclose(stroke, points, atol=0.51))


def test_lines_written_with_a_mouse_are_saved_as_the_corpus_has_them(page: Any, tmp_path: Path) -> None:
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
    one, two = saved(tmp_path)
    assert (one.ink.text, two.ink.text) == ("vi", "l l")
    assert one.labels == {"writer": "ann", "kind": "word"} and two.labels["kind"] == "line"
    assert one.ink.counts == (3, 2, 1) and two.ink.counts == (2,)
    assert near(one.ink.strokes[0], first) and near(one.ink.strokes[1], second) and near(two.ink.strokes[0], second)
    told = json.loads((tmp_path / "saved" / "ann.json").read_text().splitlines()[0])
    assert list(told) == ["writer", "kind", "text", "strokes"]


def test_undo_clear_and_a_finger(page: Any, tmp_path: Path) -> None:
    page.call("Emulation.setTouchEmulationEnabled", enabled=True)
    line = [(30.0, 50.0), (50.0, 90.0), (70.0, 50.0)]
    write(page, [(5.0, 5.0), (200.0, 200.0)])
    page.click("clear")
    write(page, line, finger=True)
    write(page, [(90.0, 50.0), (90.0, 100.0)], finger=True)
    page.click("undo")
    page.run("document.getElementById('text').value = 'v'")
    page.click("keep")
    page.click("save")
    (sample,) = saved(tmp_path)
    assert len(sample.ink.strokes) == 1 and near(sample.ink.strokes[0][[0, -1]], [line[0], line[-1]])


def test_nothing_is_kept_without_its_text_and_nothing_comes_from_elsewhere(page: Any) -> None:
    assert page.run("document.getElementById('keep').disabled && document.getElementById('save').disabled")
    page.run("document.getElementById('text').value = '  '")
    write(page, [(30.0, 50.0), (50.0, 90.0)])
    page.click("keep")
    assert "is empty" in page.run("document.getElementById('status').textContent")
    assert page.run("document.querySelectorAll('#kept li').length") == 0
    assert page.run("performance.getEntriesByType('resource').length") == 0
    assert page.run("[...document.querySelectorAll('input')].every(each => each.labels.length === 1)")
