"""A file that crashes a native library never takes a command with it."""

import dataclasses
import json
from pathlib import Path

import pytest
from fakekit import TINY_FLAGS, Run, in_child, install

from seqforge.plugin import registry

ABORTING = """
import os
from seqforge import NoOptions, NoRequest, Piece, Plugin, TokenCodec

class Codec(TokenCodec[str, NoOptions, NoRequest]):
    def tokenise(self, content): return list(content)
    def detokenise(self, tokens): return "".join(tokens)

class Good(Plugin[str, NoOptions, NoRequest]):
    name = "good"
    writes = reads = (".good",)
    codec = Codec
    def read(self, path, options):
        text = path.read_text()
        if text.startswith("ABORT"):
            os.abort()
        yield Piece(text)
    def write(self, pieces, path): path.write_text("".join(piece.content for piece in pieces))
"""
NOTE_128 = bytes.fromhex(
    "4d546864000000060000000101e04d54726b000000300090bc5000803c4000903c508360803c"
    "4000903e508360803e4000904050836080404000904150836080414000ff2f00"
)
"""A MIDI file whose first note is 188, beyond the last note 127; it aborts symusic 0.5.9."""


def with_plugin(folder: Path) -> dict[str, str]:
    """Install the plugin whose reader aborts, and return the environment in which it is found."""
    import os

    return {"PYTHONPATH": os.pathsep.join([str(install(folder / "site", ABORTING)), os.environ["PYTHONPATH"]])}


def test_training_skips_and_names_the_file(tmp_path: Path) -> None:
    environment = with_plugin(tmp_path)
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(30):
        (corpus / f"{number:02}.good").write_text(f"{'abcdefg' * 9}{number}\n")
    (corpus / "07.good").write_text("ABORT")
    result = in_child(
        "train", "--plugin", "good", "--corpus", corpus, "--steps", 2, "--run", tmp_path / "run", *TINY_FLAGS,
        **environment,
    )  # fmt: skip
    assert result.code == 0, result.err
    assert f"{corpus / '07.good'}: the reader crashed (exit code -6)" in result.err
    assert (tmp_path / "run" / "skipped.txt").read_text() == (
        f"{corpus / '07.good'}: the reader crashed (exit code -6)\n"
    )
    assert (tmp_path / "run" / "model.safetensors").is_file()
    result = in_child("score", corpus / "07.good", "--model", tmp_path / "run", **environment)
    assert result.code == 1 and "07.good contains no piece" in result.err and "crashed (exit code -6)" in result.err


def test_inspect_names_the_file(tmp_path: Path) -> None:
    environment = with_plugin(tmp_path)
    (tmp_path / "a.good").write_text("ABORT")
    (tmp_path / "b.good").write_text("abc")
    result = in_child("inspect", "a.good", "--plugin", "good", **environment)
    assert result.code == 1 and result.error_message() == "a.good contains no piece that can be read"
    assert "skipped: a.good: the reader crashed (exit code -6)" in result.err
    result = in_child("inspect", "b.good", "--plugin", "good", "--json", **environment)
    assert json.loads(result.out)["pieces"][0]["steps"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    "command",
    [["convert", "a.good", "-o", "b.good"], ["convert", "folder", "-o", "out/", "--to", "good", "--plugin", "good"],
     ["show", "a.good", "--plugin", "good"]],
)  # fmt: skip
def test_command_names_the_file(tmp_path: Path, command: list[str]) -> None:
    environment = with_plugin(tmp_path)
    (tmp_path / "folder").mkdir()
    for folder in (tmp_path, tmp_path / "folder"):
        (folder / "a.good").write_text("ABORT")
    result = in_child(*command, **environment)
    assert result.code == 1 and "contains no piece that can be read" in result.error_message()
    assert "a.good: the reader crashed (exit code -6)" in result.err


def test_other_files_of_a_folder_are_converted(tmp_path: Path) -> None:
    environment = with_plugin(tmp_path)
    (tmp_path / "folder").mkdir()
    for name, text in [("a", "one"), ("b", "ABORT"), ("c", "three")]:
        (tmp_path / "folder" / f"{name}.good").write_text(text)
    result = in_child("convert", "folder", "-o", "out/", "--to", "good", "--plugin", "good", **environment)
    assert result.code == 0, result.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.good", "c.good"]
    assert "b.good: the reader crashed (exit code -6)" in result.err


def test_prompt_file_that_crashes_the_reader(
    run: Run, numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dataclasses.dataclass(frozen=True)
    class Request:
        first: int | None = None
        prompt_file: Path | None = None

    plugin = type(registry.load("numbers"))
    monkeypatch.setattr(plugin, "native", True)
    monkeypatch.setattr(plugin, "Request", Request)
    (tmp_path / "a.num").write_text("CRASH\n")
    (tmp_path / "b.num").write_text("1 2 3\n")
    result = run("generate", "--model", numbers, "--prompt-file", "a.num")
    assert result.code == 2
    path = tmp_path / "a.num"
    assert result.error_message() == f"--prompt-file is {path}, which cannot be read: the reader crashed (exit code 9)"
    assert run("generate", "--model", numbers, "--prompt-file", "b.num").code == 0


def test_inspect_of_midi_file_that_aborts_its_library(tmp_path: Path) -> None:
    (tmp_path / "note.mid").write_bytes(NOTE_128)
    result = in_child("inspect", "note.mid", "--plugin", "midi")
    assert result.code in (0, 1)
    assert "Traceback" not in result.err
    if result.code:  # a reader that repairs such a file is as good
        assert "skipped: note.mid: " in result.err and "contains no piece" in result.error_message()
