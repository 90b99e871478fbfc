"""Rules of four-part writing in generated chorales, beside Bach's held-out ones.

    python benchmarks/chorale_rules.py                                   # the shipped model, 200 chorales
    python benchmarks/chorale_rules.py --model FILE -n 200 --rules strict
    python benchmarks/chorale_rules.py --check                           # the checks here against music21

A move is a pair of consecutive chords of four sounding voices that differ (`seqforge_midi.voice_leading`, which
`seqforge evaluate --samples` uses, too). Chords are taken at every quarter note, so that models of quarter notes and of
sixteenths can be compared, and (`every change`) at every change of a voice. Per 100 moves it counts pairs of voices in
parallel fifths, in parallel octaves or unisons, leaps over an octave, chords with crossing voices, and chords with a
doubled leading note. `--check` compares the fifths and octaves with music21's
`VoiceLeadingQuartet` on every move of the held-out chorales.

Of a model without voices the four notes of a chord are its voices from high to low, for Bach, too (`sorted`). Bars that
repeat are bars of which all sixteenths of the four voices equal those of the bar 1, 2, 4 or 8 bars before; bars are
those of the time signature, and silence never counts.
"""

import argparse
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import seqforge
from seqforge.api.model_paths import resolve_model
from seqforge.corpus import find_corpus
from seqforge_midi.reader import read_songs
from seqforge_midi.song import Song
from seqforge_midi.voice_grid import REST, VoiceGrid
from seqforge_midi.voice_leading import Moves
from seqforge_midi.voice_rules import FIFTH, are_parallel

QUARTER = 4
DISTANCES = (1, 2, 4, 8)
PAIRS = tuple(itertools.combinations(range(4), 2))


def measure(grids: list[VoiceGrid], quarters: bool, as_sets: bool) -> dict[str, float]:
    """Return the faults per 100 moves.

    Args:
        grids: The chorales.
        quarters: Whether only the chords on quarter notes count.
        as_sets: Whether the voices are the notes from high to low.
    """
    faults, count = np.zeros(5), 0
    for grid in grids:
        pitches = grid.pitches[::QUARTER] if quarters else grid.pitches
        moves = Moves(-np.sort(-pitches, axis=1) if as_sets else pitches)
        leading_note = (grid.key().tonic - 1) % 12
        rows = (moves.fifths(), moves.octaves(), moves.leaps(), moves.crossings(), moves.doubled(leading_note))
        faults += [row.sum() for row in rows]
        count += moves.count
    names = ("fifths", "octaves", "leaps", "crossing", "doubled leading notes")
    rates = dict(zip(names, (100 * faults / max(count, 1)).round(2).tolist(), strict=True))
    return {"moves": count, **rates}


def final_triads(grids: list[VoiceGrid]) -> float:
    """Return the share of last chords that are triads with their root in the bass, in percent."""
    good = 0
    for grid in grids:
        chord = [pitch for pitch in grid.pitches[-1].tolist() if pitch != REST]
        classes = {(pitch - chord[-1]) % 12 for pitch in chord} if chord else set()
        good += classes in ({0, 4, 7}, {0, 3, 7}, {0, 4}, {0, 3})
    return round(100 * good / len(grids), 1)


def last_on_tonic(grids: list[VoiceGrid]) -> float:
    """Return the share of chorales whose last bass note is the tonic of the profile of the whole, in percent."""
    good = 0
    for grid in grids:
        last = [pitch for pitch in grid.pitches[-1].tolist() if pitch != REST]
        good += bool(last) and last[-1] % 12 == grid.key().tonic
    return round(100 * good / len(grids), 1)


def repeats(grids: list[VoiceGrid]) -> dict[str, float]:
    """Return the share of bars that equal the bar some bars before, or any earlier bar, in percent."""
    counts, total = dict.fromkeys([*map(str, DISTANCES), "any earlier bar"], 0), 0
    for grid in grids:
        length = grid.bar_length
        starts = range(grid.pickup % length, len(grid.pitches) - length + 1, length)
        bars = [grid.pitches[start : start + length].tobytes() for start in starts]
        silent = [bool((grid.pitches[start : start + length] == REST).all()) for start in starts]
        total += len(bars)
        for number, bar in enumerate(bars):
            if silent[number]:
                continue
            counts["any earlier bar"] += bar in bars[:number]
            for distance in DISTANCES:
                counts[str(distance)] += number >= distance and bars[number - distance] == bar
    return {name: round(100 * count / max(total, 1), 2) for name, count in counts.items()}


