import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import seqforge
from seqforge import Model, OptionsError, Piece, RequestError
from seqforge.api import choose
from seqforge.errors import DamagedFileError, PluginError


def copy(model: Model, to: Path, *, finished: bool = True) -> Path:
    """Put a model's run under another folder."""
    assert model.path is not None
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(model.path.parent, to)
    if not finished:
        (to / "state.safetensors").unlink()
    return to / "model.safetensors"


# -- generate -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["text", "numbers", "byte"])
def test_generate_is_the_same_twice_and_another_with_another_seed(trained: dict[str, Model], name: str) -> None:
    model = trained[name]
    first = model.generate(3, seed=5, length=30)
    assert first == model.generate(3, seed=5, length=30)
    assert first != model.generate(3, seed=6, length=30)


@pytest.mark.parametrize("name", ["text", "numbers", "byte"])
def test_one_piece_is_the_first_of_eight(trained: dict[str, Model], name: str) -> None:
    model = trained[name]
    eight = model.generate(8, seed=3, length=25)
    assert model.generate(1, seed=3, length=25) == eight[:1]
    assert model.generate(3, seed=3, length=25) == eight[:3]
    assert len({str(piece.content) for piece in eight}) > 1


def test_a_model_loaded_again_generates_the_same(trained: dict[str, Model]) -> None:
    model = trained["text"]
    assert model.path is not None
    wanted = model.generate(2, seed=1, length=40)
    assert seqforge.load(model.path).generate(2, seed=1, length=40) == wanted
    assert seqforge.load(str(model.path.parent)).generate(2, seed=1, length=40) == wanted


def test_the_prompt_comes_first_and_counts_in_the_length(trained: dict[str, Model]) -> None:
    for piece in trained["text"].generate(5, prompt="the lazy ", length=30):
        assert piece.content.startswith("the lazy ") and len(piece.content) <= 30
    assert trained["numbers"].generate(first=7, length=4)[0].content[0] == 7


@pytest.mark.parametrize("name", ["text", "byte"])
def test_a_prompt_of_exactly_the_length_is_not_continued(trained: dict[str, Model], name: str) -> None:
    assert trained[name].generate(prompt="the lazy ", length=9)[0].content == "the lazy "


def test_bytes_that_are_generated_are_text_even_where_the_length_cuts(trained: dict[str, Model]) -> None:
    for piece in trained["byte"].generate(20, length=9, temperature=3.0):
        assert "\ufffd" not in piece.content and len(piece.content) <= 9
        assert "\0" not in piece.content


def test_greedy_does_not_depend_on_the_seed(trained: dict[str, Model]) -> None:
    def written(**asked: Any) -> list[Any]:
        return [piece.content for piece in trained["text"].generate(length=30, **asked)]

    assert written(greedy=True, seed=1) == written(greedy=True, seed=2)
    assert written(greedy=True) == written(top_k=1)
    assert written(greedy=True) == written(temperature=0.0)


def test_greedy_takes_what_next_calls_most_probable(trained: dict[str, Model]) -> None:
    model = trained["text"]
    written = model.generate(greedy=True, prompt="the ", length=12)[0].content
    for at in range(4, len(written)):
        best = next(token for token in model.next(written[:at]) if token != seqforge.UNSEEN)
        assert best == written[at]


def test_a_label_that_is_asked_for_stands_on_the_piece(trained: dict[str, Model]) -> None:
    found = trained["numbers"].generate(2, where={"parity": "odd"}, length=5)
    assert [piece.labels for piece in found] == [{"parity": "odd"}] * 2


def test_a_label_changes_what_is_probable(trained: dict[str, Model]) -> None:
    model = trained["numbers"]
    assert model.next(where={"parity": "odd"}) != model.next(where={"parity": "even"}) != model.next()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"n": 0}, "-n is 0; it must be at least 1"),
        ({"seed": -1}, "--seed is -1"),
        ({"seed": 2**63}, "--seed is"),
        ({"length": 0.0}, "--length is 0; it must be more than 0 characters"),
        ({"length": float("nan")}, "--length is nan"),
        ({"temperature": -1.0}, "--temperature is -1"),
        ({"temperature": float("nan")}, "--temperature is nan"),
        ({"top_k": -1}, "--top-k is -1"),
        ({"top_p": 0.0}, "--top-p is 0"),
        ({"prompt": "the quick", "length": 3}, r"the prompt has 9 characters, and --length 3 counts it in"),
        ({"where": {"language": "x"}}, "the model has no label 'language'; it has none"),
    ],
)
def test_what_cannot_be_generated_is_one_sentence(
    trained: dict[str, Model], values: dict[str, object], told: str
) -> None:
    with pytest.raises(RequestError, match=told):
        trained["text"].generate(**values)  # type: ignore[arg-type]


def test_an_unknown_label_value_lists_the_values_and_guesses(trained: dict[str, Model]) -> None:
    with pytest.raises(RequestError, match=r"no value 'evem'; allowed are even, odd\. Did you mean 'even'"):
        trained["numbers"].generate(where={"parity": "evem"})
    with pytest.raises(RequestError, match=r"no label 'party'; it has parity\. Did you mean 'parity'"):
        trained["numbers"].generate(where={"party": "even"})


