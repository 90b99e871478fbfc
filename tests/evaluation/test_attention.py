"""Attention as numbers and as a picture."""

import base64
import re
import struct
import xml.etree.ElementTree as ElementTree
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import torch

from seqforge.core.sequences import Example, Prompt
from seqforge.errors import RequestError
from seqforge.evaluation import attention_of, draw_attention
from seqforge.network import Network
from seqforge.sampling import Conditions, opening

Maker = Callable[..., Network]
NOTHING = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
EXAMPLE = Example(np.array([1, 0, 2, 1], np.uint8), source=np.array([2, 0, 2], np.uint8))


def test_the_weights_are_those_of_what_was_seen(make_network: Maker) -> None:
    network = make_network(source_symbols=4, gaussians=2)
    weights = attention_of(network, EXAMPLE, NOTHING)
    assert weights.shape == (4, 4)
    with torch.no_grad():
        for steps in range(4):
            part = Prompt(Example(EXAMPLE.steps[:steps], source=EXAMPLE.source))
            _, state = network.forward_layers(opening(network, part, NOTHING), network.zero_state(1))
            seen = np.bincount([2, 0, 2, 3], weights[steps], minlength=4)  # the symbol behind the source is the last
            np.testing.assert_allclose(seen, state[-1][1][0].numpy(), rtol=1e-5)


def test_where_nothing_is_attended_to(make_network: Maker) -> None:
    with pytest.raises(RequestError, match="attends to no source"):
        attention_of(make_network(), EXAMPLE, NOTHING)
    with pytest.raises(RequestError, match="no source is given"):
        attention_of(make_network(source_symbols=4), Example(EXAMPLE.steps), NOTHING)


def test_a_picture_has_a_pixel_a_step_and_symbol_and_names_the_symbols() -> None:
    weights = np.zeros((5, 3))
    weights[4, 1] = 2.0
    root = ElementTree.fromstring(draw_attention([(weights, ["<", " ", "end"]), (weights[:2], ["a", "b", "c"])]))
    image, *_ = root.findall("{*}image")
    data = base64.b64decode(image.attrib["href"].partition(",")[2])
    assert struct.unpack(">II", data[16:24]) == (5, 3)
    packed = re.search(rb"IDAT(.+?)....IEND", data, re.DOTALL)
    assert packed is not None
    rows = np.frombuffer(zlib.decompress(packed[1][:-4]), np.uint8).reshape(3, 6)
    assert rows[1].tolist() == [0, 255, 255, 255, 255, 0] and (rows[::2, 1:] == 255).all()
    assert [each.text for each in root.findall("{*}text")] == ["<", "\u2423", "end", "0", "a", "b", "c", "0"]
