import json
from pathlib import Path

import pytest
from fakekit import Run, Said, in_child, in_process

import seqforge
from seqforge import Model


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: in_process(capsys, "generate", *arguments)


@pytest.fixture
def text(trained: dict[str, Model]) -> Path:
    path = trained["text"].path
    assert path is not None
    return path


@pytest.fixture
def numbers(trained: dict[str, Model]) -> Path:
    path = trained["numbers"].path
    assert path is not None
    return path


def test_text_goes_to_stdout_and_words_to_stderr(run: Run, text: Path) -> None:
    said = run("--model", text, "--prompt", "the fox ", "--length", "30", "--seed", "4")
    wanted = seqforge.load(text).generate(prompt="the fox ", length=30, seed=4)[0].content
    assert said.code == 0
    assert said.out == (wanted if wanted.endswith("\n") else wanted + "\n")
    assert said.err == f"model: {text} (as asked)\n"


def test_quiet_says_nothing(run: Run, text: Path, tmp_path: Path) -> None:
    assert run("--model", text, "--length", "5", "--quiet").err == ""
    assert run("--model", text, "--length", "5", "--quiet", "-o", tmp_path / "a.txt").err == ""


def test_what_is_streamed_is_what_is_told_as_json(run: Run, text: Path) -> None:
    told = json.loads(run("--model", text, "--length", "50", "--json").out)
    assert told["pieces"][0]["text"] == run("--model", text, "--length", "50").out.removesuffix("\n")
    assert told["model"] == str(text) and told["plugin"] == "text" and told["seed"] == 0
    assert told["pieces"][0]["k"] == 0 and told["pieces"][0]["log_probability"] < 0


def test_a_prompt_that_is_at_once_at_its_end_is_shown(run: Run, text: Path) -> None:
    assert run("--model", text, "--prompt", "the fox", "--length", "7").out == "the fox\n"


def test_several_pieces_are_told_in_their_order(run: Run, text: Path) -> None:
    told = json.loads(run("--model", text, "--length", "20", "-n", "7", "--json").out)
    wanted = [piece.content for piece in seqforge.load(text).generate(7, length=20)]
    assert [piece["text"] for piece in told["pieces"]] == wanted
    assert run("--model", text, "--length", "20", "-n", "7").out == "".join(
        each if each.endswith("\n") else each + "\n" for each in wanted
    )


def test_one_file_holds_one_piece(run: Run, text: Path, tmp_path: Path) -> None:
    said = run("--model", text, "--length", "20", "-o", tmp_path / "o.txt")
    assert said.out == "" and f"wrote {tmp_path / 'o.txt'}" in said.err
    assert (tmp_path / "o.txt").read_text() == seqforge.load(text).generate(length=20)[0].content


def test_a_book_holds_all_pieces(run: Run, numbers: Path, tmp_path: Path) -> None:
    run("--model", numbers, "-n", "4", "-o", tmp_path / "o.num")
    rows = [tuple(map(int, line.split())) for line in (tmp_path / "o.num").read_text().splitlines()]
    assert rows == [piece.content for piece in seqforge.load(numbers).generate(4)]


@pytest.mark.parametrize("name", ["out/", "deep/out/", "out"])
def test_a_folder_gets_a_file_for_each_numbered_from_0001(run: Run, text: Path, tmp_path: Path, name: str) -> None:
    run("--model", text, "-n", "12", "--length", "9", "-o", f"{tmp_path}/{name}")
    found = sorted((tmp_path / name).iterdir())
    assert [path.name for path in found] == [*(f"{number:04d}.txt" for number in range(1, 13)), "provenance.json"]
    assert [path.read_text() for path in found[:-1]] == [
        piece.content for piece in seqforge.load(text).generate(12, length=9)
    ]


def test_a_name_with_a_point_that_ends_in_a_slash_is_a_folder(run: Run, text: Path, tmp_path: Path) -> None:
    run("--model", text, "--length", "9", "-o", f"{tmp_path}/v1.5/")
    assert (tmp_path / "v1.5" / "0001.txt").is_file()


