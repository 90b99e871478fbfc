"""Piano rolls as SVG: time to the right, pitch upwards, a colour for each program, louder is darker."""

import numpy as np

from seqforge_midi.names import program_name
from seqforge_midi.song import DRUMS, TICKS, Song

COLOURS = ("#1f4e9c", "#b5452c", "#2f7d4f", "#7a4b9a", "#a57c1b", "#2a8c9a", "#96406b", "#5c6b2f")
ROW, QUARTER = 6, 24
"""Pixels: the height of a semitone, the width of a quarter."""
NARROWEST, WIDEST = 480, 24_000
LEFT, TOP, BOTTOM = 56, 34, 22
BLACK = (1, 3, 6, 8, 10)
STRUCK = {
    35: "kick", 36: "kick", 37: "side stick", 38: "snare", 40: "snare rim", 42: "hi-hat", 44: "hi-hat foot",
    46: "open hi-hat", 22: "hi-hat edge", 26: "open edge", 48: "tom 1", 50: "tom 1 rim", 45: "tom 2", 47: "tom 2 rim",
    43: "tom 3", 58: "tom 3 rim", 49: "crash 1", 55: "crash 1 edge", 57: "crash 2", 52: "crash 2 edge", 51: "ride",
    59: "ride edge", 53: "ride bell", 39: "clap", 54: "tambourine", 56: "cowbell",
}  # fmt: skip
"""Names of the drums' keys, those of electronic kits included."""


def draw(song: Song, told: str = "") -> str:
    """Return a song as an SVG picture; its title says where it came from."""
    import svgwrite  # type: ignore[import-untyped]

    tuned = song.notes[song.notes["program"] != DRUMS]
    drums = song.notes[song.notes["program"] == DRUMS]
    low, high = (int(tuned["pitch"].min()) - 2, int(tuned["pitch"].max()) + 2) if len(tuned) else (0, -1)
    keys = sorted({int(pitch) for pitch in drums["pitch"]})
    rows = high - low + 1
    height = TOP + rows * ROW + (len(keys) * ROW * 2 + ROW if keys else 0) + BOTTOM
    scale = min(WIDEST, max(NARROWEST, song.length / TICKS * QUARTER)) / max(1, song.length)
    width = LEFT + round(song.length * scale) + 16
    page = svgwrite.Drawing(size=(f"{width}px", f"{height}px"), viewBox=f"0 0 {width} {height}", debug=False)
    page.set_desc(title=told or "a song")
    page.add(page.rect((0, 0), (width, height), fill="white"))
    right, floor = LEFT + song.length * scale, TOP + rows * ROW
    small = {"font_family": "Helvetica, Arial, sans-serif", "font_size": 9, "fill": "#555"}
    for pitch in range(low, high + 1):
        y = TOP + (high - pitch) * ROW
        if pitch % 12 in BLACK:
            page.add(page.rect((LEFT, y), (_px(right - LEFT), ROW), fill="#f0f0f0"))
        if pitch % 12 == 0:
            page.add(page.line((LEFT, y + ROW), (_px(right), y + ROW), stroke="#c8c8c8", stroke_width=0.7))
            page.add(page.text(f"C{pitch // 12 - 1}", (LEFT - 22, y + ROW), **small))
    rank = {key: place for place, key in enumerate(keys)}
    base = floor + (ROW if rows else 0)
    for key, place in rank.items():
        y = base + (len(keys) - place) * ROW * 2 - ROW
        page.add(page.line((LEFT, y), (_px(right), y), stroke="#e4e4e4", stroke_width=0.7))
        page.add(page.text(STRUCK.get(key, f"drum {key}")[:12], (2, y + 3), **{**small, "font_size": 8}))
    bottom = height - BOTTOM
    for number, tick in enumerate([*song.bars(), song.length]):
        x = _px(LEFT + tick * scale)
        page.add(page.line((x, TOP), (x, bottom), stroke="#9a9a9a", stroke_width=0.8))
        if number % 4 == 0 and tick < song.length:
            page.add(page.text(str(number + 1), (x + 2, bottom + 11), **small))
    programs = list(song.programs)
    for number, program in enumerate(programs):
        x, colour = LEFT + 130 * number, COLOURS[number % len(COLOURS)]
        page.add(page.rect((x, 12), (10, 10), fill=colour))
        page.add(page.text(program_name(program), (x + 14, 21), **{**small, "font_size": 11}))
    tempo, meter = song.tempos[0][1], song.meters[0][1]
    page.add(page.text(f"{meter[0]}/{meter[1]}, {tempo} a minute", (LEFT + 130 * len(programs), 21), **small))
    for start, end, pitch, velocity, program in song.notes.tolist():
        x, wide = _px(LEFT + start * scale), _px(max(1.5, (end - start) * scale - 0.6))
        style = {
            "fill": COLOURS[programs.index(program) % len(COLOURS)],
            "fill_opacity": round(0.35 + 0.65 * velocity / 127, 2),
        }
        if program == DRUMS:
            y = base + (len(keys) - rank[pitch]) * ROW * 2 - ROW
            page.add(page.circle((x, y), _px(1.5 + 2.5 * velocity / 127), **style))
        else:
            page.add(page.rect((x, TOP + (high - pitch) * ROW + 0.5), (wide, ROW - 1), rx=1, **style))
    text: str = page.tostring()
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + text + "\n"


def _px(value: float) -> float:
    found = float(np.round(value, 2))
    if not np.isfinite(found):
        raise ValueError("a coordinate of the picture is not finite")
    return found
