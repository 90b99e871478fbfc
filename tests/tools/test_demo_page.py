"""The page of the demo, on small files."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools import demo_page as page_module
from tools.demo_page import Exhibit, demo_page, loss_chart


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    contents = {
        "tune.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "tune.wav": b"RIFF",
        "tune.abc": b"X:1\nT:<b>&\nK:D\n",
        "tune.mid": b"MThd",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [tmp_path / name for name in contents]


def page(folder: Path, files: list[Path]) -> str:
    run = folder / "run"
    run.mkdir(exist_ok=True)
    events = [
        {"event": "train", "t": 10, "nats_per_unit": 3.0},
        {"event": "decay", "first": 1},
        {"event": "valid", "t": 20, "nats_per_unit": 2.25},
        {"event": "train", "t": 20, "nats_per_unit": 2.5},
    ]
    (run / "metrics.jsonl").write_text("\n".join(map(json.dumps, events)) + "\n")
    exhibit = Exhibit("A <jig>", "one & only", files)
    return demo_page(folder, shipped=[exhibit], trained=[exhibit], run=run, limits=["no <magic>"])


class Balance(HTMLParser):
    """Checks that every element that is opened is closed."""

    VOID = ("meta", "img", "br", "line", "path", "circle")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_page_is_valid_and_needs_no_network(tmp_path: Path, files: list[Path]) -> None:
    text = page(tmp_path, files)
    parser = Balance()
    parser.feed(text)
    assert parser.open == []
    assert all(link.startswith("data:") or (tmp_path / link).is_file() for link in parser.links), parser.links
    assert {"tune.mid", "run/metrics.jsonl"} <= set(parser.links)
    assert "http" not in text and "<script" not in text and str(tmp_path) not in text
    assert "A &lt;jig&gt;" in text and "one &amp; only" in text and "no &lt;magic&gt;" in text
    assert "T:&lt;b&gt;&amp;" in text and "2.250" in text
    assert text.count("<audio") == text.count('<img class="score"') == 2


def test_sound_is_not_embedded(tmp_path: Path, files: list[Path]) -> None:
    (tmp_path / "tune.wav").write_bytes(b"RIFF" * 100_000)
    text = page(tmp_path, files)
    assert text.count('src="tune.wav"') == 2 and len(text) < 20_000


def test_large_picture_is_linked(tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    assert 'src="data:image/svg+xml' in page(tmp_path, files)
    monkeypatch.setattr(page_module, "MAX_EMBEDDED_BYTES", 3)
    assert 'src="tune.svg"' in page(tmp_path, files)


def test_chart_stays_within_its_frame() -> None:
    events = [{"event": event, "t": t, "nats_per_unit": 9.0 / t} for t in (1, 5, 400) for event in ("train", "valid")]
    drawing = ElementTree.fromstring(loss_chart(events))
    paths = [element.get("d", "") for element in drawing.iter("path")]
    numbers = [float(number) for path in paths for number in re.findall(r"[0-9.]+", path)]
    assert len(paths) == 2 and len(numbers) == 12
    assert all(0 <= x <= page_module.WIDTH for x in numbers[::2])
    assert all(0 <= y <= page_module.HEIGHT for y in numbers[1::2])


@pytest.mark.parametrize("events", [[], [{"event": "train", "t": 1, "nats_per_unit": 2.0}]])
def test_chart_of_a_very_short_training(events: list[dict[str, object]]) -> None:
    assert "</" in loss_chart(events)
