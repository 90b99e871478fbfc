"""Songs as audio: with the user's soundfont, or with the plain synthesiser of pretty_midi and noise for drums."""

import io
import os
import wave
from pathlib import Path
from typing import Any

import numpy as np

from seqforge import WriteError
from seqforge_midi.midi_file import to_midi_file
from seqforge_midi.song import DRUMS, Song, TempoMap, ticks_per_bar

SAMPLE_RATE = 44100
PEAK = 10 ** (-3 / 20)
"""The largest amplitude, -3 dB."""
MAX_SECONDS = 900.0
"""Music after this time is left out."""
SOUNDFONT_VARIABLE = "SEQFORGE_SOUNDFONT"
"""The environment variable that names the user's soundfont."""
FADE_SECONDS = 0.3
_PARTIALS = ((1, 1.0), (2, 0.45), (3, 0.22), (4, 0.12), (5, 0.06))
"""Number and amplitude of the partials of the plain tone."""
_KICKS, _TOMS = (35, 36), (41, 43, 45, 47, 48, 50, 58)
_CYMBALS, _SNARES = (46, 49, 52, 55, 57, 26), (37, 38, 39, 40)


def write_wav(song: Song, path: Path, *, loop: bool = False) -> None:
    """Write a song as WAV: 16 bits, stereo, 44.1 kHz.

    Example:
        write_wav(song, Path("song.wav"))

    Args:
        song: The song.
        path: The file to write.
        loop: Whether the file is exactly as long as the bars of the song, so that it repeats without a gap. What sounds
            after the end of the last bar is mixed into the beginning.

    Raises:
        WriteError: If the user's soundfont cannot be played, or a loop is longer than 15 minutes.
    """
    seconds = loop_seconds(song) if loop else 0.0
    if loop and not 0 < seconds <= MAX_SECONDS:
        raise WriteError(
            f"a loop of {seconds:.0f} seconds cannot be written; a loop has from 1 to {MAX_SECONDS:.0f} seconds"
        )
    soundfont = os.environ.get(SOUNDFONT_VARIABLE)
    samples = _render_with_soundfont(song, soundfont) if soundfont else _render_plain(song, fade=not loop)
    if loop:
        samples = wrap(samples, round(seconds * SAMPLE_RATE))
    peak = float(np.abs(samples).max(initial=0.0))
    samples = samples * (PEAK / peak) if peak else samples
    with path.open("wb") as target, wave.open(target, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())


def loop_seconds(song: Song) -> float:
    """Return the duration of the bars of a song in seconds, 0 if it is empty.

    The last bar is counted as a whole. It is not counted if nothing starts in it and the notes before it end in its
    first eighth.
    """
    if not song.length:
        return 0.0
    start = song.bar_starts()[-1]
    time_signature = [value for tick, value in song.time_signatures if tick <= start][-1]
    bar = ticks_per_bar(time_signature)
    is_release = start > 0 and song.length - start <= bar / 8 and not (song.notes["start"] >= start).any()
    return TempoMap(song.tempos).second_of(start if is_release else start + bar)


def wrap(samples: np.ndarray, length: int) -> np.ndarray:
    """Return samples of an exact length; those after it are added to the beginning.

    >>> wrap(np.array([[1.0], [2.0], [3.0], [4.0]]), 3).tolist()
    [[5.0], [2.0], [3.0]]

    Args:
        samples: The samples, shape (time, channels).
        length: The number of samples of the result, at least 1.
    """
    padded = np.concatenate([samples, np.zeros((-len(samples) % length, samples.shape[1]))])
    return np.asarray(padded.reshape(-1, length, samples.shape[1]).sum(axis=0))


def _render_with_soundfont(song: Song, soundfont: str) -> np.ndarray:
    """Return stereo samples, shape (time, 2).

    Raises:
        WriteError: If the soundfont cannot be played.
    """
    import symusic

    if not Path(soundfont).is_file():
        raise WriteError(
            f"{SOUNDFONT_VARIABLE} is {soundfont}, and there is no such file;"
            " unset it, or set it to an .sf2 or .sf3 file"
        )
    buffer = io.BytesIO()
    to_midi_file(song).save(file=buffer)
    score: Any = symusic.Score.from_midi(buffer.getvalue())
    try:
        synthesizer = symusic.Synthesizer(sf_path=soundfont, sample_rate=SAMPLE_RATE)
        samples = np.asarray(synthesizer.render(score, stereo=True))
    except (RuntimeError, ValueError, TypeError) as error:
        raise WriteError(f"the soundfont {soundfont} cannot be played by symusic: {error}") from error
    return np.ascontiguousarray(samples.T[: int(MAX_SECONDS * SAMPLE_RATE)])


def _render_plain(song: Song, *, fade: bool) -> np.ndarray:
    """Return stereo samples, shape (time, 2), with equal channels; with a fade-out if `fade`."""
    import pretty_midi  # type: ignore[import-untyped]

    tempo_map = TempoMap(song.tempos)
    starts, ends = tempo_map.to_seconds(song.notes["start"]), tempo_map.to_seconds(song.notes["end"])
    duration = min(MAX_SECONDS, tempo_map.second_of(song.length)) + FADE_SECONDS
    samples = np.zeros(int(duration * SAMPLE_RATE) + 1)
    instrument = pretty_midi.Instrument(program=0)
    rng = np.random.default_rng(0)
    for note, start, end in zip(song.notes.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if start >= MAX_SECONDS:
            continue
        pitch, velocity, program = note[2:5]
        if program == DRUMS:
            offset = int(start * SAMPLE_RATE)
            hit = _drum_hit(pitch, velocity, rng)[: len(samples) - offset]
            samples[offset : offset + len(hit)] += hit
        else:
            note_end = min(max(end, start + 0.01), MAX_SECONDS)
            instrument.notes.append(pretty_midi.Note(velocity, pitch, start, note_end))
    if instrument.notes:
        tones = instrument.synthesize(fs=SAMPLE_RATE, wave=_tone)[: len(samples)]
        samples[: len(tones)] += tones
    if fade:
        count = int(FADE_SECONDS * SAMPLE_RATE)
        samples[-count:] *= np.linspace(1, 0, count)
    return np.repeat(samples[:, None], 2, axis=1)


def _tone(phase: np.ndarray) -> np.ndarray:
    """Return a wave with a few partials, for phases in radians."""
    return np.asarray(np.sum([amplitude * np.sin(number * phase) for number, amplitude in _PARTIALS], axis=0))


def _drum_hit(pitch: int, velocity: int, rng: np.random.Generator) -> np.ndarray:
    """Return the samples of a drum hit: a falling tone for kicks and toms, noise for other drums."""
    amplitude = (velocity / 127) ** 1.5
    if pitch in _KICKS or pitch in _TOMS:
        time = np.arange(int(0.25 * SAMPLE_RATE)) / SAMPLE_RATE
        frequency = 50.0 if pitch in _KICKS else 80.0 + 3 * (pitch - 40)
        phase = 2 * np.pi * (frequency * time + frequency * 0.06 * (1 - np.exp(-time / 0.03)))
        return np.asarray(2.2 * amplitude * np.sin(phase) * np.exp(-time / 0.08))
    decay = 0.35 if pitch in _CYMBALS else 0.12 if pitch in _SNARES else 0.05
    time = np.arange(int(3 * decay * SAMPLE_RATE)) / SAMPLE_RATE
    noise = rng.standard_normal(len(time))
    filtered = noise if pitch in (38, 40) else np.append(0.0, np.diff(noise))
    return np.asarray(0.45 * amplitude * filtered * np.exp(-time / decay))