def test_an_unknown_request_is_named_with_a_guess(trained: dict[str, Model]) -> None:
    with pytest.raises(OptionsError, match=r"no option 'promt'; it has prompt, prompt_file\. Did you mean 'prompt'"):
        trained["text"].generate(promt="x")


# -- next and score -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["text", "numbers"])
def test_next_is_a_distribution_over_all_tokens_and_the_end(trained: dict[str, Model], name: str) -> None:
    model = trained[name]
    found = model.next()
    assert abs(sum(found.values()) - 1) < 1e-5
    assert None in found and len(found) == model.codec.space.size + 1  # type: ignore[attr-defined]
    assert list(found.values()) == sorted(found.values(), reverse=True)


@pytest.mark.parametrize(("name", "content"), [("text", "the fox"), ("numbers", (3, 4, 5)), ("byte", "the fox")])
def test_the_product_of_next_is_the_score_with_the_end(
    trained: dict[str, Model], name: str, content: str | tuple[int, ...]
) -> None:
    model = trained[name]
    tokens = model.codec.tokenise(content)  # type: ignore[attr-defined]
    nats = 0.0
    for at in range(len(tokens) + 1):
        begun = model.next(content[:at] if at else None)
        nats -= math.log(begun[tokens[at] if at < len(tokens) else None])
    found = model.score(content)
    assert found.nats == pytest.approx(nats, rel=1e-4)
    assert (found.steps, found.units, found.pieces) == (len(tokens) + 1, len(content), 1)


def test_score_takes_a_piece_with_its_labels(trained: dict[str, Model]) -> None:
    model = trained["numbers"]
    odd, even = (model.score(Piece((3, 4, 5), {"parity": value})).nats for value in ("odd", "even"))
    bare = model.score((3, 4, 5)).nats
    assert len({odd, even, bare}) == 3
    assert model.score(Piece((3, 4, 5), {"by": "nobody"})).nats == bare


def test_log_probability_of_a_generated_piece_is_its_score(trained: dict[str, Model]) -> None:
    from seqforge.sampling import Controls

    model = trained["numbers"]
    made = model.stream(4, seed=2, length=None, where=None, controls=Controls(), request={})
    for one in made:
        if one.ended:
            assert -one.log_probability == pytest.approx(model.score(one.piece.content).nats, rel=1e-3)


def test_the_score_of_nothing_is_the_cost_of_the_end(trained: dict[str, Model]) -> None:
    model = trained["text"]
    assert model.score("").nats == pytest.approx(-math.log(model.next()[None]), rel=1e-4)


# -- evaluate -------------------------------------------------------------------------------------


def test_evaluate_tells_what_the_issue_lists(trained: dict[str, Model]) -> None:
    found = trained["text"].evaluate()
    told = found.to_json()
    assert {"unit", "units", "pieces", "nats_per_unit", "bits_per_unit", "nats_per_step"} <= set(told)
    assert told["unit"] == "character" and told["split"] == "test" and told["pieces"] == 1
    assert told["bits_per_unit"] == pytest.approx(told["nats_per_unit"] / math.log(2))
    assert told["nats_per_unit"] * told["units"] == pytest.approx(told["nats_per_step"] * told["steps"])


@pytest.mark.parametrize("name", ["text", "numbers"])
def test_evaluate_is_the_sum_of_the_scores_of_the_pieces(trained: dict[str, Model], name: str) -> None:
    from seqforge.corpus import find_sources, prepare

    model = trained[name]
    named = model.header.provenance["corpus"]
    sources = find_sources(named, reads=model.plugin.reads, domain=name)
    data = prepare(model.plugin, model.options, sources, codec=model.codec).datasets["valid"]
    pieces = [model.codec.decode(data.example(number)) for number in range(len(data))]
    scores = [model.score(piece) for piece in pieces]
    found = model.evaluate(split="valid")
    assert found.pieces == len(pieces) and found.units == sum(score.units for score in scores)
    assert found.nats == pytest.approx(sum(score.nats for score in scores), rel=1e-4)


