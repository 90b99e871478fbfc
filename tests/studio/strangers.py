"""Plugins that only the tests of the studio install: examples/sound, and one with previews and edits."""

import math
import os
import subprocess
import sys
import wave
from array import array
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = Path(__file__).parent / "site"
ENTRY_POINTS = "[seqforge.plugins]\nsound = seqforge_sound:Sounds\n"
TRAIN = """
import seqforge
from tools.fuzz.seeds import TINY
seqforge.train("morse", corpus="codes", steps=2, run="runs/morse/0001", **TINY)
seqforge.train("sound", corpus="tones", steps=2, run="runs/sound/0001", **TINY)
"""


def train_strangers(folder: Path) -> dict[str, str]:
    """Install both plugins, train a tiny model of each in a folder, and return the environment in which they exist."""
    metadata = folder / "site/seqforge_sound-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: seqforge-sound\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    (folder / "codes").mkdir()
    (folder / "tones").mkdir()
    for number in range(12):
        (folder / f"codes/{number}.morse").write_text("... --- ... " * (number + 2))
        write_tone(folder / f"tones/{number}.wav", hertz=200 + 10 * number)
    paths = [metadata.parent, SITE, ROOT / "examples/sound/src", ROOT]
    path = os.pathsep.join([*map(str, paths), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "SEQFORGE_CACHE": str(folder / "cache")}
    subprocess.run([sys.executable, "-c", TRAIN], cwd=folder, env=environment, check=True, capture_output=True)
    return environment


def write_tone(path: Path, *, hertz: float, rate: int = 4000, seconds: float = 0.1) -> None:
    """Write a sine tone."""
    samples = [int(12_000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(int(rate * seconds))]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(array("h", samples).tobytes())
