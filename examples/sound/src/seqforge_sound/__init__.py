"""Audio, sample by sample: WAV files as 8-bit mu-law codes at a low sample rate.

A piece is a `Sound`: a sample rate and mu-law codes (ITU-T G.711, without its segments). A step is a code, 0 to 255.
"""

import wave
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import seqforge

MU, MAX_SECONDS = 255, 600.0


@dataclass(frozen=True)
class SoundOptions:
    """How sounds are read."""

    rate: int = seqforge.flag(4000, help="Sample rate to which files are converted.", unit="HZ")


@dataclass(frozen=True)
class SoundRequest:
    """What is generated."""

    seconds: float = seqforge.flag(0.0, help="Exact duration; 0 lets the model decide.", unit="SECONDS")
    level: float = seqforge.flag(0.0, help="RMS level relative to full scale; 0 is the level of the corpus.", unit="DB")


@dataclass(frozen=True)
class Sound:
    """A sound: its sample rate in Hz, and one mu-law code per sample."""

    rate: int
    codes: bytes

    def samples(self) -> np.ndarray:
        """Return the samples, from -1 to 1."""
        compressed = np.frombuffer(self.codes, np.uint8) / (MU / 2) - 1
        return np.asarray(np.sign(compressed) * np.expm1(np.abs(compressed) * np.log1p(MU)) / MU)


def mu_law_codes(samples: np.ndarray) -> bytes:
    """Return the mu-law code of each sample; samples are clipped to the range from -1 to 1."""
    compressed = np.sign(samples) * np.log1p(MU * np.minimum(1, np.abs(samples))) / np.log1p(MU)
    return bytes(np.rint((compressed + 1) * (MU / 2)).astype(np.uint8))


@dataclass(frozen=True)
class Length(seqforge.Constraint):
    """Requires a number of samples, exactly or at least; the state is the number that remains."""

    samples: int
    exact: bool

    def start(self) -> Hashable:
        return self.samples

    def allowed(self, state: Hashable) -> np.ndarray:
        return np.full(MU + 1, state != 0 or not self.exact)

    def may_end(self, state: Hashable) -> bool:
        return state == 0

    def to_end(self, state: Any) -> int:
        return int(state)

    def advance(self, state: Any, step: Any) -> Hashable:
        return max(0, int(state) - 1)


class SoundTask(seqforge.Task[Sound]):
    """Sets the RMS level of the result, in dB below full scale."""

    def __init__(self, prompt: seqforge.Prompt, level: float) -> None:
        super().__init__([prompt])
        self.level = level

    def finish(self, pieces: Sequence[seqforge.Piece[Sound]]) -> seqforge.Piece[Sound]:
        samples = pieces[0].content.samples()
        gain = 10 ** (self.level / 20) / max(1e-9, float(samples.std()))
        return seqforge.Piece(Sound(pieces[0].content.rate, mu_law_codes((samples - samples.mean()) * gain)))


class SoundCodec(seqforge.Codec[Sound, SoundOptions, SoundRequest]):
    """Encodes each sample as a step; fitted to the RMS level of the corpus, in dB below full scale."""

    space = seqforge.Categorical(MU + 1)

    def __init__(self, rate: int, level: float) -> None:
        self.rate, self.level = int(rate), float(level)

    @classmethod
    def fit(cls, pieces: Iterable[seqforge.Piece[Sound]], options: SoundOptions) -> Self:
        powers = [float(np.mean(piece.content.samples() ** 2)) for piece in pieces]
        return cls(options.rate, 10 * float(np.log10((1e-9 + sum(powers)) / max(1, len(powers)))))

    def encode(self, piece: seqforge.Piece[Sound]) -> seqforge.Example:
        return seqforge.Example(np.frombuffer(piece.content.codes, np.uint8))

    def decode(self, example: seqforge.Example) -> seqforge.Piece[Sound]:
        return seqforge.Piece(Sound(self.rate, example.steps.astype(np.uint8).tobytes()))

    def canonical(self, piece: seqforge.Piece[Sound]) -> seqforge.Piece[Sound]:
        return seqforge.Piece(Sound(self.rate, piece.content.codes))

    def units(self, steps: np.ndarray) -> np.ndarray:
        return np.ones(len(steps))

    def task(self, request: SoundRequest) -> SoundTask:
        for field, low, high in (("seconds", 0, MAX_SECONDS), ("level", -96, 0)):
            if not low <= getattr(request, field) <= high:
                raise seqforge.RequestError.invalid(field, getattr(request, field), f"from {low} to {high:g}")
        length = Length(max(1, round(request.seconds * self.rate)), request.seconds > 0)
        return SoundTask(seqforge.Prompt(seqforge.Example(np.zeros(0, np.uint8)), length), request.level or self.level)

    def state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        return {"rate": self.rate, "level": self.level}, {}

    @classmethod
    def from_state(cls, data: Mapping[str, Any], arrays: Mapping[str, np.ndarray], options: SoundOptions) -> Self:
        return cls(data["rate"], data["level"])


class Sounds(seqforge.Plugin[Sound, SoundOptions, SoundRequest]):
    """Reads and writes WAV files."""

    name, unit = "sound", "sample"
    summary = "sounds in WAV files, as 8-bit mu-law at a low sample rate"
    reads = writes = (".wav",)
    Options = SoundOptions
    Request = SoundRequest
    codec = SoundCodec

    def read(self, path: Path, options: SoundOptions) -> Iterator[seqforge.Piece[Sound] | seqforge.ReadError]:
        """Yield the sound of a file: the mean of its channels, at the sample rate of the options."""
        try:
            with wave.open(str(path), "rb") as file:
                channels, width, rate, frame_count, *_ = file.getparams()
                data = file.readframes(min(frame_count, int(MAX_SECONDS * rate)))
            frames = np.frombuffer(data, (np.uint8, (channels, width)), len(data) // (channels * width))
            # Samples of 8 bits are unsigned. Of longer ones, the highest 16 bits are used.
            values = frames[..., -2:].copy().view("<i2") / 256 if width > 1 else frames - 128.0
            samples = (values[..., 0] / 128).mean(axis=1)
            times = np.arange(int(len(samples) * options.rate / rate)) / options.rate
            codes = mu_law_codes(np.interp(times, np.arange(len(samples)) / rate, samples))
            piece = seqforge.Piece(Sound(options.rate, codes), origin=seqforge.Origin(str(path)))
            yield piece if codes else seqforge.ReadError("there are no samples", file=str(path))
        except (wave.Error, EOFError, ValueError, ZeroDivisionError) as error:
            yield seqforge.ReadError(f"this is not a PCM WAV file ({error})", file=str(path))

    def write(self, pieces: Sequence[seqforge.Piece[Sound]], path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, pieces[0].content.rate, 0, "NONE", ""))
            file.writeframes(np.rint(pieces[0].content.samples() * 32767).astype("<i2").tobytes())
