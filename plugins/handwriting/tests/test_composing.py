"""Letters with accents: base letters that the model writes, and marks placed by the attention."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqforge
from seqforge import Example, Piece, Prompt
from seqforge_handwriting import Handwriting
from seqforge_handwriting.accents import base_text, composition
from seqforge_handwriting.composing import compose
from seqforge_handwriting.drawing import Pen
from seqforge_handwriting.ink import Ink
from seqforge_handwriting.letter import HandwritingTask, Paragraph, ParsedRequest
from seqforge_handwriting.page import Layout
from seqforge_handwriting.style import Style

LETTERS = (
    "äöüÄÖÜàâçéèêëîïôùûüÿÀÂÇÉÈÊËÎÏÔÙÛáéíóúüñÁÉÍÓÚÑ¿¡ąćęłńóśźżĄĆĘŁŃÓŚŹŻåäöøÅÄÖØőűŐŰčďěňřšťůžČĎĚŇŘŠŤŮŽãõșțăâîşğıİ"
)  # fmt: skip
"""German, French, Spanish, Polish, Scandinavian, Hungarian, Czech, Portuguese, Romanian and Turkish letters."""
BOX = np.array([[0.0, -1.0], [0.0, 0.0], [0.8, 0.0], [0.8, -1.0], [0.0, -1.0]])
TALL = BOX * (1, 2)


def written(text: str, *, slant: float = 0.0) -> tuple[Ink, np.ndarray]:
    """Return a text of boxes at x = 0, 2, 4, ..., and attention that stands at each while it is drawn."""
    strokes, letters = [], []
    for number, letter in enumerate(text):
        if letter == " ":
            continue
        shape = TALL if letter.isupper() or letter in "bdfhklt" else BOX
        leaning = shape @ np.array([[1.0, 0.0], [-slant, 1.0]])
        strokes.append(leaning + np.array([2.0 * number, 0.0]))
        letters += [number] * len(shape)
    return Ink(tuple(strokes), text), np.eye(len(text) + 1)[letters]


def marks(text: str, *, slant: float = 0.0) -> list[np.ndarray]:
    """Return the strokes that are drawn for the accents of a text."""
    ink, weights = written(base_text(text, {}), slant=slant)
    composed = compose(ink, text, weights)
    before = {stroke.tobytes() for stroke in ink.strokes}
    return [stroke for stroke in composed.strokes if stroke.tobytes() not in before]


@pytest.mark.parametrize("letter", LETTERS)
def test_letters_of_these_languages_are_composed(letter: str) -> None:
    composed = composition(letter)
    assert composed is not None
    assert composed[0].isascii()
    assert all(np.isfinite(stroke).all() for stroke in marks(f"n{letter}n"))


@pytest.mark.parametrize("letter", "ßœæÆŒþ€&☃漢")
def test_letters_without_a_base_letter_are_not_composed(letter: str) -> None:
    assert composition(letter) is None


@given(st.text(max_size=30))
def test_base_text_has_as_many_characters(text: str) -> None:
    assert len(base_text(text, {})) == len(text)


def test_letter_that_the_model_knows_is_not_composed() -> None:
    assert base_text("é", {"é": 90}) == "é"


@pytest.mark.parametrize(("text", "count"), [("nän", 2), ("nén", 1), ("nñn", 1), ("nån", 1), ("nőn", 2), ("nžn", 1)])
def test_mark_stands_over_its_letter(text: str, count: int) -> None:
    drawn = marks(text)
    points = np.concatenate(drawn)
    assert len(drawn) == count
    assert points[:, 1].max() < -1.05
    assert points[:, 1].min() > -2.2
    assert abs((points[:, 0].min() + points[:, 0].max()) / 2 - 2.4) < 0.25


@pytest.mark.parametrize("text", ["nçn", "nşn"])
def test_cedilla_hangs_under_its_letter(text: str) -> None:
    points = np.concatenate(marks(text))
    assert -0.15 < points[:, 1].min() < 0.1
    assert 0.3 < points[:, 1].max() < 0.8
    assert 1.9 < points[:, 0].mean() < 2.9


def test_ogonek_hangs_under_the_right_end_of_its_letter() -> None:
    points = np.concatenate(marks("nąn"))
    assert points[:, 1].max() > 0.3
    assert points[:, 0].mean() > 2.4


def test_mark_over_a_capital_is_higher() -> None:
    assert np.concatenate(marks("nÉn"))[:, 1].max() < -2.05


@pytest.mark.parametrize("text", ["nłn", "nŁn", "nøn", "nØn", "nđn"])
def test_line_crosses_its_letter(text: str) -> None:
    (line,) = marks(text)
    box = (TALL if base_text(text, {})[1] in "lLOd" else BOX) + (2.0, 0.0)
    low, high = box.min(axis=0), box.max(axis=0)
    middle = line[1]
    assert (low - 0.1 <= middle).all() and (middle <= high + 0.1).all()
    assert (line[:, 0].min() < low[0]) or (line[:, 0].max() > high[0])


def test_mark_leans_with_the_hand() -> None:
    def middle(slant: float) -> float:
        points = np.concatenate(marks("nên", slant=slant))
        return float(points[:, 0].min() + points[:, 0].max()) / 2

    assert middle(0.5) - middle(0.0) == pytest.approx(0.5 * 1.4, abs=0.2)


def test_dot_of_an_i_is_replaced_by_its_accent() -> None:
    dot = np.array([[2.4, -1.4], [2.4, -1.35]])
    ink, weights = written("pip")
    ink, weights = Ink((*ink.strokes[:2], dot, ink.strokes[2]), "pip"), np.insert(weights, 10, weights[[9, 9]], axis=0)
    composed = compose(ink, "píp", weights)
    assert composed.counts == (5, 5, 5, 3)
    assert compose(ink, "n\u0131n", weights).counts == (5, 5, 5)


def test_upside_down_mark_replaces_the_upright_one() -> None:
    ink, weights = written("a ?b")
    composed = compose(ink, "a ¿b", weights)
    dot, hook = composed.strokes[1:3]
    assert dot[:, 1].max() < hook[:, 1].min()
    assert hook[:, 1].max() > 0.3
    assert len(composed.strokes) == 4


def test_marks_are_written_at_the_end_of_their_word() -> None:
    ink, weights = written("ne nn")
    composed = compose(ink, "né nn", weights)
    assert composed.counts == (5, 5, 3, 5, 5)


def test_variation_depends_on_the_ink_alone() -> None:
    ink, weights = written("nen nen")
    first, second = (compose(ink, "nén nén", weights) for _ in range(2))
    assert [stroke.tobytes() for stroke in first.strokes] == [stroke.tobytes() for stroke in second.strokes]
    one, other = (stroke for stroke in first.strokes if len(stroke) == 3)
    assert not np.allclose(other - one, [8.0, 0.0], atol=1e-3)


def test_letter_that_the_network_left_out_gets_a_mark_beside_its_neighbours() -> None:
    ink, weights = written("nn")
    skipped = np.zeros((len(weights), 4))
    skipped[:5, 0], skipped[5:, 2] = 0.9, 0.9
    skipped[3:7, 1] = 0.1
    (mark, *_) = [s for s in compose(Ink(ink.strokes, "nen"), "nén", skipped).strokes if len(s) == 3]
    assert -0.5 < mark[:, 0].mean() < 3.5


def test_part_starts_at_the_baseline_of_its_style() -> None:
    prime = Ink((np.array([[0.0, 0.0], [1.0, 0.7]]),), "g")
    request = ParsedRequest(Layout(), Pen(), Style((prime,)), (Paragraph(("a",)),))
    prompt = Prompt(Example(np.zeros((0, 3), np.float32)))
    piece = Piece(Ink((np.array([[0.5, -0.7]]),), "a"))
    refined = HandwritingTask([prompt], request).refine(0, piece, lambda: np.zeros((1, 2)))
    np.testing.assert_allclose(refined.content.points, [[0.5, 0.0]])


def test_shipped_model_writes_the_same_letters_with_and_without_accents() -> None:
    model = seqforge.load("handwriting")
    (folded,) = model.generate(text="Grusse, Jose", seed=3)
    (composed,) = model.generate(text="Grüsse, José", seed=3)
    assert composed.content.text == "Grüsse, José"
    assert len(composed.content.strokes) == len(folded.content.strokes) + 3
    Handwriting().preview(composed)


def test_end_of_a_stroke_belongs_to_the_letter_before() -> None:
    swoosh = np.array([[0.0, -2.0], [0.0, 0.0], [-2.0, 0.0], [-2.0, -0.5], [1.0, -0.8]])
    bowl = np.array([[2.0, -1.0], [1.6, -0.5], [2.0, 0.0], [2.4, -0.5], [2.0, -1.0]])
    ink = Ink((swoosh, bowl), "So")
    composed = compose(ink, "Sø", np.eye(3)[[0, 0, 1, 1, 1, 1, 1, 1, 1, 1]])
    slash = composed.strokes[2]
    assert slash[:, 0].min() > 1.2 and slash[:, 0].max() < 2.8
