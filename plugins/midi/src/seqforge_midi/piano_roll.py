"""Songs as piano rolls in SVG: time to the right, pitch upwards, a colour per program, darker for louder notes."""

from typing import Any

import numpy as np

from seqforge_midi.instruments import program_name
from seqforge_midi.song import DRUMS, TICKS_PER_QUARTER, Song

COLOURS = ("#1f4e9c", "#b5452c", "#2f7d4f", "#7a4b9a", "#a57c1b", "#2a8c9a", "#96406b", "#5c6b2f")
ROW_HEIGHT, QUARTER_WIDTH = 6, 24
MIN_WIDTH, MAX_WIDTH = 480, 24_000
LEFT, TOP, RIGHT, BOTTOM = 56, 34, 16, 22
"""The margins. All sizes are in pixels."""
BLACK_KEYS = (1, 3, 6, 8, 10)
DRUM_NAMES = {
    35: "kick", 36: "kick", 37: "side stick", 38: "snare", 40: "snare rim", 42: "hi-hat", 44: "hi-hat foot",
    46: "open hi-hat", 22: "hi-hat edge", 26: "open edge", 48: "tom 1", 50: "tom 1 rim", 45: "tom 2", 47: "tom 2 rim",
    43: "tom 3", 58: "tom 3 rim", 49: "crash 1", 55: "crash 1 edge", 57: "crash 2", 52: "crash 2 edge", 51: "ride",
    59: "ride edge", 53: "ride bell", 39: "clap", 54: "tambourine", 56: "cowbell",
}  # fmt: skip
"""Pitch to the name of the drum sound, including those of electronic kits."""
TEXT_STYLE = {"font_family": "Helvetica, Arial, sans-serif", "font_size": 9, "fill": "#555"}


def draw_piano_roll(song: Song, provenance: str = "") -> str:
    """Return a song as an SVG picture.

    Example:
        Path("song.svg").write_text(draw_piano_roll(song), encoding="utf-8")

    Args:
        song: The song.
        provenance: Where the song comes from; the title of the picture.

    Raises:
        ValueError: If a coordinate is not finite.
    """
    return _PianoRoll(song, provenance).svg()


def bar_edges(song: Song) -> tuple[list[float], int]:
    """Return the x of each bar line of a piano roll, the last one included, and the height of the picture, in pixels.

    Args:
        song: The song.
    """
    roll = _PianoRoll(song, "")
    return [_pixels(LEFT + tick * roll.scale) for tick in (*song.bar_starts(), song.length)], roll.height


