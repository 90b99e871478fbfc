import dataclasses
import json

import inks
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge import UNSEEN, DecodeError, Example, Piece
from seqforge_handwriting.codec import InkCodec
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.options import HandwritingOptions
from seqforge_handwriting.writer_samples import WriterSamples

SMALL_SCALE = InkCodec(HandwritingOptions(), {"a": 1}, 1e-3, WriterSamples())
"""A codec of dense points: its offsets are divided by a small number, so the range of steps is reached early."""


@pytest.fixture(scope="module")
def codec() -> InkCodec:
    return InkCodec.fit(inks.zigzag_pieces(), HandwritingOptions())


# the round-trip law


def test_decode_inverts_encode(codec: InkCodec) -> None:
    for piece in inks.zigzag_pieces(20):
        example = codec.encode(piece)
        codec.space.check(example.steps)
        codec.source.check(example.source)
        assert codec.decode(example).content == piece.content == codec.canonical(piece).content


def test_steps_are_about_one(codec: InkCodec) -> None:
    steps = np.concatenate([codec.encode(piece).steps[1:, :2] for piece in inks.zigzag_pieces()])
    assert 0.5 < np.abs(steps).std() < 2


@given(inks.small_inks, inks.scales, st.sampled_from([1e-3, 1.0]))
def test_decode_inverts_encode_in_every_unit(ink: Ink, scale: float, codec_scale: float) -> None:
    codec = InkCodec(HandwritingOptions(), {"a": 1}, codec_scale, WriterSamples())
    piece = Piece(ink.scale(scale))
    example = codec.encode(piece)
    codec.space.check(example.steps)
    canonical = codec.canonical(piece)
    assert codec.decode(example) == canonical == codec.canonical(canonical)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e3])
def test_lines_of_the_corpus_round_trip_in_every_unit(codec: InkCodec, scale: float) -> None:
    for sample in inks.corpus_samples()[:20]:
        piece = Piece(sample.ink.scale(scale))
        assert codec.decode(codec.encode(piece)) == codec.canonical(piece)


def test_flat_ink_round_trips_although_its_offsets_are_many_x_heights(codec: InkCodec) -> None:
    flat = Piece(Ink((np.array([[0.0, 0.0], [9e6, 0.1], [0.0, 0.2]]),)))
    for any_codec in (codec, SMALL_SCALE):
        example = any_codec.encode(flat)
        any_codec.space.check(example.steps)
        assert any_codec.decode(example) == any_codec.canonical(flat)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_tiny_drawings_are_encoded_independently_of_their_order(codec: InkCodec, order: tuple[int, int]) -> None:
    shapes = ([[0, 0], [1, -9], [2, 0], [4, -9]], [[0, 0], [30, -1], [60, 0], [90, -4]])
    pieces = [Piece(Ink((np.array(shape) * 1e-6,), "ab")) for shape in shapes]
    large = [Piece(Ink((np.array(shape, np.float64),), "ab")) for shape in shapes]
    assert pieces[0] != pieces[1]
    for number in order:
        example = codec.encode(pieces[number])
        np.testing.assert_allclose(example.steps, codec.encode(large[number]).steps, rtol=1e-5, atol=1e-5)
        assert codec.decode(example) == codec.canonical(pieces[number])


@pytest.mark.parametrize("steps", [np.zeros((3, 2)), np.full((2, 3), np.nan)])
def test_steps_that_are_not_offsets_raise(codec: InkCodec, steps: np.ndarray) -> None:
    with pytest.raises(DecodeError):
        codec.decode(Example(steps))


# texts and writers


def test_unknown_characters_are_counted_and_replaced(codec: InkCodec) -> None:
    piece = Piece(dataclasses.replace(inks.zigzag_line("ab"), text="aZ"))
    assert dict(codec.encode(piece).dropped) == {"Z": 1}
    assert codec.encode(Piece(inks.zigzag_line("ab"))).dropped == {}
    assert codec.decode(codec.encode(piece)).content.text == "a" + UNSEEN == codec.canonical(piece).content.text


def test_ink_with_unknown_text_is_encoded_without_a_source() -> None:
    pieces = [Piece(Ink(piece.content.strokes), piece.labels) for piece in inks.zigzag_pieces(4)]
    codec = InkCodec.fit(pieces, HandwritingOptions())
    example = InkCodec.from_state(*codec.state(), codec.options).encode(pieces[0])
    assert example.source is None and codec.decode(example) == codec.canonical(pieces[0])


def test_state_round_trip(codec: InkCodec) -> None:
    data, arrays = codec.state()
    again = InkCodec.from_state(json.loads(json.dumps(data)), arrays, codec.options)
    piece = inks.zigzag_pieces(1)[0]
    assert np.array_equal(again.encode(piece).steps, codec.encode(piece).steps)
    assert set(again.writers.lines) == {"p0", "p1", "p2"} == set(codec.writers.lines)
    for writer, ink in codec.writers.lines.items():
        assert again.writers.lines[writer].text == ink.text
        np.testing.assert_allclose(again.writers.lines[writer].points, ink.points, atol=1e-3)


@pytest.mark.parametrize(
    "change",
    [{"scale": 0.0}, {"counts": {"ab": 3}}, {"writers": [["p0", "abc", 4]]}, {"legible": ["p0", "p7"]}],
)
def test_invalid_state_raises(codec: InkCodec, change: dict[str, object]) -> None:
    data, arrays = codec.state()
    with pytest.raises(ValueError, match=r"character|scale|offsets|no line"):
        InkCodec.from_state({**data, **change}, arrays, codec.options)


def test_extended_codec_has_the_writers_of_the_other_pieces(codec: InkCodec) -> None:
    other = Piece(inks.zigzag_line("abcde abcde abc"), labels={"writer": "p9"})
    assert sorted(codec.writers.lines) == ["p0", "p1", "p2"]
    extended = codec.extended_for([other])
    assert sorted(extended.writers.lines) == ["p9"] and extended.state()[0]["counts"] == codec.state()[0]["counts"]
    assert codec.extended_for([Piece(inks.zigzag_line("abc"))]).writers.lines == codec.writers.lines


# augmentation


def test_augmentation_varies_size_and_sometimes_drops_the_text(codec: InkCodec) -> None:
    example = codec.encode(inks.zigzag_pieces(1)[0])
    variants = [codec.augment(example, np.random.default_rng(seed)) for seed in range(200)]
    assert all(variant.steps.shape == example.steps.shape for variant in variants)
    assert all(np.array_equal(variant.steps[:, 2], example.steps[:, 2]) for variant in variants)
    assert 0.8 < np.mean([variant.source is not None for variant in variants]) < 0.97
    lengths = [np.linalg.norm(variant.steps[1:, :2]) / np.linalg.norm(example.steps[1:, :2]) for variant in variants]
    assert 0.7 < min(lengths) < max(lengths) < 1.4
