import json
from pathlib import Path

import pytest
from fakekit import Run, number_rows

import seqforge
from seqforge.api.training_corpus import training_steps
from seqforge.core.sequences import Example
from seqforge.errors import RequestError


def test_report_as_json_and_text(run: Run, text: Path) -> None:
    report = json.loads(run("evaluate", text, "--json").out)
    assert {"unit", "units", "pieces", "nats_per_unit", "bits_per_unit", "nats_per_step"} <= set(report)
    assert report["split"] == "test" and report["unit"] == "character"
    result = run("evaluate", text, "--split", "valid")
    assert "nats per character" in result.out and "on valid of" in result.out and "1 piece" in result.out
    assert result.err == f"model: {text}\n"


def test_run_folder_and_another_corpus(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text(number_rows(seed=5) + "5000\n")
    report = json.loads(run("evaluate", numbers.parent, "--corpus", "b.num", "--split", "train", "--json").out)
    assert report["corpus"] == ["b.num"] and report["unit"] == "number"


def test_dropped_tokens_are_noted(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "b.num").write_text(number_rows(seed=5) + "5000 1\n5001 1\n")
    flags = ["evaluate", numbers, "--corpus", "b.num", "--split", "train"]
    dropped = json.loads(run(*flags, "--json").out)["dropped"]
    assert dropped >= 2 and f"the codec's encoding drops {dropped} things" in run(*flags).err


@pytest.mark.parametrize(("split", "fragment"), [("vaild", "Did you mean 'valid'?"), ("all", "train, valid, test")])
def test_unknown_split_is_an_error(run: Run, text: Path, split: str, fragment: str) -> None:
    result = run("evaluate", text, "--split", split)
    assert result.code == 2 and fragment in result.error_message()


def test_samples_without_statistics_are_an_error(run: Run, numbers: Path) -> None:
    result = run("evaluate", numbers, "--samples", "2")
    assert result.code == 2 and "'numbers' has no statistics" in result.error_message()


def test_copies_of_words_are_found_whatever_their_spaces(text: Path) -> None:
    model = seqforge.load(text)
    _, prepared, _ = model.prepare_split(split="train")
    copied = next(iter(prepared.pieces("train"))).content[:200]
    novelty = model.novelty([copied.upper().replace(" ", "  ")])
    assert novelty.runs["signature"].generated[0] >= len(copied.split()) - 1
    assert novelty.runs["steps"].generated[0] < 20


@pytest.mark.parametrize(("flags", "field"), [([], "--samples"), (["--samples", "2"], "--page")])
def test_page_needs_samples_and_replaces_nothing(
    run: Run, text: Path, tmp_path: Path, flags: list[str], field: str
) -> None:
    page = tmp_path / "page.html"
    page.write_text("mine")
    result = run("evaluate", text, *flags, "--page", page)
    assert result.code == 2 and (field in result.error_message() or "exists" in result.error_message())
    assert page.read_text() == "mine"


def test_novelty(run: Run, numbers: Path) -> None:
    result = json.loads(run("evaluate", numbers, "--novelty", "--samples", "3", "--split", "valid", "--json").out)
    runs = result["runs"]["steps"]
    assert len(runs["generated"]) == 3 and len(runs["held_out"]) > 0 and result["steps"] > 0
    shown = run("evaluate", numbers, "--novelty", "--samples", "3", "--split", "valid").out
    assert "3 generated" in shown and "training pieces" in shown
    assert run("evaluate", numbers, "--novelty", "--classify", "source").code == 2


def test_novelty_of_limited_copies(numbers: Path) -> None:
    model = seqforge.load(numbers)
    pieces = model.generate(6, max_copy=1)
    assert max(model.novelty(pieces, split="valid").runs["steps"].generated) <= 1
    assert max(model.novelty(n=6, split="valid").runs["steps"].generated) > 1
    with pytest.raises(RequestError) as error:
        model.generate(max_copy=-1)
    assert error.value.field == "max_copy"


@pytest.mark.parametrize(("faulty", "attempts"), [(3, 3), (100, 16)])
def test_a_piece_with_a_long_copy_in_its_encoding_is_drawn_again(
    numbers: Path, monkeypatch: pytest.MonkeyPatch, faulty: int, attempts: int
) -> None:
    model = seqforge.load(numbers)
    (first,) = model.generate(1, seed=3, max_copy=2)
    codec, encode, calls = model.codec, model.codec.encode, list[object]()
    copied = Example(training_steps(model)[0])
    monkeypatch.setattr(codec, "encode", lambda piece: copied if len(calls) < faulty else encode(piece))
    decode = codec.decode
    monkeypatch.setattr(codec, "decode", lambda example: [decode(example), calls.append(example)][0])
    if faulty == 100:
        with pytest.raises(RequestError) as error:
            model.generate(1, seed=3, max_copy=2)
        assert (error.value.field, error.value.value, len(calls)) == ("max_copy", 2, attempts)
        return
    (again,) = model.generate(1, seed=3, max_copy=2)
    assert len(calls) == attempts and again.content != first.content and again.origin == first.origin
