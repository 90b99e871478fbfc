"""The waveform of a sound as a picture."""

import io
import wave

import numpy as np

__all__ = ["waveform"]

WIDTH, HEIGHT, COLUMNS = 600, 120, 300
"""The size of the picture, and the number of its vertical lines."""


def waveform(data: bytes) -> tuple[str, float]:
    """Return the waveform of a 16-bit WAV file as an SVG document, and its duration in seconds.

    Each vertical line reaches from the lowest to the highest sample of its share of the sound. The picture is empty if
    the data is no 16-bit WAV file.

    >>> target = io.BytesIO()
    >>> with wave.open(target, "wb") as file:
    ...     file.setparams((1, 2, 4000, 0, "NONE", ""))
    ...     file.writeframes(bytes(8000))
    >>> waveform(target.getvalue())[1]
    1.0

    Args:
        data: The file.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        return "", 0.0
    samples = np.frombuffer(frames, "<i2").reshape(-1, channels).mean(axis=1) / 32768 if width == 2 else np.zeros(0)
    if not len(samples):
        return "", 0.0
    starts = np.linspace(0, len(samples), min(COLUMNS, len(samples)), endpoint=False).astype(int)
    middle = HEIGHT / 2
    low = middle - np.minimum.reduceat(samples, starts) * middle
    high = middle - np.maximum.reduceat(samples, starts) * middle
    step = WIDTH / len(starts)
    lines = "".join(
        f"M{(column + 0.5) * step:.1f},{top - 0.5:.1f}V{bottom + 0.5:.1f}"
        for column, (top, bottom) in enumerate(zip(high.tolist(), low.tolist(), strict=True))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect id="sound" width="{WIDTH}" height="{HEIGHT}" fill="none"/>'
        f'<path d="{lines}" fill="none" stroke="#0f5c63" stroke-width="{0.7 * step:.2f}"/></svg>'
    ), len(samples) / rate
