"""Attention: the part of its source that a model attends to at each step, as numbers and as an SVG drawing."""

import base64
import struct
import zlib
from collections.abc import Sequence
from html import escape

import numpy as np

from seqforge.core.sequences import Example, Prompt
from seqforge.errors import RequestError
from seqforge.inference import Conditions, Engine, prompt_batch

ROW_PX = 14
"""Height of the row of a symbol, which is also the size of its letter."""
MAX_WIDTH_PX = 1200
"""Largest width of the image of one part; longer parts have several steps per pixel."""
TICK_STEPS = 100
MAX_NAME = 12
PART_GAP_PX = 3 * ROW_PX


def attention_weights(
    engine: Engine, example: Example, conditions: Conditions, *, prompt: Prompt | None = None
) -> np.ndarray:
    """Return the attention weights of each step over the symbols of an example's source.

    The last column is the end symbol, which follows the source's last symbol.

    Example:
        weights = attention_weights(model.engine, example, model.conditions(Prompt(example), model.label_numbers({})))

    Args:
        engine: The engine of the model.
        example: The encoded piece with its source.
        conditions: Labels and features.
        prompt: The prompt that the example continues, if it was generated: its `source_start` moves the attention, as
            in generation. None for an example that is read as it is.

    Raises:
        RequestError: If the network has no attention, or the example has no source.
    """
    if not engine.network.config.source_symbols:
        raise RequestError("the model attends to no source, so there is no attention to show")
    if example.source is None or not len(example.source):
        raise RequestError("there is no attention to show, since no source (such as a text to write) is given")
    start = None if prompt is None else prompt.source_start
    batch = prompt_batch(engine.network, Prompt(example, source_start=start), conditions)
    length = None if prompt is None else len(prompt.example.steps)
    return engine.attention(batch, length)[: len(example.steps)]


def draw_attention(parts: Sequence[tuple[np.ndarray, Sequence[str]]]) -> str:
    """Return an SVG drawing: time from left to right, the source from top to bottom, dark where attention is high.

    >>> svg = draw_attention([(np.eye(3), ["a", "b", "end"])])
    >>> svg.startswith("<?xml")
    True

    Source: A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv 1308.0850, figure 13.

    Args:
        parts: For each part of a piece, the weights of shape (steps, symbols) and the names of the symbols. The parts
            are drawn below each other.
    """
    longest = max((len(name[:MAX_NAME]) for _, names in parts for name in names), default=1)
    left = 10 + round(0.62 * ROW_PX * longest) + 6
    elements, top, right = [], ROW_PX, 0
    for weights, names in parts:
        steps, symbols = weights.shape
        width = min(2 * steps, MAX_WIDTH_PX)
        right, height = max(right, left + width), symbols * ROW_PX
        elements.append(f'<image x="{left}" y="{top}" width="{width}" height="{height}" preserveAspectRatio="none"'
                        ' style="image-rendering:pixelated"'
                        f' href="data:image/png;base64,{_png(weights)}"/>')  # fmt: skip
        elements.append(f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#888"/>')
        for row, name in enumerate(names):
            label = escape("\u2423" if name == " " else name[:MAX_NAME])
            elements.append(f'<text x="{left - 6}" y="{top + row * ROW_PX + 11}" text-anchor="end">{label}</text>')
        for step in range(0, steps, TICK_STEPS):
            x = left + round(width * step / steps)
            elements.append(f'<text x="{x}" y="{top + height + 13}" font-size="10">{step}</text>')
        top += height + PART_GAP_PX
    size = f'width="{right + ROW_PX}px" height="{top}px" viewBox="0 0 {right + ROW_PX} {top}"'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" {size}'
        f' font-family="monospace" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(elements)
        + "\n</svg>\n"
    )


def _png(weights: np.ndarray) -> str:
    """Return weights as a grey PNG in base 64: a row per symbol and a column per step."""
    maximum = max(float(np.quantile(weights, 0.995)), 1e-9)
    grey = (255 * (1 - np.clip(weights.T / maximum, 0, 1))).astype(np.uint8)
    lines = np.concatenate([np.zeros((len(grey), 1), np.uint8), grey], 1)  # every line starts with its filter: none
    header = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    data = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )  # fmt: skip
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode("ascii")
