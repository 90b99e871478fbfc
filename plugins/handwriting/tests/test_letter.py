"""A letter in one hand: the writer, the lines of a style in turn, what is left of the style, and the height."""

import dataclasses
import logging
from pathlib import Path

import inks
import numpy as np
import pytest

import seqforge
from seqforge import Example, Piece, RequestError
from seqforge.api.generation import Generation, GenerationRequest
from seqforge_handwriting.codec import InkCodec
from seqforge_handwriting.ink import Ink, concatenate
from seqforge_handwriting.letter import HandwritingTask, without_late_strokes
from seqforge_handwriting.options import HandwritingOptions, HandwritingRequest
from seqforge_handwriting.stroke_json import json_line


@pytest.fixture(scope="module")
def codec() -> InkCodec:
    return InkCodec.fit(inks.zigzag_pieces(), HandwritingOptions())


@pytest.fixture(scope="module")
def model() -> seqforge.Model:
    return seqforge.load("handwriting")


# one request is one hand


def test_request_without_a_style_has_one_writer_drawn_by_the_seed(codec: InkCodec) -> None:
    request = HandwritingRequest(text="abc\nbad\ncab")
    styles = [codec.resolve(request, np.random.default_rng(seed)).style for seed in range(40)]
    assert set(styles) == set(codec.writers.lines)
    assert codec.resolve(request, np.random.default_rng(3)).style == styles[3]
    task = codec.task(codec.resolve(request, np.random.default_rng(3)))
    assert all(np.array_equal(prompt.example.steps, task.prompts[0].example.steps) for prompt in task.prompts)
    assert len(task.prompts) == 3 and len(task.prompts[0].example.steps)


def test_only_legible_writers_are_drawn_but_all_can_be_requested(codec: InkCodec) -> None:
    choosy = InkCodec(codec.options, codec.counts, codec.scale, codec.writers, legible=["p2", "p0"])
    choosy = InkCodec.from_state(*choosy.state(), choosy.options)
    request = HandwritingRequest(text="abc")
    assert {choosy.resolve(request, np.random.default_rng(seed)).style for seed in range(40)} == {"p0", "p2"}
    assert choosy.resolve(HandwritingRequest(text="abc", style="p1"), np.random.default_rng(0)).style == "p1"
    assert choosy.extended_for([]).legible == ["p0", "p2"]


@pytest.mark.parametrize("request_", [HandwritingRequest(), HandwritingRequest(text="abc", style="random-per-line")])
def test_free_writing_and_random_lines_have_no_writer(codec: InkCodec, request_: HandwritingRequest) -> None:
    assert codec.resolve(request_, np.random.default_rng(0)) == request_
    assert all(len(prompt.example.steps) == 0 for prompt in codec.task(request_).prompts)


def test_writer_is_recorded_in_the_request(model: seqforge.Model) -> None:
    generations = [Generation(model, GenerationRequest(seed=seed, request={"text": "a\nb"})) for seed in (1, 1, 2)]
    writers = [generation.request.request["style"] for generation in generations]
    assert writers[0] == writers[1] != writers[2] and writers[0] in model.codec.writers.lines
    again = Generation(model, generations[0].request)
    assert [len(p.example.steps) for p in again.prompts] == [len(p.example.steps) for p in generations[0].prompts]


# one of several candidates is kept


def drawn(task: HandwritingTask, *counts: int) -> list[Example]:
    """Return candidates with these numbers of points after the prompt."""
    example = task.prompts[0].example
    return [
        dataclasses.replace(example, steps=np.concatenate([example.steps, np.ones((count, 3), np.float32)]))
        for count in counts
    ]


def test_most_probable_candidate_is_kept(codec: InkCodec) -> None:
    task = codec.task(HandwritingRequest(text="abc"))
    assert task.prompts[0].candidates > 1
    assert task.choose(0, drawn(task, 1, 3, 2), [[-1.0, -9.0], [-2.0, -3.0, -2.5, -2.5], [-4.0, -4.0, -4.0]]) == 1


def test_candidate_that_has_no_end_or_is_far_longer_is_not_kept(codec: InkCodec) -> None:
    task = codec.task(HandwritingRequest(text="abc"))
    assert task.choose(0, drawn(task, 2, 2, 2), [[-1.0, -1.0], [-3.0] * 3, [-2.0] * 3]) == 2
    assert task.choose(0, drawn(task, 2, 2, 90), [[-4.0] * 3, [-3.0] * 3, [0.5] * 91]) == 1
    assert task.choose(0, drawn(task, 2, 2), [[-4.0] * 2, [-3.0] * 2]) == 1


def test_free_writing_has_no_choice(codec: InkCodec) -> None:
    task = codec.task(HandwritingRequest())
    assert task.prompts[0].candidates == 1 and task.choose(0, [task.prompts[0].example], [[-1.0]]) is None


def test_kept_candidate_has_the_largest_mean_log_probability(model: seqforge.Model) -> None:
    request = {"text": "a few words", "style": "w014"}
    alone = list(Generation(model, GenerationRequest(n=3, candidates=1, request=request)).run_in_order())
    (choice,) = Generation(model, GenerationRequest(candidates=3, request=request)).run()
    best = max(alone, key=lambda generated: float(np.mean(generated.scores)))
    assert np.array_equal(choice.examples[0].steps, best.examples[0].steps)


# the text starts after the line of the style


