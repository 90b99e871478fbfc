"""Attention as numbers and as a drawing."""

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
from seqforge.evaluation import attention_weights, draw_attention
from seqforge.inference import Conditions, Engine, NetworkWeights
from seqforge.network import Network, example_batch

Maker = Callable[..., Network]
NO_CONDITIONS = Conditions(np.zeros(0, np.int64), np.zeros(0, np.float32))
EXAMPLE = Example(np.array([1, 0, 2, 1], np.uint8), source=np.array([2, 0, 2], np.uint8))


def engine_of(network: Network) -> Engine:
    return Engine(NetworkWeights.from_network(network))


def test_weights_equal_those_of_the_network(make_network: Maker) -> None:
    network = make_network(source_symbols=4, gaussians=2)
    weights = attention_weights(engine_of(network), EXAMPLE, NO_CONDITIONS)
    assert weights.shape == (4, 4)
    with torch.no_grad():
        for steps in range(4):
            part = Example(EXAMPLE.steps[:steps], source=EXAMPLE.source)
            batch = example_batch(part, NO_CONDITIONS.labels, NO_CONDITIONS.features, 4)
            _, state = network.forward_layers(batch, network.zero_state(1))
            expected = np.bincount([2, 0, 2, 3], weights[steps], minlength=4)  # the end symbol follows the source
            np.testing.assert_allclose(expected, state[-1][1][0].numpy(), rtol=1e-5)


def test_prompt_moves_the_attention_as_in_generation(make_network: Maker) -> None:
    network = make_network(source_symbols=4, gaussians=2)
    alone = attention_weights(engine_of(network), EXAMPLE, NO_CONDITIONS)
    beginning = Example(EXAMPLE.steps[:2], source=EXAMPLE.source)
    stays = attention_weights(engine_of(network), EXAMPLE, NO_CONDITIONS, prompt=Prompt(beginning))
    moved = attention_weights(engine_of(network), EXAMPLE, NO_CONDITIONS, prompt=Prompt(beginning, source_start=30))
    np.testing.assert_allclose(stays, alone, rtol=1e-5)
    np.testing.assert_allclose(moved[:2], alone[:2], rtol=1e-5)
    assert moved[2:].sum() < 1e-3 < alone[2:].sum()  # far behind the source


def test_network_or_example_without_source_is_an_error(make_network: Maker) -> None:
    with pytest.raises(RequestError, match="attends to no source"):
        attention_weights(engine_of(make_network()), EXAMPLE, NO_CONDITIONS)
    with pytest.raises(RequestError, match=r"no source .* is given"):
        attention_weights(engine_of(make_network(source_symbols=4)), Example(EXAMPLE.steps), NO_CONDITIONS)


def test_drawing_has_one_pixel_per_step_and_symbol() -> None:
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
    assert [element.text for element in root.findall("{*}text")] == ["<", "\u2423", "end", "0", "a", "b", "c", "0"]
