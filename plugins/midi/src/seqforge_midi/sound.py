"""Songs as sound: by a soundfont of the person's own, else pretty_midi's plain synthesiser, and noise for drums."""

import io
import os
import wave
from pathlib import Path
from typing import Any

import numpy as np

from seqforge import WriteError
from seqforge_midi.song import DRUMS, Clock, Song

RATE = 22050
PEAK = 10 ** (-3 / 20)
LONGEST = 900.0
"""Seconds; what comes later is left out."""
SOUNDFONT = "SEQFORGE_SOUNDFONT"
"""The environment variable that names the person's soundfont."""
FADE = 0.3
_PARTIALS = ((1, 1.0), (2, 0.45), (3, 0.22), (4, 0.12), (5, 0.06))
_KICKS, _LOW = (35, 36), (41, 43, 45, 47, 48, 50, 58)


def write_wav(song: Song, path: Path) -> None:
    """Write a song as 16-bit WAV.

    Raises:
        WriteError: the person's soundfont cannot be played.
    """
    font = os.environ.get(SOUNDFONT)
    samples = _by_soundfont(song, font) if font else _plain(song)
    loudest = float(np.abs(samples).max(initial=0.0))
    samples = samples * (PEAK / loudest) if loudest else samples
    with path.open("wb") as opened, wave.open(opened, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())


def _by_soundfont(song: Song, font: str) -> np.ndarray:
    """Return stereo samples, shape (time, 2)."""
    import symusic

    from seqforge_midi.export import to_mido

    if not Path(font).is_file():
        raise WriteError(f"{SOUNDFONT} names {font}, and there is no such file; unset it, or name an .sf2 or .sf3 file")
    held = io.BytesIO()
    to_mido(song).save(file=held)
    score: Any = symusic.Score.from_midi(held.getvalue())
    try:
        synthesizer = symusic.Synthesizer(sf_path=font, sample_rate=RATE)
        found = np.asarray(synthesizer.render(score, stereo=True))
    except (RuntimeError, ValueError, TypeError) as error:
        raise WriteError(f"the soundfont {font} cannot be played by symusic: {error}") from error
    return np.ascontiguousarray(found.T[: int(LONGEST * RATE)])


def _plain(song: Song) -> np.ndarray:
    """Return mono samples, shape (time, 1), faded at the end."""
    import pretty_midi  # type: ignore[import-untyped]

    clock = Clock(song.tempos)
    starts, ends = clock.all_seconds(song.notes["start"]), clock.all_seconds(song.notes["end"])
    length = min(LONGEST, clock.seconds(song.length)) + FADE
    samples = np.zeros(int(length * RATE) + 1)
    player = pretty_midi.Instrument(program=0)
    random = np.random.default_rng(0)
    for note, start, end in zip(song.notes.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if start >= LONGEST:
            continue
        if note[4] == DRUMS:
            burst = _burst(note[2], note[3], random)
            at = int(start * RATE)
            burst = burst[: len(samples) - at]
            samples[at : at + len(burst)] += burst
        else:
            player.notes.append(pretty_midi.Note(note[3], note[2], start, min(max(end, start + 0.01), LONGEST)))
    if player.notes:
        tones = player.synthesize(fs=RATE, wave=_tone)[: len(samples)]
        samples[: len(tones)] += tones
    fade = int(FADE * RATE)
    samples[-fade:] *= np.linspace(1, 0, fade)
    return samples[:, None]


def _tone(phase: np.ndarray) -> np.ndarray:
    """Return a wave with a few partials, of a phase in radians."""
    return np.asarray(np.sum([strength * np.sin(number * phase) for number, strength in _PARTIALS], axis=0))


def _burst(key: int, velocity: int, random: np.random.Generator) -> np.ndarray:
    """Return the sound of a drum: a falling tone for kick and toms, noise for the others."""
    loud = (velocity / 127) ** 1.5
    if key in _KICKS or key in _LOW:
        time = np.arange(int(0.25 * RATE)) / RATE
        height = 50.0 if key in _KICKS else 80.0 + 3 * (key - 40)
        phase = 2 * np.pi * (height * time + height * 0.06 * (1 - np.exp(-time / 0.03)))
        return np.asarray(2.2 * loud * np.sin(phase) * np.exp(-time / 0.08))
    lasting = 0.35 if key in (46, 49, 52, 55, 57, 26) else 0.12 if key in (37, 38, 39, 40) else 0.05
    time = np.arange(int(3 * lasting * RATE)) / RATE
    noise = random.standard_normal(len(time))
    bright = noise if key in (38, 40) else np.append(0.0, np.diff(noise))
    return np.asarray(0.45 * loud * bright * np.exp(-time / lasting))