def test_json_names_the_files(run: Run, numbers: Path, tmp_path: Path) -> None:
    told = json.loads(run("--model", numbers, "-n", "2", "-o", f"{tmp_path}/out/", "--json").out)
    assert [Path(piece["path"]).name for piece in told["pieces"]] == ["0001.num", "0002.num"]
    told = json.loads(run("--model", numbers, "-o", tmp_path / "a.one", "--json").out)
    assert told["path"] == str(tmp_path / "a.one")


def test_an_older_file_is_replaced_whole(run: Run, text: Path, tmp_path: Path) -> None:
    (tmp_path / "o.txt").write_text("x" * 1000)
    run("--model", text, "--length", "5", "-o", tmp_path / "o.txt")
    assert len((tmp_path / "o.txt").read_text()) <= 5
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_pieces_that_are_no_strings_are_shown_as_a_file_of_theirs_would_be(run: Run, numbers: Path) -> None:
    said = run("--model", numbers, "-n", "2")
    assert len(said.out.splitlines()) == 2 and all(part.isdigit() for part in said.out.split())


def test_pieces_whose_files_are_no_text_need_a_file(run: Run, numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.api.text.text_of", lambda plugin, pieces: None)
    said = run("--model", numbers, "-n", "2")
    assert said.code == 2 and "where to? Give -o FILE (.num, .one) or -o DIR/" in said.err


def test_a_label_is_asked_for_with_where(run: Run, numbers: Path, tmp_path: Path) -> None:
    told = json.loads(run("--model", numbers, "--label", "parity=odd", "-o", tmp_path / "a.num", "--json").out)
    assert told["pieces"][0]["labels"] == {"parity": "odd"}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("-n 3 -o o.one", "a .one file holds one piece and -n is 3; give a folder (-o DIR/), or a file that"),
        ("-o o.mid", "numbers writes no .mid files; it writes .num, .one"),
        ("--label parity", "--label parity is not understood; write LABEL=VALUE"),
        ("--label =odd", "--label =odd is not understood"),
        ("--label parity=evn", "the label 'parity' has no value 'evn'; allowed are even, odd. Did you mean 'even'?"),
        ("--label party=odd", "the model has no label 'party'; it has parity. Did you mean 'parity'?"),
        ("--length 0", "--length is 0; it must be more than 0 numbers"),
        ("--temperature=-1", "--temperature is -1"),
        ("--top-p 2", "--top-p is 2"),
        ("--first 123", "--first 123 is no number that the model knows"),
        ("--plugin text", "is a model of the plugin 'numbers', not 'text'; leave --plugin out, or name another"),
    ],
)  # fmt: skip
def test_what_cannot_be_generated_is_one_sentence_and_code_2(
    run: Run, numbers: Path, tmp_path: Path, line: str, told: str
) -> None:
    said: Said = run("--model", numbers, *line.split())
    assert said.code == 2 and said.out == ""
    assert told in said.err.splitlines()[-1] and "Traceback" not in said.err
    assert [line for line in said.err.splitlines() if line.startswith("seqforge: ")] == said.err.splitlines()[-1:]
    assert not list(tmp_path.glob("o.*"))


def test_a_file_in_a_folder_that_is_not_there_is_one_sentence(run: Run, text: Path, tmp_path: Path) -> None:
    said = run("--model", text, "--length", "5", "-o", tmp_path / "gone" / "o.txt")
    assert said.code == 1 and "there is no folder" in said.sentence()


