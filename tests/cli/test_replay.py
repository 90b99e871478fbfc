import json
from pathlib import Path

import pytest
from fakekit import Run, in_process

from seqforge import Model


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: in_process(capsys, "generate", *arguments)


@pytest.fixture
def text(trained: dict[str, Model], tmp_path: Path) -> Path:
    path = trained["text"].path
    assert path is not None
    (tmp_path / "own.safetensors").write_bytes(path.read_bytes())
    return tmp_path / "own.safetensors"


def test_a_file_is_made_again_byte_for_byte(run: Run, text: Path, tmp_path: Path) -> None:
    asked = ("--prompt", "the ", "--length", "40", "--seed", "5", "--temperature", "0.9", "--ban", "q")
    run("--model", text, *asked, "-o", "a.txt")
    told = json.loads((tmp_path / "a.txt.provenance.json").read_text())
    assert told["order"]["seed"] == 5 and told["order"]["controls"] == {"temperature": 0.9, "ban": ["q"]}
    assert told["files"][0]["k"] == [0] and {"torch", "seqforge", "processor"} <= set(told["versions"])
    assert run("--replay", "a.txt").err == "the same bytes again: a.txt\n"
    assert run("--replay", "a.txt", "-o", "b.txt").code == 0
    assert (tmp_path / "b.txt").read_bytes() == (tmp_path / "a.txt").read_bytes()


def test_a_folder_is_made_again_by_its_record_or_any_of_its_files(run: Run, text: Path, tmp_path: Path) -> None:
    run("--model", text, "--length", "20", "-n", "5", "-o", "many/")
    for named in ("many", "many/0003.txt", "many/provenance.json"):
        assert run("--replay", named).err == "the same bytes again: 5 files\n"


def test_what_differs_is_said(run: Run, text: Path, tmp_path: Path, trained: dict[str, Model]) -> None:
    run("--model", text, "--length", "20", "-o", "a.txt")
    (tmp_path / "a.txt").write_text("something else")
    assert "a.txt itself was changed after it was made" in run("--replay", "a.txt").err
    record = tmp_path / "a.txt.provenance.json"
    told = json.loads(record.read_text())
    told["versions"]["torch"] = "1.0"
    told["files"][0]["sha256"] = "0" * 64
    record.write_text(json.dumps(told))
    said = run("--replay", "a.txt")
    assert said.code == 2 and "1 of 1 files are not the same (a.txt); since then torch was 1.0" in said.sentence()
    text.unlink()
    assert "own.safetensors is gone" in run("--replay", "a.txt").sentence()


def test_what_has_no_record_or_a_damaged_one_is_one_sentence(run: Run, tmp_path: Path) -> None:
    assert "there is no record of it" in run("--replay", "nothing.txt").sentence()
    for damaged in ("", "{}", '{"format": 9}', '{"format": 1, "order": {"models": 3}}'):
        (tmp_path / "a.txt.provenance.json").write_text(damaged)
        assert "is no record of a generated file" in run("--replay", "a.txt").sentence()
