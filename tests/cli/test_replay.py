import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from fakekit import Run, in_process

from seqforge import Model


@pytest.fixture
def generate(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: in_process(capsys, "generate", *arguments)


@pytest.fixture
def model(trained: dict[str, Model], tmp_path: Path) -> Path:
    """A copy of the model of texts, which a test may remove."""
    path = trained["text"].path
    assert path is not None
    (tmp_path / "own.safetensors").write_bytes(path.read_bytes())
    return tmp_path / "own.safetensors"


def edit_record(path: Path, edit: Any) -> None:
    record = json.loads(path.read_text())
    edit(record)
    path.write_text(json.dumps(record))


def test_file_is_reproduced(generate: Run, model: Path, tmp_path: Path) -> None:
    flags = ("--prompt", "the ", "--length", "40", "--seed", "5", "--temperature", "0.9", "--ban", "q")
    generate("--model", model, *flags, "-o", "a.txt")
    record = json.loads((tmp_path / "a.txt.provenance.json").read_text())
    assert record["request"]["seed"] == 5 and record["request"]["controls"] == {"temperature": 0.9, "ban": ["q"]}
    assert record["files"][0]["k"] == [0] and {"numpy", "seqforge", "processor"} <= set(record["versions"])
    assert generate("--replay", "a.txt").err == "the same bytes again: a.txt\n"
    assert generate("--replay", "a.txt", "-o", "b.txt").code == 0
    assert (tmp_path / "b.txt").read_bytes() == (tmp_path / "a.txt").read_bytes()


@pytest.mark.parametrize("name", ["many", "many/provenance.json"])
def test_folder_is_reproduced(generate: Run, model: Path, name: str) -> None:
    generate("--model", model, "--length", "20", "-n", "5", "-o", "many/")
    assert generate("--replay", name).err == "the same bytes again: 5 files\n"


def test_one_file_of_a_folder_is_reproduced_and_written(generate: Run, model: Path, tmp_path: Path) -> None:
    generate("--model", model, "--length", "20", "-n", "5", "-o", "many/")
    assert generate("--replay", "many/0003.txt").err == "the same bytes again: 0003.txt\n"
    assert generate("--replay", "many/0003.txt", "-o", "three.txt").code == 0
    assert (tmp_path / "three.txt").read_bytes() == (tmp_path / "many/0003.txt").read_bytes()
    assert generate("--replay", "three.txt").err == "the same bytes again: three.txt\n"


def test_folder_with_several_runs_is_reproduced(generate: Run, model: Path, tmp_path: Path) -> None:
    for seed in (1, 2):
        generate("--model", model, "--length", "20", "-n", "2", "--seed", seed, "-o", "many/")
    assert generate("--replay", "many").err == "the same bytes again: 4 files\n"
    result = generate("--replay", "many", "-o", "other/")
    assert result.code == 2 and "2 runs" in result.error_message()
    assert generate("--replay", "many/0004.txt", "-o", "other/").code == 0
    assert (tmp_path / "other/0001.txt").read_bytes() == (tmp_path / "many/0004.txt").read_bytes()


def test_embedded_record_is_reproduced_in_another_format(generate: Run, tmp_path: Path) -> None:
    flags = ("--model", "abc:default", "--bars", "2", "--seed", "3")
    assert generate(*flags, "-n", "3", "-o", "tunes/").code == 0
    assert generate("--replay", "tunes/0002.abc", "-o", "two.mid").code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tunes", "two.mid"]
    assert generate("--replay", "two.mid").err == "the same bytes again: two.mid\n"
    assert generate("--replay", "two.mid", "--format", "abc", "-o", "again").code == 0
    assert (tmp_path / "again.abc").read_bytes().startswith(b"%abc")
    result = generate("--replay", "two.mid", "-o", "two.mid", "--force")
    assert result.code == 2 and "also an input" in result.error_message()


@pytest.mark.parametrize("name", ["../b.txt", "/tmp/b.txt", "..", "", "a/b.txt", "C:b.txt", "a\\b.txt", 3, None])
def test_name_in_a_record_is_never_a_path(generate: Run, model: Path, tmp_path: Path, name: Any) -> None:
    (tmp_path / "b.txt").write_text("mine")
    generate("--model", model, "--length", "20", "-o", "a.txt")
    edit_record(tmp_path / "a.txt.provenance.json", lambda record: record["files"][0].update(name=name))
    before = sorted(tmp_path.iterdir())
    result = generate("--replay", "a.txt")
    assert result.code == 1 and "is not the name of a file" in result.error_message()
    assert (tmp_path / "b.txt").read_text() == "mine" and sorted(tmp_path.iterdir()) == before


def test_suffix_in_a_record_is_one_that_the_plugin_writes(generate: Run, model: Path, tmp_path: Path) -> None:
    generate("--model", model, "--length", "20", "-o", "a.txt")
    edit_record(tmp_path / "a.txt.provenance.json", lambda record: record["files"][0].update(name="a.abc"))
    assert "text does not write 'a.abc'" in generate("--replay", "a.txt").error_message()


def test_prompt_file_in_another_folder_is_found(
    generate: Run, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "p.txt").write_text("the ")
    generate("--model", model, "--prompt-file", "p.txt", "--length", "20", "-o", "a.txt")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert generate("--replay", "../a.txt").code == 0
    (tmp_path / "p.txt").unlink()
    result = generate("--replay", "../a.txt")
    assert result.code == 2 and "p.txt is missing" in result.error_message()


def test_pipe_cannot_be_replayed(generate: Run, model: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=(tmp_path / "pipe").write_text, args=("the ",), daemon=True).start()
    assert generate("--model", model, "--prompt-file", "pipe", "--length", "20", "-o", "a.txt").code == 0
    result = generate("--replay", "a.txt")
    assert result.code == 2 and "standard input or a pipe" in result.error_message()


def test_text_that_looks_like_standard_input_is_reproduced(generate: Run, model: Path) -> None:
    generate("--model", model, "--prompt", "the ", "--length", "20", "-o", "a.txt")
    edit_record(Path("a.txt.provenance.json"), lambda record: record["request"]["request"].update(prompt="-"))
    assert "standard input" not in generate("--replay", "a.txt").err


def test_changed_file_is_noted(generate: Run, model: Path, tmp_path: Path) -> None:
    generate("--model", model, "--length", "20", "-o", "a.txt")
    (tmp_path / "a.txt").write_text("something else")
    result = generate("--replay", "a.txt")
    assert result.code == 0 and "a.txt itself was changed" in result.err and "the same bytes again" in result.err
    assert generate("--replay", "a.txt", "--quiet").err == ""


def test_differences_are_an_error_with_possible_reasons(generate: Run, model: Path, tmp_path: Path) -> None:
    generate("--model", model, "--length", "20", "-o", "a.txt")

    def edit(record: Any) -> None:
        record["versions"]["numpy"] = "1.0"
        record["files"][0]["sha256"] = "0" * 64

    edit_record(tmp_path / "a.txt.provenance.json", edit)
    result = generate("--replay", "a.txt")
    assert result.code == 2
    assert "1 of 1 files differ (a.txt); since then numpy was 1.0" in result.error_message()


def test_missing_model_is_an_error(generate: Run, model: Path) -> None:
    generate("--model", model, "--length", "20", "-o", "a.txt")
    model.unlink()
    assert "own.safetensors is missing" in generate("--replay", "a.txt").error_message()


def test_missing_record_is_an_error(generate: Run) -> None:
    assert "--replay is nothing.txt, which has no provenance" in generate("--replay", "nothing.txt").error_message()


@pytest.mark.parametrize("content", ["", "{}", '{"format": 9}', '{"format": 2, "request": {"models": 3}}'])
def test_damaged_record_is_an_error(generate: Run, tmp_path: Path, content: str) -> None:
    (tmp_path / "a.txt.provenance.json").write_text(content)
    result = generate("--replay", "a.txt")
    assert result.code == 1 and "is not the provenance of a generated file" in result.error_message()
