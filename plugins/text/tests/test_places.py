from pathlib import Path

import numpy as np
import pytest

from seqforge import Piece, train
from seqforge.core.places import AlignedHistory
from seqforge_text.codec import TextCodec
from seqforge_text.options import TextOptions
from seqforge_text.pairs import Pair


def test_a_text_refers_to_what_followed_the_same_passage() -> None:
    codec = TextCodec.fit([Piece("the thorn")], TextOptions())
    places = codec.places()
    assert places is not None and places.excerpts
    steps = codec.encode(Piece("the then")).steps
    references = AlignedHistory(places).references(steps)
    symbols = [codec.vocabulary[number - 1] if number else "" for number in references[:, 0].tolist()]
    assert symbols == ["", "", "", "", "", "h", "e", " ", ""]
    assert references[:, 1].tolist() == [0, 0, 0, 0, 0, 1, 2, 2, 0]  # the lengths 1, 2 and 2 in binary digits


@pytest.mark.parametrize("piece", ["file", "paragraph"])
def test_only_files_are_read_in_excerpts(piece: str) -> None:
    places = TextCodec.fit([Piece("to be")], TextOptions(piece=piece)).places()  # type: ignore[arg-type]
    assert places is not None and places.excerpts == (piece == "file")


def test_lines_and_targets_of_pairs_have_no_places() -> None:
    assert TextCodec.fit([Piece("to be")], TextOptions(piece="line")).places() is None
    assert TextCodec.fit([Piece(Pair.of("zwei", "two"))], TextOptions(pairs="tsv")).places() is None


def test_a_network_learns_to_repeat_a_name(tmp_path: Path) -> None:
    """Each text repeats one random word; only the history tells which."""
    rng = np.random.default_rng(0)
    corpus = tmp_path / "texts"
    corpus.mkdir()
    for number in range(40):
        word = "".join(rng.choice(list("abcdefgh"), 12))
        (corpus / f"{number}.txt").write_text(" ".join([word] * 12))
    losses = []
    for lookback in (0, 8):
        model = train(
            "text", corpus=str(corpus), steps=60, hidden=16, layers=1, embedding=8, lookback=lookback, batch_size=16,
            bptt=32, learning_rate=0.02, run=tmp_path / f"run{lookback}",
        )  # fmt: skip
        losses.append(model.evaluate(str(corpus), split="valid").nats_per_unit)
    assert losses[1] < 0.7 * losses[0]
