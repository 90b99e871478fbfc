"""Which MIDI files can be edited with `--infill`: the middle bars of all tracks are written anew in every file.

    python benchmarks/midi_infill.py --folder FOLDER [--folder FOLDER ...] -n 300

The network is replaced by random allowed steps, so the benchmark measures reading, planning and splicing, not music.
Each result is compared with the original event by event. Files of drums are edited with the model `drums`.
"""

import argparse
import logging
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import seqforge
from seqforge import Example, RequestError
from seqforge_midi import MidiRequest
from seqforge_midi.midi_chunks import read_chunks
from seqforge_midi.midi_parts import read_parts
from seqforge_midi.song import DRUMS
from seqforge_midi.track_events import TrackEvent, read_events
from seqforge_midi.window_bars import bars_of

FREE_STEPS = 40
SUFFIXES = (".mid", ".midi", ".smf", ".rmi", ".kar")


def random_steps(constraint: Any, rng: np.random.Generator) -> list[int]:
    """Return random allowed steps; after FREE_STEPS choices they lead to the nearest end."""
    state, steps, choices = constraint.start(), [], 0
    while not constraint.may_end(state) or choices < FREE_STEPS:
        allowed = np.flatnonzero(constraint.allowed(state)).tolist()
        if not allowed:
            break
        step, distance = int(rng.choice(allowed)), constraint.to_end(state)
        if choices >= FREE_STEPS:
            step = next(step for step in allowed if constraint.to_end(constraint.advance(state, step)) < distance)
        choices += len(allowed) > 1
        state = constraint.advance(state, step)
        steps.append(step)
    return steps


def edit(models: dict[str, Any], path: Path, seed: int) -> str:
    """Return "edited", or the reason why a file cannot be edited."""
    try:
        file = read_parts(path, "prompt_file")
        bars = bars_of(file.song)
        middle = len(bars) // 2 + 1
        model = models["drums" if set(file.song.programs) == {DRUMS} else "songs"]
        task = model.codec.task(MidiRequest(prompt_file=path, infill=f"{middle}"))
        pieces = []
        for prompt in task.prompts:
            steps = random_steps(prompt.constraint, np.random.default_rng(seed))
            pieces.append(model.codec.decode(Example(np.array(steps), extras=prompt.example.extras)))
        data = task.finish(pieces).content.data
    except RequestError as error:
        return str(error).replace(str(path), "FILE")
    gap = range(file.first_file_tick(bars[middle - 1].start), file.first_file_tick(bars[middle - 1].end))
    return "edited" if is_same_outside(file.data, data, gap) else "CHANGED OUTSIDE THE GAP"


def is_same_outside(before: bytes, after: bytes, gap: range) -> bool:
    """Return whether an edit changed only notes that begin in the gap."""
    for old, new in zip(read_chunks(before).tracks, read_chunks(after).tracks, strict=True):
        counts = [Counter(TrackEvent(*event[:2]) for event in read_events(track)[0]) for track in (old, new)]
        for event in [*(counts[0] - counts[1]), *(counts[1] - counts[0])]:
            is_on = event.data[0] & 0xF0 == 0x90 and event.data[2] > 0
            is_off = event.data[0] & 0xE0 == 0x80 and not is_on
            if not (is_on and event.tick in gap) and not is_off and event.data != b"\xff\x2f\0":
                return False
    return True


def main() -> None:
    """Edit the files and print the counts by reason."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, action="append", required=True, help="Folder of MIDI files; repeatable.")
    parser.add_argument("-n", type=int, default=0, help="Largest number of files of a folder, drawn at random; 0: all.")
    arguments = parser.parse_args()
    logging.getLogger("seqforge").setLevel(logging.ERROR)
    models = {name: seqforge.load(f"midi:{name}") for name in ("songs", "drums")}
    reasons: Counter[str] = Counter()
    for folder in arguments.folder:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        if 0 < arguments.n < len(paths):
            paths = random.Random(0).sample(paths, arguments.n)
        for number, path in enumerate(paths):
            reason = edit(models, path, number)
            reasons[reason] += 1
            if reason != "edited":
                print(f"{path}: {reason}", flush=True)
    print(f"\n{reasons.total()} files")
    for reason, count in reasons.most_common():
        print(f"{count:6} {reason}")


if __name__ == "__main__":
    main()
