import math
import struct
import tempfile
import wave
from collections.abc import Callable
from pathlib import Path

from seqforge.testing import parametrize_with_checks

SAMPLES = Path(tempfile.mkdtemp(prefix="tones-"))


def write_tone(path: Path, *, hertz: float, seconds: float = 0.3, rate: int = 8000, amplitude: float = 0.4) -> None:
    """Write a sine tone as a 16-bit WAV file."""
    samples = [amplitude * math.sin(2 * math.pi * hertz * index / rate) for index in range(int(seconds * rate))]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", round(sample * 32767)) for sample in samples))


for number in range(24):
    write_tone(SAMPLES / f"{number}.wav", hertz=110 * 2 ** (number / 12))


@parametrize_with_checks("sound", samples=SAMPLES)
def test_contract(check: Callable[[], None]) -> None:
    check()
