"""Rich display of pieces and runs in Jupyter notebooks: scores, drawings, sound, text and curves."""

import base64
import io
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.api.html import Display, image, preformatted
from seqforge.api.previews import preview_of
from seqforge.api.runs import Run
from seqforge.core.safe_svg import safe_svg
from seqforge.errors import OptionsError
from seqforge.plugin import AnyPlugin, Piece, Plugin, registry
from seqforge.plugin.piece import ContentT

__all__ = ["Display", "GeneratedPiece", "display"]

MAX_TEXT = 100_000
"""Largest number of characters that are shown."""
MAX_SVG = 8_000_000
"""Largest picture, in characters."""
MAX_AUDIO = 4_000_000
"""Largest sound, in bytes. A longer one is mixed to mono, resampled to half its rate, and then cut."""
MIN_RATE = 22_050
"""The lowest sample rate that resampling leads to, in samples per second."""


@dataclass(frozen=True, eq=False)
class GeneratedPiece(Piece[ContentT]):
    """A piece that a model generated. Jupyter shows it as a score, drawing, sound or text.

    It is equal to a `Piece` with the same content, labels and origin.

    >>> GeneratedPiece("O brave new world") == Piece("O brave new world")
    True

    Attributes:
        plugin: The plugin that can write the piece.
    """

    plugin: AnyPlugin | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Piece):
            return NotImplemented
        return (self.content, self.labels, self.origin) == (other.content, other.labels, other.origin)

    __hash__ = Piece.__hash__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str] | None:
        if self.plugin is None:
            return None
        return display_piece(self, self.plugin, audio=True)._repr_mimebundle_()


def display(
    value: Piece[Any] | Run | str | Path, *, plugin: str | AnyPlugin | None = None, audio: bool = True
) -> Display:
    """Return what Jupyter shows for a piece or a run.

    Example:
        model = seqforge.load("abc")
        seqforge.display(model.generate(key="D")[0])
        seqforge.display("runs/abc/0001")

    Args:
        value: A piece, a run, or the folder of a run.
        plugin: The plugin of the piece, or its name; it is needed only for a piece that no model generated.
        audio: Whether the sound of a piece is included.

    Raises:
        OptionsError: If the value is neither a piece nor a run, or the plugin of a piece is not given.
    """
    if isinstance(value, str | Path):
        value = Run(Path(value))
    if isinstance(value, Run):
        return value.display()
    if not isinstance(value, Piece):
        raise OptionsError.invalid("value", value, "a piece, a run, or the folder of a run")
    owner = plugin if plugin is not None else getattr(value, "plugin", None)
    if isinstance(owner, str):
        owner = registry.load(owner)
    if not isinstance(owner, Plugin):
        raise OptionsError.invalid("plugin", owner, "a plugin or its name, since no model generated this piece")
    return display_piece(value, owner, audio=audio)


def display_piece(piece: Piece[Any], plugin: AnyPlugin, *, audio: bool) -> Display:
    """Return what Jupyter shows for a piece of a plugin."""
    preview = preview_of(plugin, piece)
    parts = []
    svg = safe_svg(preview.svg) if len(preview.svg) <= MAX_SVG else ""
    if svg:
        parts.append(image(svg, _caption(piece)))
    text = preview.text if len(preview.text) <= MAX_TEXT else preview.text[:MAX_TEXT] + " ..."
    if not svg:
        parts.append(preformatted(text or repr(piece)))
    sound = bounded_wav(preview.audio) if audio and preview.audio else b""
    if sound:
        data = base64.b64encode(sound).decode("ascii")
        parts.append(f'<audio controls src="data:audio/wav;base64,{data}"></audio>')
    return Display("".join(parts), text or _caption(piece))


def bounded_wav(data: bytes, limit: int = MAX_AUDIO) -> bytes:
    """Return a 16-bit WAV file of a bounded size; empty if the file is no 16-bit WAV.

    Args:
        data: The file.
        limit: The largest number of bytes of its samples.
    """
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        return b""
    if width != 2:
        return b""
    if len(frames) <= limit:
        return data
    samples = np.frombuffer(frames, "<i2").reshape(-1, channels).astype(np.float32).mean(axis=1)
    while 2 * len(samples) > limit and rate >= 2 * MIN_RATE:
        samples, rate = samples[: len(samples) // 2 * 2].reshape(-1, 2).mean(axis=1), rate // 2
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples[: limit // 2].round().astype("<i2").tobytes())
    return target.getvalue()


def _caption(piece: Piece[Any]) -> str:
    return f"{piece.origin.file}, {piece.origin.place}" if piece.origin else "a piece"
