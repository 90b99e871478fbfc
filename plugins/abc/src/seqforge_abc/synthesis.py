"""The synthesis of a plucked tone, so that a tune can be heard without a MIDI player."""

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqforge import WriteError
from seqforge_abc.playback import Sound

SAMPLE_RATE = 44100
"""In samples per second."""
PEAK = 10 ** (-3 / 20)
"""The amplitude of the loudest sample: -3 dB of full scale."""
MAX_SECONDS = 900.0
"""Sounds after this time are left out."""
RELEASE_SECONDS = 0.12
"""The decay of a tone after its release."""
FADE_SECONDS = 0.4
"""The fade-out at the end."""
_HARMONICS = ((1, 1.0, 1.1), (2, 0.5, 0.7), (3, 0.28, 0.5), (4, 0.16, 0.35), (5, 0.08, 0.25), (6, 0.05, 0.2))
"""Number, amplitude and time constant in seconds of each harmonic."""


def write_sounds(
    sounds: Sequence[Sound], seconds_per_whole: float, path: Path, *, loop_length: float | None = None
) -> None:
    """Write sounds as a WAV file: 16 bits, stereo with equal channels, 44.1 kHz.

    Args:
        sounds: The sounds.
        seconds_per_whole: The duration of a whole note in seconds.
        path: The path of the file; its suffix is ignored.
        loop_length: The exact length of the file in whole notes, so that it repeats without a gap; None for a file
            that ends with a fade-out.

    Raises:
        WriteError: If the loop is empty or longer than 15 minutes.
    """
    samples = synthesise(sounds, seconds_per_whole, loop_length=loop_length)
    with path.open("wb") as stream, wave.open(stream, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.repeat(np.round(samples * 32767).astype("<i2"), 2).tobytes())


def synthesise(sounds: Sequence[Sound], seconds_per_whole: float, *, loop_length: float | None = None) -> np.ndarray:
    """Return the samples of sounds, shape (samples,), float32, from -PEAK to PEAK.

    Args:
        sounds: The sounds.
        seconds_per_whole: The duration of a whole note in seconds.
        loop_length: The exact length of the result in whole notes; what sounds after it is added to the beginning.
            None for a fade-out at the end.

    Raises:
        WriteError: If the loop is empty or longer than 15 minutes.
    """
    end = max((float(sound.end) * seconds_per_whole for sound in sounds), default=0.0)
    if loop_length is not None:
        end = loop_length * seconds_per_whole
        if not 0 < end <= MAX_SECONDS:
            raise WriteError(
                f"a loop of {end:.0f} seconds cannot be written; a loop has from 1 to {MAX_SECONDS:.0f} seconds"
            )
    samples = np.zeros(int((min(MAX_SECONDS, end) + FADE_SECONDS) * SAMPLE_RATE) + 1, dtype=np.float32)
    for sound in sounds:
        begin = int(float(sound.start) * seconds_per_whole * SAMPLE_RATE)
        tone = _tone(sound.pitch, float(sound.end - sound.start) * seconds_per_whole)
        tone = tone[: max(0, len(samples) - begin)]
        samples[begin : begin + len(tone)] += tone * (sound.velocity / 127) ** 1.5
    if loop_length is None:
        fade = int(FADE_SECONDS * SAMPLE_RATE)
        samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    else:
        length = round(end * SAMPLE_RATE)
        samples = np.append(samples, np.zeros(-len(samples) % length, np.float32)).reshape(-1, length).sum(axis=0)
    loudest = float(np.abs(samples).max())
    return samples * (PEAK / loudest) if loudest else samples


def _tone(pitch: int, seconds: float) -> np.ndarray:
    time = np.arange(int((min(seconds, 8.0) + RELEASE_SECONDS) * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    tone = np.zeros(len(time), dtype=np.float32)
    for number, amplitude, decay in _HARMONICS:
        if number * frequency < SAMPLE_RATE / 2.2:
            sine = np.sin(2 * np.pi * number * frequency * time, dtype=np.float32)
            tone += amplitude * np.exp(-time / decay) * sine
    attack = np.minimum(1, time / 0.006)
    release = np.clip((seconds + RELEASE_SECONDS - time) / RELEASE_SECONDS, 0, 1)
    return np.asarray(tone * attack * release**2, dtype=np.float32)