class _PianoRoll:
    """The layout and drawing of one piano roll."""

    def __init__(self, song: Song, provenance: str) -> None:
        import svgwrite  # type: ignore[import-untyped]

        self.song = song
        pitches = song.notes["pitch"][song.notes["program"] != DRUMS]
        drum_pitches = song.notes["pitch"][song.notes["program"] == DRUMS]
        self.low, self.high = (int(pitches.min()) - 2, int(pitches.max()) + 2) if len(pitches) else (0, -1)
        self.drum_rows = {pitch: row for row, pitch in enumerate(sorted({int(pitch) for pitch in drum_pitches}))}
        rows = self.high - self.low + 1
        drum_height = len(self.drum_rows) * ROW_HEIGHT * 2 + ROW_HEIGHT if self.drum_rows else 0
        self.drum_top = TOP + rows * ROW_HEIGHT + (ROW_HEIGHT if rows else 0)
        self.height = TOP + rows * ROW_HEIGHT + drum_height + BOTTOM
        music_width = min(MAX_WIDTH, max(MIN_WIDTH, song.length / TICKS_PER_QUARTER * QUARTER_WIDTH))
        self.scale = music_width / max(1, song.length)
        self.right = LEFT + song.length * self.scale
        self.width = LEFT + round(song.length * self.scale) + RIGHT
        view_box = f"0 0 {self.width} {self.height}"
        size = (f"{self.width}px", f"{self.height}px")
        self.page: Any = svgwrite.Drawing(size=size, viewBox=view_box, debug=False)
        self.page.set_desc(title=provenance or "a song")

    def svg(self) -> str:
        """Draw the picture and return its source."""
        self.page.add(self.page.rect((0, 0), (self.width, self.height), fill="white"))
        self._draw_pitch_rows()
        self._draw_drum_rows()
        self._draw_bar_lines()
        self._draw_legend()
        self._draw_notes()
        source: str = self.page.tostring()
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + source + "\n"

    def _pitch_y(self, pitch: int) -> int:
        return TOP + (self.high - pitch) * ROW_HEIGHT

    def _drum_y(self, row: int) -> int:
        return self.drum_top + (len(self.drum_rows) - row) * ROW_HEIGHT * 2 - ROW_HEIGHT

    def _draw_pitch_rows(self) -> None:
        page = self.page
        for pitch in range(self.low, self.high + 1):
            y = self._pitch_y(pitch)
            if pitch % 12 in BLACK_KEYS:
                page.add(page.rect((LEFT, y), (_pixels(self.right - LEFT), ROW_HEIGHT), fill="#f0f0f0"))
            if pitch % 12 == 0:
                bottom = y + ROW_HEIGHT
                page.add(page.line((LEFT, bottom), (_pixels(self.right), bottom), stroke="#c8c8c8", stroke_width=0.7))
                page.add(page.text(f"C{pitch // 12 - 1}", (LEFT - 22, bottom), **TEXT_STYLE))

    def _draw_drum_rows(self) -> None:
        page = self.page
        for pitch, row in self.drum_rows.items():
            y = self._drum_y(row)
            page.add(page.line((LEFT, y), (_pixels(self.right), y), stroke="#e4e4e4", stroke_width=0.7))
            name = DRUM_NAMES.get(pitch, f"drum {pitch}")[:12]
            page.add(page.text(name, (2, y + 3), **{**TEXT_STYLE, "font_size": 8}))

    def _draw_bar_lines(self) -> None:
        page, bottom = self.page, self.height - BOTTOM
        for number, tick in enumerate([*self.song.bar_starts(), self.song.length]):
            x = _pixels(LEFT + tick * self.scale)
            page.add(page.line((x, TOP), (x, bottom), stroke="#9a9a9a", stroke_width=0.8))
            if number % 4 == 0 and tick < self.song.length:
                page.add(page.text(str(number + 1), (x + 2, bottom + 11), **TEXT_STYLE))

    def _draw_legend(self) -> None:
        page = self.page
        for number, program in enumerate(self.song.programs):
            x = LEFT + 130 * number
            page.add(page.rect((x, 12), (10, 10), fill=COLOURS[number % len(COLOURS)]))
            page.add(page.text(program_name(program), (x + 14, 21), **{**TEXT_STYLE, "font_size": 11}))
        bpm, (numerator, denominator) = self.song.tempos[0][1], self.song.time_signatures[0][1]
        x = LEFT + 130 * len(self.song.programs)
        page.add(page.text(f"{numerator}/{denominator}, {bpm:g} a minute", (x, 21), **TEXT_STYLE))

    def _draw_notes(self) -> None:
        page, programs = self.page, list(self.song.programs)
        for start, end, pitch, velocity, program, _ in self.song.notes.tolist():
            x, width = _pixels(LEFT + start * self.scale), _pixels(max(1.5, (end - start) * self.scale - 0.6))
            style = {
                "fill": COLOURS[programs.index(program) % len(COLOURS)],
                "fill_opacity": round(0.35 + 0.65 * velocity / 127, 2),
            }
            if program == DRUMS:
                y = self._drum_y(self.drum_rows[pitch])
                page.add(page.circle((x, y), _pixels(1.5 + 2.5 * velocity / 127), **style))
            else:
                page.add(page.rect((x, self._pitch_y(pitch) + 0.5), (width, ROW_HEIGHT - 1), rx=1, **style))


def _pixels(value: float) -> float:
    """Return a coordinate, rounded to 0.01 pixels.

    Raises:
        ValueError: If it is not finite.
    """
    rounded = float(np.round(value, 2))
    if not np.isfinite(rounded):
        raise ValueError("a coordinate of the picture is not finite")
    return rounded
