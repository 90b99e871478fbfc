import math
import struct
import tempfile
import wave
from pathlib import Path

from seqforge.testing import parametrize_with_checks

SAMPLES = Path(tempfile.mkdtemp(prefix="tones-"))


def tone(path: Path, *, hertz: float, seconds: float = 0.3, rate: int = 8000, loud: float = 0.4) -> None:
    """Write a tone in 16 bits."""
    heights = [loud * math.sin(2 * math.pi * hertz * at / rate) for at in range(int(seconds * rate))]
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(b"".join(struct.pack("<h", round(height * 32767)) for height in heights))


for number in range(24):
    tone(SAMPLES / f"{number}.wav", hertz=110 * 2 ** (number / 12))


@parametrize_with_checks("sound", samples=SAMPLES)
def test_the_contract_is_kept(check):
    check()
