import math
from pathlib import Path

import pytest
import torch
from fakekit import prose

import seqforge
from seqforge import Model, Piece, RequestError
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.api.runs import Run

# -- generate


@pytest.mark.parametrize("name", ["text", "numbers", "byte"])
def test_equal_seeds_give_equal_pieces_and_other_seeds_others(trained: dict[str, Model], name: str) -> None:
    model = trained[name]
    first = model.generate(3, seed=5, length=30)
    assert first == model.generate(3, seed=5, length=30)
    assert first != model.generate(3, seed=6, length=30)


@pytest.mark.parametrize("name", ["text", "numbers", "byte"])
def test_first_pieces_do_not_depend_on_n(trained: dict[str, Model], name: str) -> None:
    model = trained[name]
    eight = model.generate(8, seed=3, length=25)
    assert model.generate(1, seed=3, length=25) == eight[:1]
    assert model.generate(3, seed=3, length=25) == eight[:3]
    assert len({str(piece.content) for piece in eight}) > 1


def test_loaded_model_generates_the_same(trained: dict[str, Model]) -> None:
    model = trained["text"]
    assert model.path is not None
    expected = model.generate(2, seed=1, length=40)
    assert seqforge.load(model.path).generate(2, seed=1, length=40) == expected
    assert seqforge.load(str(model.path.parent)).generate(2, seed=1, length=40) == expected


def test_prompt_comes_first_and_counts_in_length(trained: dict[str, Model]) -> None:
    for piece in trained["text"].generate(5, prompt="the lazy ", length=30):
        assert piece.content.startswith("the lazy ") and len(piece.content) <= 30
    assert trained["numbers"].generate(first=7, length=4)[0].content[0] == 7


@pytest.mark.parametrize("name", ["text", "byte"])
def test_prompt_of_exactly_the_length_is_not_continued(trained: dict[str, Model], name: str) -> None:
    assert trained[name].generate(prompt="the lazy ", length=9)[0].content == "the lazy "


def test_generated_bytes_are_text_where_the_length_ends(trained: dict[str, Model]) -> None:
    for piece in trained["byte"].generate(20, length=9, temperature=3.0):
        assert "\ufffd" not in piece.content and len(piece.content) <= 9
        assert "\0" not in piece.content


def test_greedy_does_not_depend_on_seed(trained: dict[str, Model]) -> None:
    def contents(**options: object) -> list[object]:
        return [piece.content for piece in trained["text"].generate(length=30, **options)]  # type: ignore[arg-type]

    assert contents(greedy=True, seed=1) == contents(greedy=True, seed=2)
    assert contents(greedy=True) == contents(top_k=1)
    assert contents(greedy=True) == contents(temperature=0.0)


def test_greedy_chooses_the_most_probable_step_of_next(trained: dict[str, Model]) -> None:
    model = trained["text"]
    content = model.generate(greedy=True, prompt="the ", length=12)[0].content
    for at in range(4, len(content)):
        best = next(token for token in model.next(content[:at]) if token != seqforge.UNSEEN)
        assert best == content[at]


def test_pieces_have_the_requested_label(trained: dict[str, Model]) -> None:
    pieces = trained["numbers"].generate(2, labels={"parity": "odd"}, length=5)
    assert [piece.labels for piece in pieces] == [{"parity": "odd"}] * 2


def test_label_changes_probabilities(trained: dict[str, Model]) -> None:
    model = trained["numbers"]
    assert model.next(labels={"parity": "odd"}) != model.next(labels={"parity": "even"}) != model.next()


@pytest.mark.parametrize(
    ("labels", "value", "allowed", "suggestion"),
    [
        ({"parity": "evem"}, "evem", "even, odd", "Did you mean 'even'"),
        ({"party": "even"}, "party", "parity", "Did you mean 'parity'"),
    ],
)
def test_unknown_label_is_an_error(
    trained: dict[str, Model], labels: dict[str, str], value: str, allowed: str, suggestion: str
) -> None:
    with pytest.raises(RequestError, match=suggestion) as caught:
        trained["numbers"].generate(labels=labels)
    assert (caught.value.field, caught.value.value, caught.value.allowed) == ("labels", value, allowed)


def test_sampling_does_not_change_the_number_of_threads(trained: dict[str, Model]) -> None:
    before = torch.get_num_threads()
    trained["text"].generate(4, length=10)
    assert torch.get_num_threads() == before


# -- next and score


@pytest.mark.parametrize("name", ["text", "numbers"])
def test_next_is_a_distribution_over_tokens_and_the_end(trained: dict[str, Model], name: str) -> None:
    model = trained[name]
    probabilities = model.next()
    assert abs(sum(probabilities.values()) - 1) < 1e-5
    assert None in probabilities and len(probabilities) == model.codec.space.size + 1  # type: ignore[attr-defined]
    assert list(probabilities.values()) == sorted(probabilities.values(), reverse=True)


@pytest.mark.parametrize(("name", "content"), [("text", "the fox"), ("numbers", (3, 4, 5)), ("byte", "the fox")])
def test_product_of_next_is_the_score_with_the_end(
    trained: dict[str, Model], name: str, content: str | tuple[int, ...]
) -> None:
    model = trained[name]
    tokens = model.codec.tokenise(content)  # type: ignore[attr-defined]
    nats = 0.0
    for at in range(len(tokens) + 1):
        probabilities = model.next(content[:at] if at else None)
        nats -= math.log(probabilities[tokens[at] if at < len(tokens) else None])
    evaluation = model.score(content)
    assert evaluation.nats == pytest.approx(nats, rel=1e-4)
    assert (evaluation.steps, evaluation.units, evaluation.pieces) == (len(tokens) + 1, len(content), 1)


