"""The complete sentences of typical mistakes. The wording of messages is asserted here and nowhere else."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from fakekit import TINY_FLAGS, Run, number_rows

from seqforge.api import model_paths
from seqforge.corpus import installed_corpora

TRAIN = f"train --plugin numbers --corpus a.num {' '.join(TINY_FLAGS)} --steps 1"

SENTENCES: dict[str, tuple[int, str]] = {
    # -- names
    "train": (2, "no plugin is named; set --plugin (`seqforge plugins` lists them)"),
    "generate": (2, "no model is named; set --plugin or --model (`seqforge models` lists models)"),
    "inspect -": (2, "no plugin or model is named; set --plugin or --model"),
    "inspect gone.num": (2, "there is no file gone.num"),
    "inspect texts": (2, "texts is a folder; name one of its files, such as texts/a.txt"),
    "show texts": (2, "texts is a folder; name one of its files, such as texts/a.txt"),
    "play texts": (2, "texts is a folder; name one of its files, such as texts/a.txt"),
    "train --plugin music": (2, "there is no plugin 'music'; installed are abc, handwriting, midi, numbers, text"),
    "train --plugin nmbers": (
        2,
        "there is no plugin 'nmbers'; installed are abc, handwriting, midi, numbers, text. Did you mean 'numbers'?",
    ),
    "generate --model songz": (
        2,
        ("there is no model 'songz': no such file or run folder, and no shipped model of that name; there are"
         " midi:drums, midi:songs, text:drums. Did you mean 'songs'?"),
    ),
    "info drums": (2, "several plugins ship a model 'drums'; name one of midi:drums, text:drums"),
    "evaluate empty": (2, "the folder empty contains no model.safetensors"),
    "generate --plugin text --model NUMBERS": (
        2,
        "NUMBERS is a model of the plugin 'numbers', not 'text'; leave --plugin out, or name another model",
    ),
    "score gone.num --model NUMBERS": (2, "there is no file gone.num"),
    # -- usage
    "trane": (
        2,
        ("there is no command 'trane'; there are train, prepare, generate, convert, show, play, evaluate, score,"
         " classify, info, export, push, sweep, compare, plot, models, inspect, studio, serve, plugins, corpora."
         " Did you mean 'train'?"),
    ),
    "plugins sho": (
        2, "`seqforge plugins` has no command 'sho'; there are list, show, check, new, publish. Did you mean 'show'?",
    ),
    "--vrsion": (2, "there is no option --vrsion. Did you mean --version?"),
    "-x": (2, "there is no option -x; `seqforge -h` lists its options"),
    "train --plugin text --hiden 3": (
        2, "`seqforge train` with the plugin 'text' has no option --hiden. Did you mean --hidden?",
    ),
    "train --plugin text --window 3": (
        2, "`seqforge train` with the plugin 'text' has no option --window; `seqforge train -h` lists its options",
    ),
    "generate --plugin numbers --prompt x": (
        2, "`seqforge generate` with the plugin 'numbers' has no option --prompt; it belongs to abc, text",
    ),
    "convert a.num -q -o b.num": (
        2, "`seqforge convert` has no option -q; `seqforge convert -h` lists its options",
    ),
    "inspect": (2, "FILE is missing; write it as in `seqforge inspect tunes.abc`"),
    "info": (2, "MODEL is missing; write it as in `seqforge info abc`"),
    "score a.num": (2, "--model is missing; write it as in `seqforge score tunes.abc --model abc`"),
    "convert empty -o b.one": (
        2,
        ("the folder empty contains no file that an installed plugin reads; they read .abc, .dat, .inkml,"
         " .json, .jsonl, .kar, .mid, .midi, .ndjson, .npy, .npz, .num, .rmi, .smf, .svg, .svgz, .txt, .xoj, .xopp"),
    ),
    "convert bad.num -o a.num": (2, "a.num exists; name another output, or set --force to replace it"),
    "show bad.num -o a.num": (2, "a.num exists; name another output, or set --force to replace it"),
    "convert a.num -o a.num --force": (2, "a.num is an input, which is never replaced; name another output"),
    "convert - -o b.one": (2, "standard input has no suffix by which the plugin is found; set --plugin"),
    "convert a.num": (2, "-o is missing; write it as in `seqforge convert tune.abc -o tune.mid`"),
    "convert a.num b.one": (2, "-o is missing. Did you mean -o b.one?"),
    "convert a.num -o": (2, "-o lacks its value; write -o PATH"),
    "generate --plugin numbers --label": (2, "--label lacks its value; write --label NAME=VALUE"),
    "generate --plugin numbers --greedy=yes": (2, "--greedy takes no value; write --greedy or --no-greedy alone"),
    "generate --plugin numbers -n x": (2, "-n is 'x'; it must be a whole number"),
    "generate --plugin numbers -n 0": (2, "-n is 0; it must be at least 1"),
    "generate --plugin numbers --temperature warm": (2, "--temperature is 'warm'; it must be a number"),
    "generate --plugin numbers --precision float16": (
        2, "--precision is 'float16'; it must be one of float32, bfloat16, int8. Did you mean 'bfloat16'?",
    ),
    "train --plugin text --level syllable": (2, "--level is 'syllable'; it must be one of char, byte, word"),
    "train --plugin text --steps 1.5": (2, "--steps is '1.5'; it must be a whole number"),
    "info a b": (
        2, "`seqforge info` does not expect the word 'b' after MODEL; `seqforge info -h` lists its options",
    ),
    "generate text": (2, "`seqforge generate` does not expect the word 'text'. Did you mean --plugin text?"),
    "train a.num": (2, "`seqforge train` does not expect the word 'a.num'. Did you mean --corpus a.num?"),
    "generate --plugin text length 30": (
        2, "`seqforge generate` does not expect the word 'length'. Did you mean --length?",
    ),
    "generate --plugin text --prompt to be or not": (
        2, "`seqforge generate` does not expect the word 'be'; a value that contains spaces needs quotes",
    ),
    # -- corpora
    "corpora show nmes": (
        2,
        "'nmes' is neither a file or folder nor an installed corpus; installed are CORPORA. Did you mean 'names'?",
    ),
    f"{TRAIN} --corpus empty": (1, "the folder empty is empty; put .num files into it"),
    f"{TRAIN} --corpus texts": (
        1,
        "the folder texts contains no file that the plugin 'numbers' reads (.num); it contains files with .txt",
    ),
    f"{TRAIN} --corpus bad.num": (1, "nothing could be read: bad.num:1: 'one two' is not a row of integers"),
    "train --plugin numbers": (
        2,
        "no default corpus for 'numbers' is installed; set --corpus to a folder, a file, or one of `seqforge corpora`",
    ),
    "evaluate NUMBERS --split vaild": (
        2, "there is no split 'vaild'; there are train, valid, test. Did you mean 'valid'?",
    ),
    # -- options of a training
    f"{TRAIN} --minutes 5": (2, "--steps and --minutes are both set; set one of them"),
    f"{TRAIN} --dropout 1": (2, "--dropout is 1; it must be from 0 to below 1"),
    f"{TRAIN} --bptt 1": (2, "--bptt is 1; it must be at least 2"),
    f"{TRAIN} --run a.num/run": (
        1,
        ("cannot write a.num/run: a part of its path is a file, not a folder; choose another place. The previous file"
         " is unchanged."),
    ),
    "train --plugin numbers --resume": (
        1,
        "there is no unfinished run of 'numbers' in runs/numbers; start one without --resume",
    ),
    f"{TRAIN} --init TEXT": (2, "--init is TEXT, a model of the plugin 'text', not 'numbers'; name another model"),
    f"{TRAIN} --hidden 32 --init NUMBERS": (2, "--hidden is 32 and does not fit --init: that model has 16"),
    # -- requests
    "generate --model NUMBERS --label parity": (
        2, "--label is parity; write NAME=VALUE, as in --label language=Irish",
    ),
    "generate --model NUMBERS --label parity=evn": (
        2, "the label 'parity' has no value 'evn'; allowed are even, odd. Did you mean 'even'?",
    ),
    "generate --model NUMBERS --label party=odd": (
        2, "the model has no label 'party'; it has parity. Did you mean 'parity'?",
    ),
    "generate --model NUMBERS --first 123": (2, "--first is 123; it must be a number of the vocabulary"),
    "generate --model NUMBERS --top-p 2": (2, "--top-p is 2; it must be above 0 and at most 1"),
    "generate --model NUMBERS --temperature=-1": (2, "--temperature is -1; it must be from 0 (greedy) to 100"),
    "generate --model NUMBERS --length 0": (2, "--length is 0; it must be above 0"),
    "generate --model NUMBERS --candidates 5000": (2, "--candidates is 5000; it must be from 0 to 1000"),
    "generate --model TEXT --prompt \N{SNOWMAN}": (
        2, "the prompt contains '\N{SNOWMAN}', which the model has never seen; leave it out",
    ),
    "generate --model TEXT --prompt thefox --length 3": (
        2, "--length is 3 characters and includes the prompt, which has 6; set a larger length",
    ),
    "generate --model TEXT --ban \N{SNOWMAN}": (
        2, "--ban contains '\N{SNOWMAN}', which is not a token of the model; `seqforge inspect` shows tokens of a file",
    ),
    "generate --model NUMBERS --beams 2 -n 3": (
        2, "-n is 3 and --beams is 2; a beam search returns at most as many pieces as it has beams",
    ),
    # -- output
    "generate --model NUMBERS -n 3 -o o.one": (
        2, "a .one file holds one piece and -n is 3; name a folder (-o DIR/), or a file that holds several: .num",
    ),
    "generate --model NUMBERS -o o.mid": (2, "numbers does not write .mid files; it writes .num, .one"),
    "generate --model NUMBERS -o gone/o.num": (1, "cannot write gone/o.num: there is no folder gone; create it first"),
    "generate --model NUMBERS --show-attention a.svg": (
        2, "--show-attention has no meaning here: models of the plugin 'numbers' attend to no source",
    ),
    "generate --replay a.num": (
        2,
        ("--replay is a.num, which has no provenance (in the file, a.num.provenance.json or provenance.json); only"
         " files that `seqforge generate -o` wrote can be reproduced"),
    ),
}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files and folders that the command lines name, and three shipped models."""
    (tmp_path / "a.num").write_text(number_rows())
    (tmp_path / "bad.num").write_text("one two\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("1 2\n")
    keys = [("midi", "drums"), ("midi", "songs"), ("text", "drums")]
    monkeypatch.setattr(model_paths, "shipped_models", lambda: dict.fromkeys(keys, text))


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("line", SENTENCES, ids=lambda line: line.replace(f"{TRAIN}", "train ..."))
def test_mistake_is_one_sentence(run: Run, text: Path, numbers: Path, tmp_path: Path, line: str) -> None:
    code, sentence = SENTENCES[line]
    if "--corpus a.num" in line and line.count("--corpus") > 1:
        line = line.replace("--corpus a.num ", "")
    paths = {"TEXT": str(text), "NUMBERS": str(numbers)}
    result = run(*(paths.get(word, word) for word in line.split()))
    paths["CORPORA"] = ", ".join(corpus.name for corpus in installed_corpora())
    for word, path in paths.items():
        sentence = sentence.replace(word, path)
    message = result.error_message().replace(f"{tmp_path}/", "")
    assert (result.code, message, result.out) == (code, sentence, "")
    assert not list(tmp_path.glob("o.*"))


def test_picture_in_a_terminal(run: Run, numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fake_numbers.Numbers.writes", (".svg", ".num"))
    assert run("generate", "--model", numbers).code == 0  # stdout is a pipe
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    result = run("generate", "--model", numbers)
    assert (result.code, result.out) == (2, "")
    assert result.error_message() == "a terminal cannot show a picture; set -o FILE (.svg, .num) or -o DIR/"
    assert run("generate", "--model", numbers, "--json").code == 0


def test_changed_options_of_a_resumed_run(run: Run, files: Any) -> None:
    run(*TRAIN.split()[:-1], "6", "--stop-at", "3")
    result = run("train", "--plugin", "numbers", "--resume", "--learning-rate", "0.1")
    assert result.code == 1
    assert result.error_message() == (
        "a run is resumed with the options that it was started with, but --learning-rate is 0.1 and was 0.005; leave"
        " that out, or start a new run"
    )


def test_full_disk_while_saving(run: Run, files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(*TRAIN.split()[:-1], "6", "--stop-at", "3")
    folder = tmp_path / "runs/numbers/0001"
    before = {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    result = run("train", "--plugin", "numbers", "--resume")
    assert result.code == 1 and "Traceback" not in result.err
    assert result.err.splitlines()[-1].endswith(
        ": the disk is full; free some space, or choose another disk. The previous file is unchanged."
    )
    assert {path.name: path.read_bytes() for path in folder.glob("*.safetensors")} == before
    assert not list(folder.glob(".*"))


def test_unreadable_files_are_listed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    for name in ("a", "b"):
        (tmp_path / "corpus" / f"{name}.txt").write_bytes(b"\xff\xfe\x00\x80")
    result = run("train", "--plugin", "text", "--corpus", "corpus")
    assert result.code == 1 and result.error_message().startswith("nothing could be read: ")
    assert all(fragment in result.error_message() for fragment in ("a.txt", "b.txt", "UTF-8"))


def test_runs_that_is_a_file(run: Run, files: Any, tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    result = run(*TRAIN.split())
    assert result.code == 1 and result.error_message().startswith("cannot write runs/numbers: ")


def test_output_folder_below_a_file(run: Run, numbers: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("generate", "--model", numbers, "-o", "file/out/")
    assert result.code == 1 and result.error_message().startswith("cannot write file/out: a part of its path is a file")


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "header", "zip"])
@pytest.mark.parametrize("command", ["generate", "info", "evaluate"])
def test_damaged_model(run: Run, text: Path, tmp_path: Path, damage: str, command: str) -> None:
    content = text.read_bytes()
    damaged = {
        "cut": content[: len(content) // 2],
        "empty": b"",
        "text": b"this is not a model, but a text\n" * 9,
        "header": (1 << 60).to_bytes(8, "little") + content[8:],
        "zip": b"PK\x03\x04" + content[4:],
    }[damage]
    (tmp_path / "m.safetensors").write_bytes(damaged)
    flag = ["--model"] if command == "generate" else []
    result = run(command, *flag, tmp_path / "m.safetensors")
    assert result.code == 1 and result.out == ""
    assert "m.safetensors cannot be used: " in result.error_message()
