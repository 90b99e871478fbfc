"""A plain plucked tone, so that a tune can be heard without a MIDI player."""

import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from seqforge_abc.playing import Sound

RATE = 22050
"""Samples a second."""
PEAK = 10 ** (-3 / 20)
"""Of the loudest sample: -3 dB of full scale."""
LONGEST = 900.0
"""Seconds; what comes later is left out."""
RELEASE = 0.12
"""Seconds that a tone takes to die after its key is released."""
FADE = 0.4
"""Seconds of silence and fading at the end."""
_HARMONICS = ((1, 1.0, 1.1), (2, 0.5, 0.7), (3, 0.28, 0.5), (4, 0.16, 0.35), (5, 0.08, 0.25), (6, 0.05, 0.2))
"""Number, strength, and seconds in which it falls to a third."""


def write_sounds(sounds: Sequence[Sound], whole: float, path: Path) -> None:
    """Write sounds as a 16-bit mono WAV file.

    Args:
        sounds: what is struck.
        whole: the seconds of a whole note.
        path: the file, whatever its suffix.
    """
    samples = rendered(sounds, whole)
    with path.open("wb") as opened, wave.open(opened, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())


def rendered(sounds: Sequence[Sound], whole: float) -> np.ndarray:
    """Return the samples of sounds, shape (time,), between -PEAK and PEAK, faded at the end."""
    end = min(LONGEST, max((float(sound.end) * whole for sound in sounds), default=0.0)) + FADE
    samples = np.zeros(int(end * RATE) + 1, dtype=np.float32)
    for sound in sounds:
        begin = int(float(sound.start) * whole * RATE)
        tone = _tone(sound.pitch, float(sound.end - sound.start) * whole)[: max(0, len(samples) - begin)]
        samples[begin : begin + len(tone)] += tone * (sound.velocity / 127) ** 1.5
    fade = int(FADE * RATE)
    samples[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    loudest = float(np.abs(samples).max())
    return samples * (PEAK / loudest) if loudest else samples


def _tone(pitch: int, seconds: float) -> np.ndarray:
    time = np.arange(int((min(seconds, 8.0) + RELEASE) * RATE), dtype=np.float32) / RATE
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    tone = np.zeros(len(time), dtype=np.float32)
    for number, strength, fall in _HARMONICS:
        if number * frequency < RATE / 2.2:
            tone += strength * np.exp(-time / fall) * np.sin(2 * np.pi * number * frequency * time, dtype=np.float32)
    attack = np.minimum(1, time / 0.006)
    release = np.clip((seconds + RELEASE - time) / RELEASE, 0, 1)
    return np.asarray(tone * attack * release**2, dtype=np.float32)
