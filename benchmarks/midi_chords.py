"""How often the chord that is recognised in a bar is the requested one, with `--chords` and without.

    python benchmarks/midi_chords.py -n 12

Each song has 8 bars in 4/4 and one of a few progressions. `recognised` is the share of bars whose recognised chord has
the requested root and third; `root` that of bars with the requested root, and `bass`
that of bars whose lowest note is the requested bass. Without
`--chords`, the same songs are compared with a progression that they do not know, which is the level of chance.
"""

import argparse

import seqforge
from seqforge_midi.chord_estimate import chords_of_bars
from seqforge_midi.chord_symbols import KINDS, Chord, parse_progression

PROGRESSIONS = ("Am F C G", "C G Am F", "Dm G7 C Am", "Em C G D", "Gm Cm D Gm", "F C/E Dm Bb")
BARS = 8


def third(chord: Chord) -> int:
    """Return the third of a chord in semitones above its root; 0 for none."""
    return next((interval for interval in KINDS[chord.kind] if interval in (3, 4)), 0)


def main() -> None:
    """Generate songs and print the shares in per cent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="midi:songs", help="Model with the encoding score.")
    parser.add_argument("-n", type=int, default=12, help="Number of songs of each kind.")
    arguments = parser.parse_args()
    model = seqforge.load(arguments.model)
    print(f"{'':16} {'bars':>6} {'recognised':>11} {'root':>6} {'bass':>6}")
    for with_chords in (True, False):
        counts = [0, 0, 0, 0]
        for number in range(arguments.n):
            text = PROGRESSIONS[number % len(PROGRESSIONS)]
            fields = {"chords": text} if with_chords else {}
            [piece] = model.generate(1, bars=BARS, time_signature="4/4", seed=number, **fields)
            progression = parse_progression(text)
            for bar, chord in enumerate(chords_of_bars(piece.content)):
                [wanted] = progression[bar % len(progression)]
                is_root = chord is not None and chord.root == wanted.root
                counts[0] += 1
                counts[1] += chord is not None and is_root and third(chord) == third(wanted)
                counts[2] += is_root
                counts[3] += chord is not None and chord.bass == wanted.bass
        shares = [100 * count / counts[0] for count in counts[1:]]
        name = "with --chords" if with_chords else "without"
        print(f"{name:16} {counts[0]:6} {shares[0]:10.0f}% {shares[1]:5.0f}% {shares[2]:5.0f}%", flush=True)


if __name__ == "__main__":
    main()
