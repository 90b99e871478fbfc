"""A file that crashes a native library never takes a command with it."""

import json
from pathlib import Path

from fakekit import TINY_FLAGS, in_child, install

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


def test_inspect_of_midi_file_that_aborts_its_library(tmp_path: Path) -> None:
    (tmp_path / "note.mid").write_bytes(NOTE_128)
    result = in_child("inspect", "note.mid", "--plugin", "midi")
    assert result.code in (0, 1)
    assert "Traceback" not in result.err
    if result.code:  # a reader that repairs such a file is as good
        assert "skipped: note.mid: " in result.err and "contains no piece" in result.error_message()