def test_score_uses_the_labels_of_a_piece(trained: dict[str, Model]) -> None:
    model = trained["numbers"]
    odd, even = (model.score(Piece((3, 4, 5), {"parity": value})).nats for value in ("odd", "even"))
    unlabelled = model.score((3, 4, 5)).nats
    assert len({odd, even, unlabelled}) == 3
    assert model.score(Piece((3, 4, 5), {"by": "nobody"})).nats == unlabelled


def test_log_probability_of_a_generated_piece_is_its_score(trained: dict[str, Model]) -> None:
    model = trained["numbers"]
    ended = [generated for generated in Generation(model, GenerationRequest(n=4, seed=2)).run() if generated.ended]
    assert ended
    for generated in ended:
        score = model.score(generated.piece.content)
        assert -generated.log_probability == pytest.approx(score.nats, rel=1e-3)


def test_score_of_an_empty_piece_is_that_of_the_end(trained: dict[str, Model]) -> None:
    model = trained["text"]
    assert model.score("").nats == pytest.approx(-math.log(model.next()[None]), rel=1e-4)


def test_score_counts_dropped_tokens(trained: dict[str, Model]) -> None:
    assert trained["text"].score("the \N{SNOWMAN}").dropped == 1
    assert trained["text"].score("the fox").dropped == 0


# -- evaluate


def test_evaluation_as_json(trained: dict[str, Model]) -> None:
    values = trained["text"].evaluate().to_json()
    assert {"unit", "units", "pieces", "nats_per_unit", "bits_per_unit", "nats_per_step"} <= set(values)
    assert values["unit"] == "character" and values["split"] == "test" and values["pieces"] == 1
    assert values["bits_per_unit"] == pytest.approx(values["nats_per_unit"] / math.log(2))
    assert values["nats_per_unit"] * values["units"] == pytest.approx(values["nats_per_step"] * values["steps"])


@pytest.mark.parametrize("name", ["text", "numbers"])
def test_evaluate_is_the_sum_of_the_scores_of_pieces(trained: dict[str, Model], name: str) -> None:
    from seqforge.corpus import find_sources, prepare

    model = trained[name]
    assert model.path is not None
    sources = find_sources(Run(model.path.parent).corpus(), reads=model.plugin.reads, domain=name)
    dataset = prepare(model.plugin, model.options, sources, codec=model.codec).datasets["valid"]
    pieces = [model.codec.decode(dataset.example(number)) for number in range(len(dataset))]
    scores = [model.score(piece) for piece in pieces]
    evaluation = model.evaluate(split="valid")
    assert evaluation.pieces == len(pieces) and evaluation.units == sum(score.units for score in scores)
    assert evaluation.nats == pytest.approx(sum(score.nats for score in scores), rel=1e-4)


def test_evaluate_on_another_corpus_counts_dropped_tokens(trained: dict[str, Model], tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("the \N{SNOWMAN} and the fox sat\n" * 30)
    evaluation = trained["text"].evaluate(str(tmp_path / "other.txt"), split="train")
    assert evaluation.dropped == 30 and evaluation.corpus == (str(tmp_path / "other.txt"),)


def test_unknown_split_is_an_error(trained: dict[str, Model]) -> None:
    with pytest.raises(RequestError, match="Did you mean 'valid'") as caught:
        trained["text"].evaluate(split="vaild")
    error = caught.value
    assert (error.field, error.value, error.allowed) == ("split", "vaild", "train, valid, test")


def test_empty_split_is_an_error(trained: dict[str, Model], tmp_path: Path) -> None:
    (tmp_path / "d" / "train").mkdir(parents=True)
    (tmp_path / "d" / "train" / "a.num").write_text("1 2\n")
    with pytest.raises(RequestError, match=r"train \(1 pieces?\)") as caught:
        trained["numbers"].evaluate(str(tmp_path / "d"), split="test")
    assert (caught.value.field, caught.value.value) == ("split", "test")


def test_valid_is_evaluated_without_a_test_split(trained: dict[str, Model], tmp_path: Path) -> None:
    for split in ("train", "valid"):
        (tmp_path / "d" / split).mkdir(parents=True)
        (tmp_path / "d" / split / "a.num").write_text("1 2\n")
    assert trained["numbers"].evaluate(str(tmp_path / "d")).split == "valid"


def test_compare_without_statistics_is_an_error(trained: dict[str, Model]) -> None:
    with pytest.raises(RequestError, match="'numbers' has no statistics"):
        trained["numbers"].compare(3)


@pytest.mark.parametrize("name", ["text", "numbers"])
def test_scores_of_many_pieces_equal_single_scores(trained: dict[str, Model], name: str) -> None:
    model = trained[name]
    words = prose(2000).split()
    texts = [" ".join(words[: 1 + number % len(words)]) * (1 + number // 20) for number in range(70)]
    contents = texts if name == "text" else [tuple(range(number % 9 + 1)) for number in range(70)]
    labels = [{"parity": "even"} if number % 2 else {} for number in range(70)]
    pieces = [Piece(content, label) for content, label in zip(contents, labels, strict=True)]
    many = model.score_many(pieces)
    for evaluation, piece in zip(many, pieces, strict=True):
        single = model.score(piece)
        assert evaluation.nats == pytest.approx(single.nats, abs=1e-5 * single.steps)
        assert (evaluation.units, evaluation.steps, evaluation.dropped) == (single.units, single.steps, single.dropped)
    assert model.score_many([]) == []