def test_source_of_a_primed_line_starts_after_the_style(codec: InkCodec) -> None:
    (prompt,) = codec.task(HandwritingRequest(text="bad", style="p1")).prompts
    assert prompt.source_start == len(codec.writers.lines["p1"].text) + 1


def test_late_strokes_belong_to_the_line_before() -> None:
    dot, cross = np.array([[-3.0, -1.5]]), np.array([[-2.0, -1.0], [-1.0, -1.0]])
    text = [np.array([[1.0, 0.0], [2.0, -1.0]]), np.array([[1.5, 0.0], [4.0, 0.0]])]
    assert without_late_strokes(Ink((dot, cross, *text)), right=-0.5).counts == (2, 2)
    assert without_late_strokes(Ink((text[0], *text)), right=0.0).counts == (2, 2, 2)
    near = np.array([[-0.3, 0.0], [0.1, 0.0]])
    assert without_late_strokes(Ink((near, *text)), right=0.0).counts == (2, 2, 2)
    assert without_late_strokes(Ink((dot,)), right=0.0).counts == (1,)


# styles from files


def style_file(folder: Path, lines: list[Ink]) -> Path:
    path = folder / "me.jsonl"
    path.write_text("".join(json_line(line) + "\n" for line in lines))
    return path


def test_lines_of_a_style_take_turns(codec: InkCodec, tmp_path: Path) -> None:
    path = style_file(tmp_path, [inks.zigzag_line("abc de"), inks.zigzag_line("cab"), inks.zigzag_line("dead bed")])
    task = codec.task(HandwritingRequest(text="a\nb\nc\nd", style=str(path)))
    starts = [prompt.source_start for prompt in task.prompts]
    assert starts == [7, 4, 9, 7]


def test_texts_of_a_style_are_one_per_line(codec: InkCodec, tmp_path: Path) -> None:
    path = style_file(tmp_path, [Ink(inks.zigzag_line("abc").strokes), Ink(inks.zigzag_line("cab").strokes)])
    style = codec.task(HandwritingRequest(text="a", style=str(path), style_text="abc\ncab")).request.style
    assert [line.text for line in style.lines] == ["abc", "cab"]
    with pytest.raises(RequestError) as caught:
        codec.task(HandwritingRequest(text="a", style=str(path), style_text="abc"))
    assert caught.value.field == "style_text" and caught.value.allowed == "2 lines"


def test_style_of_two_rows_raises(codec: InkCodec, tmp_path: Path) -> None:
    sample = next(sample.ink for sample in inks.corpus_samples() if len(sample.ink.text) > 12)
    height = sample.bounds[3] - sample.bounds[1]
    rows = Ink(concatenate([sample, sample.translate(0, 2.5 * height)]).strokes, sample.text)
    known = InkCodec(codec.options, dict.fromkeys(sample.text, 99), codec.scale, codec.writers)
    with pytest.raises(RequestError, match="two lines") as caught:
        known.task(HandwritingRequest(text=sample.text[:1], style=str(style_file(tmp_path, [rows]))))
    assert caught.value.field == "style"


def test_text_that_does_not_fit_the_drawing_is_reported(
    model: seqforge.Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sample = next(sample.ink for sample in inks.corpus_samples("test") if 14 < len(sample.ink.text) < 24)
    path = style_file(tmp_path, [sample])
    with caplog.at_level(logging.WARNING, "seqforge"):
        Generation(model, GenerationRequest(request={"text": "a", "style": str(path)}))
        assert not caplog.records
        wrong = "The quick brown fox"
        Generation(model, GenerationRequest(request={"text": "a", "style": str(path), "style_text": wrong}))
    assert wrong in caplog.text


# the page


def test_letters_have_the_requested_height_and_fit_the_column(model: seqforge.Model) -> None:
    text = "Thank you so much for the lovely gift, it was a surprise to all of us."
    (piece,) = model.generate(text=text, paper="a6", letter_height="3mm", seed=2, bias=1.0)
    (page,) = piece.content.pages
    left, _, right, _ = page.ink.bounds
    assert left >= 10 - 1e-6 and right <= 95 + 1e-6
    assert piece.content.text.split() == text.split()
    tall = [np.ptp(stroke[:, 1]) for stroke in page.ink.strokes]
    assert 3 <= np.quantile(tall, 0.75) <= 12


def test_blanks_before_a_line_indent_it(codec: InkCodec) -> None:
    piece = Piece(Ink((np.array([[0.0, 0.0], [2.0, -1.0]]),)))
    for paper in ("a5", ""):
        task = codec.task(HandwritingRequest(text="abc\n  bad", style="random-per-line", paper=paper))
        first, second = task.finish([piece, piece]).content.strokes
        assert second[0, 0] - first[0, 0] == pytest.approx(2 * 1.25 * 2.5)


def test_word_wider_than_the_column_is_narrowed_with_a_warning(
    codec: InkCodec, caplog: pytest.LogCaptureFixture
) -> None:
    task = codec.task(HandwritingRequest(text="abc", style="random-per-line", paper="40x40mm"))
    with caplog.at_level(logging.WARNING, "seqforge"):
        (stroke,) = task.finish([Piece(Ink((np.array([[0.0, 0.0], [16.0, -1.0]]),)))]).content.strokes
    assert np.ptp(stroke, axis=0) == pytest.approx([20.0, 2.5])
    assert "50 %" in caplog.text
