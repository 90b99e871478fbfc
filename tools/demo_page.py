"""The page of `make demo`: tunes, sound, loss curve and links in an HTML file that needs no network.

Pictures are embedded. Sounds are players of the .wav files beside the page: embedded, three tunes had 24 MB.
"""

import base64
import html
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Exhibit", "demo_page", "loss_chart"]

MAX_EMBEDDED_BYTES = 1_000_000
"""A larger picture is linked and not embedded."""
INTRODUCTION = """Everything on this page was generated on this computer: first by the model that ships with seqforge,
then by the model that the demo trained. The sounds are files beside this page; copy the whole folder to share it."""
NEXT_COMMANDS = """seqforge generate --model out/run --key Edor --meter C --rhythm reel -o reel.svg
seqforge train --plugin abc --init out/run --minutes 30
seqforge train --plugin abc --corpus my_tunes/"""
WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 40
"""Size and margins of the chart in pixels."""

STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --card: #ffffff; --ink: #1d1c1a; --soft: #6b675f;
  --line: #e2ded5; --train: #b9b2a3; --valid: #b3421f; --accent: #b3421f; }
@media (prefers-color-scheme: dark) { :root { --paper: #171614; --card: #211f1c; --ink: #efece6; --soft: #a39d91;
  --line: #38342e; --train: #6f695d; --valid: #ee8a5f; --accent: #ee8a5f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.55;
  font: 17px/1.55 Charter, "Bitstream Charter", Georgia, serif; }
main { max-width: 880px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: 2.1rem; line-height: 1.15; margin: 0 0 .4em; }
h2 { font-size: 1.35rem; margin: 2.4em 0 .5em; padding-top: .9em; border-top: 1px solid var(--line); }
p { margin: 0 0 1em; max-width: 66ch; }
.soft, figcaption { color: var(--soft); font-size: .92rem; }
figure { margin: 1.2em 0; padding: 16px; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
figcaption { margin-bottom: 12px; }
figcaption b { color: var(--ink); font-size: 1.05rem; }
.score { display: block; width: 100%; height: auto; background: #fff; border-radius: 6px; padding: 8px; }
audio { display: block; width: 100%; margin-top: 14px; }
.links { margin-top: 12px; font-size: .92rem; display: flex; flex-wrap: wrap; gap: 4px 16px; }
a { color: var(--accent); }
pre, code { font: .84rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { overflow-x: auto; margin: 0; padding: 14px 16px; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
details { margin-top: 12px; font-size: .92rem; } details pre { margin-top: 8px; background: var(--paper); }
summary { cursor: pointer; color: var(--soft); }
.chart { display: block; width: 100%; height: auto; }
.chart text { fill: var(--soft); font: 13px system-ui, sans-serif; }
.chart .grid { stroke: var(--line); } .chart path { fill: none; stroke-width: 2; stroke-linejoin: round; }
.chart .train { stroke: var(--train); } .chart .valid { stroke: var(--valid); stroke-width: 2.5; }
.chart .dot { fill: var(--valid); }
.key { display: flex; gap: 20px; font-size: .92rem; color: var(--soft); }
.key span::before { content: ""; display: inline-block; width: 18px; height: 3px; margin-right: 8px;
  vertical-align: middle; background: var(--train); } .key .v::before { background: var(--valid); }
@media (max-width: 560px) { body { font-size: 16px; } main { padding: 24px 14px 48px; } figure { padding: 12px; }
  h1 { font-size: 1.7rem; } .chart text { font-size: 24px; } }
"""


@dataclass(frozen=True)
class Exhibit:
    """One generated piece with its files.

    Attributes:
        title: The heading of the piece.
        caption: One sentence about it.
        files: Its files: a .svg is shown, a .wav beside the page is played, an .abc is shown as text; each is linked.
    """

    title: str
    caption: str
    files: Sequence[Path]


def demo_page(
    folder: Path, *, shipped: Sequence[Exhibit], trained: Sequence[Exhibit], run: Path, limits: Sequence[str]
) -> str:
    """Return the page as HTML.

    Args:
        folder: The folder in which the page is written; links are relative to it.
        shipped: Pieces of the shipped model.
        trained: Pieces of the model that was trained.
        run: The folder of the training run.
        limits: Paragraphs about what the training can and cannot do.
    """
    metrics = read_metrics(run / "metrics.jsonl")
    valid = [entry for entry in metrics if entry["event"] == "valid"]
    parts = [
        "<h1>seqforge demo</h1>",
        f"<p>{INTRODUCTION}</p>",
        "<h2>The shipped model</h2>",
        *[_exhibit(exhibit, folder) for exhibit in shipped],
        "<h2>The model that was just trained</h2>",
        *[f"<p>{html.escape(text)}</p>" for text in limits],
        "<figure><figcaption><b>Loss</b><br>in nats per note; a lower loss means better predictions"
        + (f". The last value on held-out tunes is {valid[-1]['nats_per_unit']:.3f}" if valid else "")
        + ".</figcaption>",
        loss_chart(metrics),
        '<div class="key"><span>training tunes</span><span class="v">held-out tunes</span></div></figure>',
        *[_exhibit(exhibit, folder) for exhibit in trained],
        "<h2>Next</h2>",
        f"<pre>{NEXT_COMMANDS}</pre>",
        f'<p class="soft" style="margin-top:1em">Files of the run: {_links(_files_of(run), folder)}</p>',
    ]
    body = "\n".join(parts)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>seqforge demo</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n"
        "</html>\n"
    )


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the train and valid events of a run that have a loss; [] if there is no such file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    events = [json.loads(line) for line in lines]
    return [e for e in events if e["event"] in ("train", "valid") and e.get("nats_per_unit") is not None]


def loss_chart(metrics: Sequence[Mapping[str, Any]]) -> str:
    """Return the losses over the steps as an SVG drawing.

    Args:
        metrics: Events with `event` ("train" or "valid"), `t` (step) and `nats_per_unit`.
    """
    if not metrics:
        return '<p class="soft">The training was too short for a measurement.</p>'
    last = max([1, *(int(entry["t"]) for entry in metrics)])
    losses = [float(entry["nats_per_unit"]) for entry in metrics]
    low, high = min(losses), max(losses)
    margin = 0.08 * (high - low) or 0.5
    low, high = max(0.0, low - margin), high + margin

    def x(t: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * t / last

    def y(loss: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (high - loss) / (high - low)

    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Loss over the steps">']
    for number in range(5):
        loss = low + (high - low) * number / 4
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(loss):.1f}" y2="{y(loss):.1f}"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(loss) + 4:.1f}" text-anchor="end">{loss:.2f}</text>')
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        label = f"step {round(last * share):,}" if share else "start"
        parts.append(f'<text x="{x(last * share):.1f}" y="{HEIGHT - 14}" text-anchor="{anchor}">{label}</text>')
    for event in ("train", "valid"):
        points = [(x(entry["t"]), y(entry["nats_per_unit"])) for entry in metrics if entry["event"] == event]
        path = " ".join(f"{'L' if number else 'M'}{px:.1f} {py:.1f}" for number, (px, py) in enumerate(points))
        parts += [f'<path class="{event}" d="{path}"/>'] if len(points) > 1 else []
        dots = points if event == "valid" else []
        parts += [f'<circle class="dot" cx="{px:.1f}" cy="{py:.1f}" r="3.5"/>' for px, py in dots]
    return "\n".join([*parts, "</svg>"])


def _exhibit(exhibit: Exhibit, folder: Path) -> str:
    """Return the figure of one piece."""
    title = html.escape(exhibit.title)
    parts = [f"<figure><figcaption><b>{title}</b><br>{html.escape(exhibit.caption)}</figcaption>"]
    for file in exhibit.files:
        match file.suffix:
            case ".svg":
                parts.append(
                    f'<img class="score" alt="{title}, engraved" src="{_source(file, folder, "image/svg+xml")}">'
                )
            case ".wav":
                source = html.escape(_relative(file, folder))
                parts.append(f'<audio controls preload="metadata" src="{source}"></audio>')
            case ".abc":
                text = html.escape(file.read_text(encoding="utf-8"))
                parts.append(f"<details><summary>{html.escape(file.name)} as text</summary><pre>{text}</pre></details>")
    return "\n".join([*parts, f'<div class="links">{_links(exhibit.files, folder)}</div></figure>'])


def _source(file: Path, folder: Path, media_type: str) -> str:
    """Return a picture as a data URI, or a relative link to it if it is large."""
    if file.stat().st_size > MAX_EMBEDDED_BYTES:
        return html.escape(_relative(file, folder))
    return f"data:{media_type};base64,{base64.b64encode(file.read_bytes()).decode()}"


def _links(files: Sequence[Path], folder: Path) -> str:
    return " ".join(f'<a href="{html.escape(_relative(f, folder))}">{html.escape(f.name)}</a>' for f in files)


def _relative(file: Path, folder: Path) -> str:
    return Path(os.path.relpath(file, folder)).as_posix()


def _files_of(run: Path) -> list[Path]:
    return [run / name for name in ("model.safetensors", "config.toml", "metrics.jsonl") if (run / name).is_file()]
