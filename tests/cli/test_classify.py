import json
import math
from pathlib import Path

import pytest
from fakekit import Run

import seqforge
from seqforge.errors import RequestError


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    (tmp_path / "b.num").write_text("1 2 3\n30 2\n")
    return tmp_path / "b.num"


def test_posterior_of_each_piece(run: Run, numbers: Path, rows: Path) -> None:
    entries = json.loads(run("classify", numbers, rows, "--json").out)
    model = seqforge.load(numbers)
    (name,) = model.header.labels
    for entry, content in zip(entries, ([1, 2, 3], [30, 2]), strict=True):
        values = model.header.labels[name]
        nats = [model.score(content, labels={name: value}).nats for value in values]
        assert entry["label"] == name and list(entry["probabilities"]) == list(values)
        assert list(entry["nats"].values()) == pytest.approx(nats, abs=1e-9)
        assert sum(entry["probabilities"].values()) == pytest.approx(1)
        assert entry["value"] == values[nats.index(min(nats))]
    lines = run("classify", numbers, rows).out.splitlines()
    assert [line.split("\t")[1] for line in lines] == ["line 1", "line 2"]
    assert lines[0].startswith(entries[0]["value"])


def test_prior_of_the_corpus_is_that_of_the_training_pieces(numbers: Path) -> None:
    model = seqforge.load(numbers)
    (name,) = model.header.labels
    counts = model.header.provenance["label_counts"][name]
    uniform, corpus = (model.classify([1, 2, 3], prior=prior).probabilities for prior in ("uniform", "corpus"))
    ratios = [corpus[value] / uniform[value] / (count + 1) for value, count in zip(uniform, counts, strict=True)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios))
    del model.header.provenance["label_counts"]
    with pytest.raises(RequestError) as error:
        model.classify([1, 2, 3], prior="corpus")
    assert error.value.field == "prior" and error.value.allowed == "uniform"


def test_evaluate_classify(run: Run, numbers: Path) -> None:
    model = seqforge.load(numbers)
    (name,) = model.header.labels
    result = json.loads(run("evaluate", numbers, "--classify", name, "--split", "train", "--json").out)
    confusion = result["confusion"]
    assert result["pieces"] == sum(map(sum, confusion)) > 0
    assert result["accuracy"] == sum(confusion[n][n] for n in range(len(confusion))) / result["pieces"]
    shown = run("evaluate", numbers, "--classify", name, "--split", "train").out
    assert f"{100 * result['accuracy']:.1f} %" in shown and "calibration error" in shown


def test_temperature_is_fitted_on_valid_and_divides_the_likelihoods(run: Run, numbers: Path, rows: Path) -> None:
    (name,) = seqforge.load(numbers).header.labels
    flags = ["evaluate", numbers, "--classify", name, "--json"]
    on_train = json.loads(run(*flags, "--split", "train").out)
    temperature = on_train["temperature"]
    assert on_train["fitted_on"] == "valid" and temperature != 1
    plain = json.loads(run(*flags, "--split", "train", "--temperature", "1").out)
    assert plain["uncalibrated"] is None and plain["fitted_on"] == ""
    assert on_train["uncalibrated"] == {figure: plain[figure] for figure in ("accuracy", "nats", "calibration_error")}
    assert on_train["accuracy"] == plain["accuracy"]  # the prior is uniform
    # The temperature with the lowest nats on valid is fitted, and valid itself is evaluated without it.
    on_valid = [json.loads(run(*flags, "--split", "valid", *more).out) for more in ([], ["--temperature", temperature])]
    assert on_valid[0]["temperature"] == 1 and on_valid[0]["fitted_on"] == ""
    assert on_valid[1]["nats"] <= on_valid[0]["nats"]
    for entry in json.loads(run("classify", numbers, rows, "--temperature", "2.5", "--json").out):
        logs = {value: -nats / 2.5 for value, nats in entry["nats"].items()}
        total = sum(math.exp(log) for log in logs.values())
        assert entry["probabilities"] == pytest.approx({value: math.exp(log) / total for value, log in logs.items()})


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--label", "colour"], ["'colour'"]),
        (["gone.num"], ["gone.num"]),
        (["--prior", "flat"], ["--prior"]),
        (["--temperature", "0"], ["--temperature"]),
        (["--temperature", "nan"], ["--temperature"]),
    ],
)
def test_wrong_requests(run: Run, numbers: Path, rows: Path, flags: list[str], words: list[str]) -> None:
    result = run("classify", numbers, rows, *flags)
    assert result.code == 2 and all(word in result.err for word in words)


def test_model_without_labels(run: Run, text: Path) -> None:
    for command in (["classify", text, "a.txt"], ["evaluate", text, "--classify", "language"]):
        Path("a.txt").write_text("hello")
        result = run(*command)
        assert result.code == 2 and "no labels" in result.error_message()
