from pathlib import Path
from typing import Any

import numpy as np
import pytest

import seqforge
import seqforge_corpora
from seqforge import Example, Piece, ReadError, RequestError, registry
from seqforge_midi import Midi, MidiCodec, Options
from seqforge_midi.filling import Filling
from seqforge_midi.lint import findings
from seqforge_midi.plugin import Request
from seqforge_midi.reading import read_songs
from seqforge_midi.song import DRUMS, NOTE, Song, song

BUNDLED = Path(str(next(iter(seqforge_corpora.__path__))))
OPTIONS = {
    "score": Options(),
    "score, fine": Options(grid=4, shift=12),
    "chorale": Options(encoding="chorale"),
}
FILES = {
    "score": sorted((BUNDLED / "lieder").glob("*.mid"))[::12],
    "score, fine": sorted((BUNDLED / "groove").glob("*.mid"))[::20],
    "chorale": sorted((BUNDLED / "jsb" / "train").glob("*.mid"))[::20],
}


def song_of(path: Path) -> Song:
    (found,) = read_songs(path)
    assert not isinstance(found, ReadError), found
    return found[0]


def walk(constraint: Filling, kinds: list[str], seed: int, most: int) -> list[int]:
    """Walk at random, then to the nearest end; the laws of `Constraint` hold on the way."""
    rng = np.random.default_rng(seed)
    state, steps = constraint.start(), []
    while True:
        choices = np.flatnonzero(constraint.allowed(state)).tolist()
        distance = constraint.to_end(state)
        assert (distance == 0) == constraint.may_end(state)
        if not distance and (len(steps) >= most or not choices):
            return steps
        assert choices
        if len(choices) == 1:
            step = choices[0]
            assert not distance or constraint.to_end(constraint.advance(state, step)) == distance - 1
        elif len(steps) >= most:
            step = next(each for each in choices if constraint.to_end(constraint.advance(state, each)) == distance - 1)
        else:
            kind = rng.choice(sorted({kinds[each] for each in choices}))
            step = int(rng.choice([each for each in choices if kinds[each] == kind]))
        steps.append(step)
        state = constraint.advance(state, step)
        hash(state)


SLACK = {"score": 0, "score, fine": 60, "chorale": 0}
"""Ticks by which a note may begin before its bar."""


def by_bar(found: Song, slack: int) -> list[list[tuple[int, ...]]]:
    """Return for every bar its notes: how far from its beginning they start and end, pitch, velocity, program."""
    lines = np.array(found.bars())
    rows: list[list[tuple[int, ...]]] = [[] for _ in lines]
    for start, end, *rest in found.notes.tolist():
        bar = int(np.searchsorted(lines, start + slack, side="right")) - 1
        rows[bar].append((start - int(lines[bar]), end - int(lines[bar]), *rest))
    return rows