def pitch_classes(grids: list[VoiceGrid]) -> np.ndarray:
    """Return the shares of the pitch classes."""
    counts = sum(np.bincount(grid.pitches[grid.pitches != REST] % 12, minlength=12) for grid in grids)
    shares: np.ndarray = counts / np.sum(counts)
    return shares


def distance(left: list[VoiceGrid], right: list[VoiceGrid]) -> float:
    """Return the total variation distance between the pitch classes of two sets of chorales."""
    return round(float(np.abs(pitch_classes(left) - pitch_classes(right)).sum() / 2), 3)


def report(grids: list[VoiceGrid], real: list[VoiceGrid]) -> dict[str, Any]:
    """Return all figures of a set of chorales."""
    return {
        "chorales": len(grids),
        "quarter notes": measure(grids, quarters=True, as_sets=False),
        "quarter notes, sorted": measure(grids, quarters=True, as_sets=True),
        "every change": measure(grids, quarters=False, as_sets=False),
        "final triads in root position": final_triads(grids),
        "last bass note on the tonic": last_on_tonic(grids),
        "bars that repeat": repeats(grids),
        "distance of pitch classes from Bach": distance(grids, real),
    }


def grids_of(songs: Iterable[Song]) -> list[VoiceGrid]:
    """Return the voices of songs."""
    return [VoiceGrid.from_song(song) for song in songs]


def held_out(corpus: str, split: str) -> list[VoiceGrid]:
    """Return the voices of the chorales of a split."""
    paths = [Path(path) for path in find_corpus(corpus).paths() if Path(path).parent.name == split]
    pieces = [piece for path in sorted(paths) for piece in read_songs(path) if isinstance(piece, seqforge.Piece)]
    return grids_of(piece.content for piece in pieces)


def compare_with_music21(grids: list[VoiceGrid]) -> dict[str, int]:
    """Return how many moves and pairs were compared with music21, and on how many the checks disagree."""
    from music21.note import Note
    from music21.voiceLeading import VoiceLeadingQuartet

    counts = {"pairs": 0, "parallel": 0, "disagree": 0}
    for grid in grids:
        moves = Moves(grid.pitches[::QUARTER])
        for before, after in zip(moves.before.tolist(), moves.after.tolist(), strict=True):
            for high, low in PAIRS:
                if before[high] == after[high] or before[low] == after[low]:
                    continue
                earlier, later = (before[high], before[low]), (after[high], after[low])
                quartet = VoiceLeadingQuartet(*map(Note, (before[high], after[high], before[low], after[low])))
                ours = (are_parallel(earlier, later, FIFTH), are_parallel(earlier, later, 0))
                theirs = (quartet.parallelFifth(), quartet.parallelOctave() or quartet.parallelUnison())
                counts["pairs"] += 1
                counts["parallel"] += any(ours)
                counts["disagree"] += ours != theirs
    return counts


def main() -> None:
    """Generate chorales and print the figures beside Bach's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="voices")
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("--rules", choices=("free", "strict"), default="free")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--corpus", default="jsb16", help="the corpus of Bach's chorales")
    parser.add_argument("--bars", type=int, default=0, help="bars per chorale; 0: the model decides")
    parser.add_argument("--check", action="store_true", help="compare the checks of parallels with music21 instead")
    arguments = parser.parse_args()
    real = held_out(arguments.corpus, "test")
    if arguments.check:
        print(json.dumps(compare_with_music21(real)))
        return
    model = seqforge.load(resolve_model(arguments.model, plugin="midi").path)
    request = {"rules": arguments.rules} if arguments.rules != "free" else {}
    pieces = model.generate(
        arguments.n, seed=1, temperature=arguments.temperature, bars=arguments.bars, length=10_000, **request
    )
    generated = grids_of(piece.content for piece in pieces)
    result = {"Bach, test": report(real, real), "generated": report(generated, real)}
    result["Bach, test"]["distance of pitch classes from Bach"] = distance(real[::2], real[1::2])
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
