import json
from pathlib import Path

import pytest
from fakekit import Run

import seqforge
from seqforge.core.tensorfile import TensorFile


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A text of the user, whose letters the model rarely writes."""
    path = tmp_path / "mine.txt"
    path.write_text("zzz qqq " * 40)
    return path


def test_adapted_pieces_are_replayed_and_the_model_file_is_not_changed(
    run: Run, text: Path, mine: Path, tmp_path: Path
) -> None:
    before = text.read_bytes()
    flags = ["generate", "--model", text, "--length", 40, "-n", 4, "--adapt-steps", 40, "--adapt-rate", 0.02]
    run(*flags, "-o", "plain/")
    result = run(*flags, "--adapt", mine, "--adapt-to", "adapted.safetensors", "-o", "out/")
    assert result.code == 0 and "40 gradient steps" in result.err
    assert text.read_bytes() == before
    pieces = [[path.read_text() for path in sorted((tmp_path / name).glob("*.txt"))] for name in ("out", "plain")]
    adapted, plain = ("".join(texts) for texts in pieces)
    shares = [(text.count("z") + text.count("q")) / len(text) for text in (adapted, plain)]
    assert len(pieces[0]) == 4 and shares[0] > 3 * shares[1], shares
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())["records"][0]
    assert str(mine) in [entry["path"] for entry in record["inputs"]] and record["request"]["adapt_steps"] == 40
    assert run("generate", "--replay", "out").code == 0
    # The adapted model writes the same pieces without an adaptation, and records what it was adapted to.
    stored = seqforge.load("adapted.safetensors")
    assert stored.generate(length=40)[0].content.strip() == pieces[0][0].strip()
    assert stored.header.provenance["adaptation"]["files"][0]["name"] == "mine.txt"
    mine.write_text("other " * 40)
    assert run("generate", "--replay", "out").code == 2


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        (["--adapt", "missing.txt"], "--adapt"),
        (["--adapt-to", "out.safetensors"], "--adapt-to"),
        (["--adapt", "mine.txt", "--adapt-rate", "nan"], "--adapt-rate"),
        (["--adapt", "mine.txt", "--adapt-to", "mine.txt"], "--adapt-to"),
        (["--adapt", "empty"], "the folder"),
    ],
)
@pytest.mark.usefixtures("mine")
def test_wrong_adaptations(run: Run, text: Path, tmp_path: Path, flags: list[str], field: str) -> None:
    (tmp_path / "empty").mkdir()
    result = run("generate", "--model", text, *flags)
    assert result.code in (1, 2) and field in result.error_message()
    assert not (tmp_path / "out.safetensors").exists()


def test_dynamic_evaluation(run: Run, text: Path, tmp_path: Path) -> None:
    before = TensorFile(text, "model").metadata, text.read_bytes()
    report = json.loads(run("evaluate", text, "--dynamic", "--dynamic-rate", 0, "--dynamic-decay", 0, "--json").out)
    assert report["nats_per_unit"] == pytest.approx(report["trained_nats_per_unit"], rel=1e-5)
    assert report["rate"] == 0 and report["chosen_on"] == ""
    shown = run("evaluate", text, "--dynamic", "--split", "valid").out
    assert "by dynamic evaluation" in shown and "rate 0.0001" in shown and "chosen" not in shown
    assert (TensorFile(text, "model").metadata, text.read_bytes()) == before


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        (["--dynamic-rate", "0.1"], "--dynamic-rate"),
        (["--dynamic", "--novelty"], "--novelty"),
        (["--dynamic", "--dynamic-decay", "2"], "decay"),
    ],
)
def test_wrong_dynamic_evaluations(run: Run, text: Path, flags: list[str], field: str) -> None:
    result = run("evaluate", text, *flags)
    assert result.code == 2 and field in result.error_message()