def test_a_folder_where_a_file_is_is_one_sentence(run: Run, text: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = run("--model", text, "--length", "5", "-o", f"{tmp_path}/file/out/")
    assert said.code == 1 and "a part of its path is a file" in said.sentence()


def test_without_any_model_the_sentence_says_how_to_train(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.plugin.registry.shipped", lambda plugin: [])
    said = run("--plugin", "text")
    assert said.code == 2 and "seqforge train --plugin text" in said.sentence()


def test_another_process_generates_the_same(run: Run, text: Path) -> None:
    here = run("--model", text, "--length", "40", "-n", "3").out
    there = in_child("generate", "--model", text, "--length", "40", "-n", "3", PYTHONHASHSEED="5")
    assert there.out == here and there.code == 0


def test_log_probabilities_are_told_step_by_step(run: Run, text: Path) -> None:
    (piece,) = json.loads(run("--model", text, "--length", "9", "--json").out)["pieces"]
    assert sum(piece["log_probabilities"]) == pytest.approx(piece["log_probability"])
    assert 0 < len(piece["log_probabilities"]) <= 9 and 0 <= piece["masked"] < 1


def test_tokens_are_banned_and_forced(run: Run, text: Path) -> None:
    told = json.loads(
        run("--model", text, "--length", "60", "--ban", "e", "--force", "f", "--force", "o", "--json").out
    )
    made = told["pieces"][0]["text"]
    assert made.startswith("fo") and "e" not in made
    assert run("--model", text, "--ban", "é").sentence() == (
        "--ban 'é': the model has no such token; `seqforge inspect` shows some"
    )


def test_a_beam_gives_the_most_probable_pieces_best_first(run: Run, text: Path) -> None:
    def totals(*asked: str) -> list[float]:
        told = json.loads(run("--model", text, "--length", "12", "--json", *asked).out)
        return [piece["log_probability"] for piece in told["pieces"]]

    (greedy,) = totals("--greedy")
    assert totals("--beams", "1") == [pytest.approx(greedy)]
    best = totals("--beams", "6", "-n", "3")
    assert best == sorted(best, reverse=True) and best[0] >= greedy - 1e-6
    assert run("--model", text, "--beams", "2", "-n", "3").sentence().startswith("-n is 3 and --beams 2")
    assert "only --ban goes with it" in run("--model", text, "--beams", "2", "--temperature", "0.5").sentence()


def test_several_models_are_averaged(run: Run, text: Path, numbers: Path) -> None:
    alone = run("--model", text, "--length", "30").out
    assert run("--model", text, "--model", text, "--length", "30").out == alone
    said = run("--model", text, "--model", numbers)
    assert said.code == 2 and "cannot be averaged: their steps do not mean the same" in said.sentence()


def test_a_piece_is_led_to_its_end_by_steps_and_time(run: Run, numbers: Path) -> None:
    told = json.loads(run("--model", numbers, "--steps", "3", "--json").out)
    assert len(told["pieces"][0]["log_probabilities"]) <= 4
    assert json.loads(run("--model", numbers, "--time", "0.000001", "-n", "3", "--json").out)["pieces"]
    assert run("--model", numbers, "--time", "0").sentence() == "--time is 0; it must be more than 0"


def test_an_absurd_number_of_candidates_is_refused(run: Run, numbers: Path) -> None:
    said = run("--model", numbers, "--candidates", "5000")
    assert said.code == 2 and "--candidates is 5000; it must be from 1 to 1000, or 0" in said.err


def test_one_of_several_candidates_is_kept(run: Run, numbers: Path) -> None:
    first = run("--model", numbers, "-n", "3", "--candidates", "4", "--json")
    again = run("--model", numbers, "-n", "2", "--candidates", "4", "--json")
    pieces = json.loads(first.out)["pieces"]
    assert [piece["k"] for piece in pieces] == [0, 1, 2]
    assert json.loads(again.out)["pieces"] == pieces[:2]


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("asked", ["text --length 30", "abc --bars 2 --rhythm jig"])
def test_the_first_files_are_the_same_however_many_are_asked_for(
    run: Run, own_place: Path, asked: str, precision: str
) -> None:
    plugin, *words = asked.split()
    found = {}
    for n in (1, 8, 64):
        flags = ["--plugin", plugin, "--model", "shipped", "--seed", 5, "--precision", precision, "-n", n, *words]
        assert run(*flags, "-o", f"{n}/").code == 0
        files = sorted(path for path in (own_place / str(n)).iterdir() if path.suffix != ".json")
        assert len(files) == n
        found[n] = [path.read_bytes() for path in files]
    assert found[64][:8] == found[8] and found[8][:1] == found[1]
    assert len(set(found[64])) > 60
