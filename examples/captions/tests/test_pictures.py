"""The corpora of pictures and the encoder of the example."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[1]


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests import the scripts of the example."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("pictures", "encoder"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("modules")
def test_picture_shows_the_stroke_at_any_size() -> None:
    from pictures import SIZE, picture

    line = np.array([[0.0, 0.0], [3.0, 3.0]])
    pictures = [picture((line * size + size,)) for size in (0.01, 1.0, 50.0)]
    for image in pictures:
        assert image.shape == (SIZE, SIZE) and image.min() == 0 and image.diagonal()[2:-2].min() > 0.7
        np.testing.assert_allclose(image, pictures[0], atol=1e-4)
    assert picture((np.zeros((1, 2)),)).sum() > 0


@pytest.mark.usefixtures("modules")
def test_every_word_has_a_picture(tmp_path: Path) -> None:
    from pictures import write_corpora

    assert write_corpora(tmp_path, variants=2, most=3) == {"train": 6, "valid": 3, "test": 3}
    for split, count in (("train", 6), ("test", 3)):
        pixels = np.load(tmp_path / "text" / split / "words.features.npy")
        assert pixels.shape == (count, 784) and pixels.max() == 1 and pixels.min() == 0
        with (tmp_path / "text" / split / "words.csv").open(encoding="utf-8", newline="") as file:
            assert all(row["text"].isalpha() for row in csv.DictReader(file))
        lines = (tmp_path / "strokes" / split / "words.jsonl").read_text(encoding="utf-8").splitlines()
        assert len(lines) == count


@pytest.mark.usefixtures("modules")
def test_best_path_leaves_repetitions_out() -> None:
    from encoder import LETTERS, POSITIONS, best_path

    path = "aa-a-bb".ljust(POSITIONS, "-")
    features = np.zeros((1, POSITIONS, len(LETTERS) + 1))
    for position, letter in enumerate(path):
        features[0, position, LETTERS.index(letter) if letter != "-" else len(LETTERS)] = 1
    assert best_path(features.reshape(1, -1)) == ["aab"]
