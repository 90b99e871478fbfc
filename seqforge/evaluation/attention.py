"""Attention: what of its source a model looks at, step by step, as numbers and as an SVG drawing."""

import base64
import struct
import zlib
from collections.abc import Sequence
from html import escape

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from seqforge.errors import RequestError
from seqforge.network import Network
from seqforge.sampling import Conditions, opening
from seqforge.core.sequences import Example, Prompt

ROW = 14
"""Height of a symbol of the source, pixels; also the size of its letters."""
WIDEST = 1200
"""Pixels of the widest picture of one part; more steps share a pixel."""
EVERY = 100
"""Steps from mark to mark."""
LONGEST_NAME = 12
GAP = 3 * ROW


@torch.no_grad()
def attention_of(network: Network, example: Example, conditions: Conditions) -> Float[np.ndarray, "steps symbols"]:
    """Return what of an example's source the network attends to when it predicts each step.

    The last column stands for what is behind the source's last symbol.

    Raises:
        RequestError: the network attends to no source, or the example has none.
    """
    if not network.config.source_symbols:
        raise RequestError("the model attends to no source, so there is no attention to show")
    if example.source is None or not len(example.source):
        raise RequestError("nothing is attended to: no source is given (such as a text to write)")
    weights: list[Tensor] = []
    network.eval()
    network.forward_layers(
        opening(network, Prompt(example), conditions), network.zero_state(1), attention_weights=weights
    )
    found: np.ndarray = torch.cat(weights).numpy()[: len(example.steps)]
    return found


def draw_attention(parts: Sequence[tuple[Float[np.ndarray, "_ _"], Sequence[str]]]) -> str:
    """Return an SVG drawing: time goes to the right, the source from top to bottom; the darker, the more attention.

    After A. Graves, "Generating Sequences With Recurrent Neural Networks", arXiv 1308.0850, figure 13.

    Args:
        parts: of each part of a piece the weights, shape (steps, symbols), and what its symbols are called. They
            stand below each other.
    """
    names = max((len(name[:LONGEST_NAME]) for _, called in parts for name in called), default=1)
    left = 10 + round(0.62 * ROW * names) + 6
    drawn, top, right = [], ROW, 0
    for weights, called in parts:
        steps, symbols = weights.shape
        width = min(2 * steps, WIDEST)
        right, height = max(right, left + width), symbols * ROW
        drawn.append(f'<image x="{left}" y="{top}" width="{width}" height="{height}" preserveAspectRatio="none"'
                     f' style="image-rendering:pixelated" href="data:image/png;base64,{_png(weights)}"/>')  # fmt: skip
        drawn.append(f'<rect x="{left}" y="{top}" width="{width}" height="{height}" fill="none" stroke="#888"/>')
        for row, name in enumerate(called):
            shown = escape("\u2423" if name == " " else name[:LONGEST_NAME])
            drawn.append(f'<text x="{left - 6}" y="{top + row * ROW + 11}" text-anchor="end">{shown}</text>')
        for step in range(0, steps, EVERY):
            x = left + round(width * step / steps)
            drawn.append(f'<text x="{x}" y="{top + height + 13}" font-size="10">{step}</text>')
        top += height + GAP
    size = f'width="{right + ROW}px" height="{top}px" viewBox="0 0 {right + ROW} {top}"'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<svg xmlns="http://www.w3.org/2000/svg" {size}'
        f' font-family="monospace" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _png(weights: np.ndarray) -> str:
    """Return weights as a grey picture, a row a symbol and a column a step, in base 64."""
    full = max(float(np.quantile(weights, 0.995)), 1e-9)
    grey = (255 * (1 - np.clip(weights.T / full, 0, 1))).astype(np.uint8)
    lines = np.concatenate([np.zeros((len(grey), 1), np.uint8), grey], 1)  # each begins with its filter: none
    head = struct.pack(">IIBBBBB", grey.shape[1], grey.shape[0], 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b""))
    data = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )  # fmt: skip
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + data).decode("ascii")