def cells(found: Song, ticks: int) -> set[tuple[int, int]]:
    """Return which pitches sound in which frames."""
    notes = found.notes.tolist()
    return {(at // ticks, pitch) for start, end, pitch, *_ in notes for at in range(start, end, ticks)}


def filled(codec: MidiCodec, request: Request, seed: int, most: int) -> Song:
    """Return a song with a gap filled at random."""
    [prompt] = codec.prompts(request)
    assert isinstance(prompt.constraint, Filling)
    steps = walk(prompt.constraint, codec.encoding.tokens.kinds, seed, most)
    assert steps[: len(prompt.example.steps)] == prompt.example.steps.tolist()
    made = codec.decode(Example(np.array(steps), extras=prompt.example.extras))
    found: Song = codec.finish([made], request).content
    return found


@pytest.mark.parametrize("more", [0, 3])
@pytest.mark.parametrize("kind", OPTIONS)
def test_what_stands_around_a_gap_in_a_real_file_comes_back(kind: str, more: int, tmp_path: Path) -> None:
    tried = 0
    for seed, path in enumerate(FILES[kind]):
        Midi().write([Piece(song_of(path).first_bars(20))], tmp_path / "prompt.mid")
        whole = song_of(tmp_path / "prompt.mid")
        codec = MidiCodec.fit([Piece(whole)], OPTIONS[kind])
        kept = codec.canonical(Piece(whole)).content
        lines, bars = kept.bars(), len(kept.bars())
        if bars < 3:
            continue
        rng = np.random.default_rng(seed)
        first = int(rng.integers(1, bars + 1))
        last = min(bars - (first == 1), first + int(rng.integers(0, 4)))
        request = Request(prompt_file=tmp_path / "prompt.mid", gap=f"{first}-{last}", bars=bars + more if more else 0)
        made = filled(codec, request, seed, most=seed % 2 * 10_000 * (not more))
        tried += 1
        assert len(made.bars()) == bars + more, path
        Midi().write([Piece(made)], tmp_path / "made.mid")
        assert findings(tmp_path / "made.mid") == []
        if kind == "chorale":
            ticks = codec.encoding.ticks  # type: ignore[attr-defined]
            gap = range(lines[first - 1] // ticks, lines[1] * last // ticks)
            end = kept.length // ticks
            one, other = ({cell for cell in cells(each, ticks) if cell[0] not in gap} for each in (kept, made))
            assert {cell for cell in other if cell[0] < end} == one, path
            continue
        assert set(made.programs) <= set(kept.programs)
        one, other = by_bar(kept, SLACK[kind]), by_bar(made, SLACK[kind])
        for bar in [*range(first - 1), *range(last, bars)]:
            assert [(row[0], *row[2:]) for row in other[bar]] == [(row[0], *row[2:]) for row in one[bar]], path
            assert bar < last or bar == bars - 1 or other[bar] == one[bar], path
            for row, again in zip(one[bar], other[bar], strict=True):  # a key may be struck again within the gap
                assert again[1] == row[1] or lines[first - 1] - SLACK[kind] < lines[bar] + again[1]
    assert tried >= 4


def changing() -> Song:
    """Six bars of a piano, a violin and drums; in the third the meter changes to 3/4, in the fifth back."""
    starts = [0, 1920, 3840, 5280, 6720, 8640]
    rows = [
        (start + 240 * step, start + 240 * step + 200, 60 + 3 * bar + step, 30 + 8 * bar + 20 * (step % 3), program)
        for bar, start in enumerate(starts)
        for step in range(6)
        for program in (0, 40, DRUMS)[(bar + step) % 2 :]
    ]
    tempos = [(0, 100), (1920, 90), (4000, 120), (5280, 80), (8640, 100)]
    return song(np.array(rows, NOTE), tempos, [(0, (4, 4)), (3840, (3, 4)), (6720, (4, 4))])


def held(changes: tuple[tuple[int, Any], ...], tick: int) -> Any:
    """Return the meter or the tempo that holds at a tick."""
    return [value for at, value in changes if at <= tick][-1]


@pytest.mark.parametrize("kind", ["score", "score, fine"])
@pytest.mark.parametrize("gap", ["1", "1-2", "2", "2-3", "3-4", "3-5", "4", "5-6", "6"])
def test_what_changes_within_a_gap_holds_after_it_as_before(kind: str, gap: str, tmp_path: Path) -> None:
    Midi().write([Piece(changing())], tmp_path / "prompt.mid")
    codec = MidiCodec.fit([Piece(changing())], OPTIONS[kind])
    kept = codec.canonical(Piece(song_of(tmp_path / "prompt.mid"))).content
    first, _, last = gap.partition("-")
    given = [bar for bar in range(6) if not int(first) <= bar + 1 <= int(last or first)]
    for seed in range(4):
        made = filled(codec, Request(prompt_file=tmp_path / "prompt.mid", gap=gap), seed, most=10_000)
        one, other = by_bar(kept, SLACK[kind]), by_bar(made, SLACK[kind])
        assert len(other) == 6
        for bar in given:
            assert [(row[0], *row[2:]) for row in other[bar]] == [(row[0], *row[2:]) for row in one[bar]]
            assert held(made.meters, made.bars()[bar]) == held(kept.meters, kept.bars()[bar])
            assert held(made.tempos, made.bars()[bar] + 200) == held(kept.tempos, kept.bars()[bar] + 200)


# -- models and people -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "corpus"), [("chorales", "jsb/test"), ("songs", "lieder"), ("drums", "groove")]
)  # fmt: skip
def test_a_shipped_model_fills_a_gap(name: str, corpus: str, tmp_path: Path) -> None:
    model = seqforge.load(next(path for path in registry.shipped(Midi()) if path.stem == name))
    path = sorted((BUNDLED / corpus).glob("*.mid"))[0]
    kept = model.codec.canonical(Piece(song_of(path).first_bars(8))).content
    [piece, other] = model.generate(2, prompt_file=path, prompt_bars=8, gap="3-4", length=100_000)
    assert piece.content != other.content
    assert len(piece.content.bars()) == len(kept.bars()) == 8
    for made in (piece, other):
        Midi().write([made], tmp_path / "made.mid")
        assert findings(tmp_path / "made.mid") == []
        if name != "chorales":
            one, again = by_bar(kept, 60), by_bar(made.content, 60)
            for bar in (0, 1, 4, 5, 6, 7):
                assert [(row[0], *row[2:]) for row in again[bar]] == [(row[0], *row[2:]) for row in one[bar]]


CHORALE = sorted((BUNDLED / "jsb" / "train").glob("*.mid"))[0]


@pytest.mark.parametrize(
    ("encoding", "asked", "told"),
    [
        ("chorale", {"gap": "3-4"}, "--infill 3-4 is a gap in a file; give the file with --prompt-file"),
        ("chorale", {"gap": "4-3", "prompt_file": CHORALE}, "--infill 4-3 is no range of bars, which count from 1"),
        ("score", {"gap": "0-3", "prompt_file": CHORALE}, "--infill 0-3 is no range of bars"),
        ("score", {"gap": "3to4", "prompt_file": CHORALE}, "--infill 3to4 is no range of bars"),
        ("score", {"gap": "3-400", "prompt_file": CHORALE}, "--infill 3-400 lies outside the prompt, which has"),
        ("score", {"gap": "1-4", "prompt_file": CHORALE, "prompt_bars": 4}, "is the whole prompt; leave some of its 4"),
        ("chorale", {"gap": "2", "prompt_file": CHORALE, "bars": 4}, "--bars 4 is fewer than the"),
        ("performance", {"gap": "2", "prompt_file": CHORALE}, "--infill has no meaning for a model of performances"),
    ],
)
def test_a_gap_that_cannot_be_filled_is_one_sentence(encoding: str, asked: dict[str, Any], told: str) -> None:
    codec = MidiCodec.fit([Piece(song_of(CHORALE))], Options(encoding=encoding))  # type: ignore[arg-type]
    with pytest.raises(RequestError) as caught:
        codec.prompts(Request(**asked))
    assert told in str(caught.value) and "\n" not in str(caught.value)


def test_without_a_gap_four_bars_are_gone_on_from(tmp_path: Path) -> None:
    codec = MidiCodec.fit([Piece(song_of(CHORALE))], OPTIONS["chorale"])
    lengths = [
        len(codec.prompts(Request(prompt_file=CHORALE, prompt_bars=bars))[0].example.steps) for bars in (None, 4, 0)
    ]
    assert lengths[0] == lengths[1] < lengths[2]