def test_evaluate_on_another_corpus_counts_what_it_replaces(trained: dict[str, Model], tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("the \N{SNOWMAN} and the fox sat\n" * 30)
    found = trained["text"].evaluate(str(tmp_path / "other.txt"), split="train")
    assert found.unseen == 30 and found.corpus == (str(tmp_path / "other.txt"),)


def test_a_split_that_is_unknown_or_empty_is_one_sentence(trained: dict[str, Model], tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no split 'vaild'; there are train, valid, test\. Did you mean 'valid'"):
        trained["text"].evaluate(split="vaild")
    (tmp_path / "d" / "train").mkdir(parents=True)
    (tmp_path / "d" / "train" / "a.num").write_text("1 2\n")
    with pytest.raises(RequestError, match=r"the split 'test' of .* is empty; there are train \(1 pieces?\)"):
        trained["numbers"].evaluate(str(tmp_path / "d"), split="test")


def test_without_a_test_split_valid_is_evaluated(trained: dict[str, Model], tmp_path: Path) -> None:
    for side in ("train", "valid"):
        (tmp_path / "d" / side).mkdir(parents=True)
        (tmp_path / "d" / side / "a.num").write_text("1 2\n")
    assert trained["numbers"].evaluate(str(tmp_path / "d")).split == "valid"


# -- which model ----------------------------------------------------------------------------------


def test_the_newest_finished_run_is_chosen_by_number(trained: dict[str, Model], tmp_path: Path) -> None:
    for number in (2, 9, 10):
        copy(trained["text"], tmp_path / "runs" / "text" / f"{number:04d}")
    copy(trained["text"], tmp_path / "runs" / "text" / "0011", finished=False)
    (tmp_path / "runs" / "text" / "notes").mkdir()
    found, why = choose("text")
    assert found == Path("runs/text/0010/model.safetensors") and why == "the newest finished run"
    assert seqforge.load("text").path == found


def test_a_damaged_state_makes_a_run_unfinished_and_no_more(trained: dict[str, Model], tmp_path: Path) -> None:
    copy(trained["text"], tmp_path / "runs" / "text" / "0001")
    copy(trained["text"], tmp_path / "runs" / "text" / "0002")
    (tmp_path / "runs" / "text" / "0002" / "state.safetensors").write_bytes(b"junk")
    assert choose("text")[0].parent.name == "0001"


def test_a_path_goes_before_the_newest_run(trained: dict[str, Model], tmp_path: Path) -> None:
    copy(trained["text"], tmp_path / "runs" / "text" / "0001")
    other = copy(trained["text"], tmp_path / "mine")
    assert choose("text", str(other)) == (other, "as asked")
    assert choose("text", str(other.parent)) == (other, "as asked")


def test_without_a_shipped_model_the_message_says_how_to_train(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.plugin.registry.shipped", lambda plugin: [])
    for wanted in (None, "shipped"):
        with pytest.raises(RequestError, match=r"no model ships with the plugin 'text'.*seqforge train --plugin text"):
            choose("text", wanted)


def test_shipped_is_taken_past_the_runs(
    trained: dict[str, Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(trained["text"], tmp_path / "runs" / "text" / "0001")
    shipped = [Path("/p/default.safetensors"), Path("/p/small.safetensors")]
    monkeypatch.setattr("seqforge.plugin.registry.shipped", lambda plugin: shipped)
    assert choose("text", "shipped") == (shipped[0], "ships with the plugin 'text'")
    assert choose("text", "small")[0] == shipped[1]
    with pytest.raises(RequestError, match=r"no model 'smal'.* ships default, small\. Did you mean 'small'"):
        choose("text", "smal")
    (tmp_path / "runs").rename(tmp_path / "gone")
    assert choose("text")[0] == shipped[0]


def test_a_model_of_a_plugin_that_is_not_installed_is_one_sentence(
    trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    path = trained["numbers"].path
    assert path is not None
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "fakes" not in entry])
    with pytest.raises(PluginError, match="there is no plugin 'numbers'; installed are abc, handwriting, midi, text"):
        seqforge.load(path)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"there is no model at .*gone\.safetensors"):
        seqforge.load(tmp_path / "gone.safetensors")


@pytest.mark.parametrize("change", ["version", "vocabulary", "smaller", "labels"])
def test_a_codec_that_does_not_fit_is_one_sentence(trained: dict[str, Model], tmp_path: Path, change: str) -> None:
    from seqforge.core.tensorfile import TensorFile, write_tensors

    path = copy(trained["text"], tmp_path / "m")
    file = TensorFile(path, "model")
    told, tensors = file.metadata, {name: np.array(file.array(name)) for name in file.tensors}
    if change == "version":
        told["codec"]["version"] = 99
    elif change == "vocabulary":
        told["codec"]["data"]["vocabulary"][3] = 7
    elif change == "labels":
        told["codec"]["data"]["labels"] = [1]
    else:
        del told["codec"]["data"]["vocabulary"][3]
    write_tensors(path, tensors, told)
    wanted = "update seqforge-text" if change == "version" else "codec"
    with pytest.raises(DamagedFileError, match=rf"cannot be used: .*{wanted}"):
        seqforge.load(path)


def test_options_of_a_newer_plugin_are_one_sentence_that_names_the_file(
    trained: dict[str, Model], tmp_path: Path
) -> None:
    from seqforge.core.tensorfile import TensorFile, write_tensors

    path = copy(trained["text"], tmp_path / "m")
    file = TensorFile(path, "model")
    told, tensors = file.metadata, {name: np.array(file.array(name)) for name in file.tensors}
    told["options"]["flavour"] = "sweet"
    write_tensors(path, tensors, told)
    with pytest.raises(seqforge.SeqforgeError, match="flavour"):
        seqforge.load(path)


def test_sampling_leaves_the_number_of_threads_as_it_was(trained: dict[str, Model]) -> None:
    before = torch.get_num_threads()
    trained["text"].generate(4, length=10)
    assert torch.get_num_threads() == before
