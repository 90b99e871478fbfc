"""Sound, sample by sample: WAV files as 8-bit mu-law at a low rate, the food of sample-level recurrent networks.

A piece is a `Sound`: its rate and its mu-law codes (ITU-T G.711, without the segments). A step is a code, 0 to 255.
"""

import math
import wave
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import seqforge
from seqforge import Constraint, Example, Origin, Piece, Prompt, ReadError, flag

MU, LONGEST_S = 255, 600.0


@dataclass(frozen=True)
class Options:
    """How to read sounds."""

    rate: int = flag(4000, help="samples a second that are kept", unit="HERTZ")


@dataclass(frozen=True)
class Request:
    """What to make."""

    seconds: float = flag(0.0, help="exactly so long; 0: as the model ends it")
    level: float = flag(0.0, help="root mean square, in dB below full scale (-20); 0: that of the corpus", unit="DB")


@dataclass(frozen=True)
class Sound:
    """A sound: samples a second, and a mu-law code a sample."""

    rate: int
    codes: bytes

    def samples(self) -> np.ndarray:
        """Return the samples, from -1 to 1."""
        bent = np.frombuffer(self.codes, np.uint8) / (MU / 2) - 1
        return np.asarray(np.sign(bent) * np.expm1(np.abs(bent) * np.log1p(MU)) / MU)

    @classmethod
    def of(cls, rate: int, samples: np.ndarray) -> "Sound":
        """Return the sound of samples; what is louder than 1 is clipped."""
        bent = np.sign(samples) * np.log1p(MU * np.minimum(1, np.abs(samples))) / np.log1p(MU)
        return cls(rate, np.rint((bent + 1) * (MU / 2)).astype(np.uint8).tobytes())


@dataclass(frozen=True)
class Length(Constraint):
    """At least so many samples, or exactly; the state is how many are left."""

    samples: int
    exactly: bool

    def start(self) -> int:
        return self.samples

    def allowed(self, state: Any) -> np.ndarray:
        return np.full(MU + 1, state > 0 or not self.exactly)

    def may_end(self, state: Any) -> bool:
        return bool(state == 0)

    def to_end(self, state: Any) -> int:
        return int(state)

    def advance(self, state: Any, step: Any) -> int:
        return max(0, int(state) - 1)


class SoundCodec(seqforge.Codec):
    """A step a sample; learns how loud the corpus is."""

    space = seqforge.Categorical(MU + 1)

    def __init__(self, rate: int, level: float) -> None:
        self.rate, self.level = int(rate), float(level)

    def encode(self, piece: Piece) -> Example:
        return Example(np.frombuffer(piece.content.codes, np.uint8))

    def decode(self, example: Example) -> Piece:
        return Piece(Sound(self.rate, example.steps.astype(np.uint8).tobytes()))

    def canonical(self, piece: Piece) -> Piece:
        return Piece(Sound(self.rate, piece.content.codes))

    def units(self, steps: np.ndarray) -> np.ndarray:
        return np.ones(len(steps))

    def prompts(self, request: Request) -> Sequence[Prompt]:
        if not 0 <= request.seconds <= LONGEST_S or not -96 <= request.level <= 0:
            raise seqforge.RequestError(f"--seconds must be from 0 to {LONGEST_S:g}, and --level from -96 to 0")
        length = Length(max(1, round(request.seconds * self.rate)), request.seconds > 0)
        return [Prompt(Example(np.zeros(0, np.uint8)), length)]

    def finish(self, pieces: Sequence[Piece], request: Request) -> Piece:
        samples = pieces[0].content.samples() - pieces[0].content.samples().mean()
        gain = 10 ** ((request.level or self.level) / 20) / max(1e-9, float(np.sqrt(np.mean(samples**2))))
        return Piece(Sound.of(self.rate, samples * gain))

    def to_json(self) -> dict[str, Any]:
        return {"rate": self.rate, "level": self.level}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: Any) -> "SoundCodec":
        return cls(data["rate"], data["level"])


class Sounds(seqforge.Plugin):
    """Reads and writes WAV files."""

    name = "sound"
    summary = "sounds as WAV files, 8-bit mu-law at a low rate"
    unit = "sample"
    reads = writes = (".wav",)
    Options: ClassVar[type] = Options
    Request: ClassVar[type] = Request
    codec = SoundCodec

    def read(self, path: Path, options: Any) -> Iterator[Piece | ReadError]:
        """Yield the sound of a file: its channels mixed, at the rate of the options."""
        try:
            with wave.open(str(path), "rb") as file:
                rate, width, channels = file.getframerate(), file.getsampwidth(), file.getnchannels()
                data = file.readframes(min(file.getnframes(), int(LONGEST_S * rate)))
            frames = np.frombuffer(data[: len(data) // (width * channels) * width * channels], np.uint8)
            heights = frames.reshape(-1, channels, width)[..., -1]  # the highest byte; the next is 256 times finer
            fine = frames.reshape(-1, channels, width)[..., -2] / 256 if width > 1 else 0.0
            samples = (((heights.view(np.int8) if width > 1 else heights - 128.0) + fine) / 128).mean(axis=1)
            times = np.arange(int(len(samples) * options.rate / rate)) / options.rate
            samples = np.interp(times, np.arange(len(samples)) / rate, samples)
        except (wave.Error, EOFError, ValueError, ZeroDivisionError) as error:
            yield ReadError(f"is no WAV file of PCM ({error})", file=str(path))
            return
        found = Piece(Sound.of(options.rate, samples), origin=Origin(str(path)))
        yield found if len(samples) else ReadError("holds no sample", file=str(path))

    def fit(self, pieces: Iterable[Piece], options: Any) -> SoundCodec:
        powers = [1e-9, *(float(np.mean(piece.content.samples() ** 2)) for piece in pieces)]
        return SoundCodec(options.rate, 10 * math.log10(sum(powers) / max(1, len(powers) - 1)))

    def write(self, pieces: Sequence[Piece], path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, pieces[0].content.rate, 0, "NONE", ""))
            file.writeframes(np.rint(pieces[0].content.samples() * 32767).astype("<i2").tobytes())
