import json
from pathlib import Path

import pytest
from fakekit import Run, in_child, in_process

import seqforge


@pytest.fixture
def generate(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: in_process(capsys, "generate", *arguments)


def test_text_goes_to_stdout_and_messages_to_stderr(generate: Run, text: Path) -> None:
    result = generate("--model", text, "--prompt", "the fox ", "--length", "30", "--seed", "4")
    expected = seqforge.load(text).generate(prompt="the fox ", length=30, seed=4)[0].content
    assert result.code == 0
    assert result.out == (expected if expected.endswith("\n") else expected + "\n")
    assert result.err == f"model: {text} (the given file)\n"


def test_quiet(generate: Run, text: Path, tmp_path: Path) -> None:
    assert generate("--model", text, "--length", "5", "--quiet").err == ""
    assert generate("--model", text, "--length", "5", "--quiet", "-o", tmp_path / "a.txt").err == ""


def test_streamed_text_equals_text_of_json_report(generate: Run, text: Path) -> None:
    report = json.loads(generate("--model", text, "--length", "50", "--json").out)
    assert report["pieces"][0]["text"] == generate("--model", text, "--length", "50").out.removesuffix("\n")
    assert report["model"] == str(text) and report["plugin"] == "text" and report["seed"] == 0
    assert report["pieces"][0]["k"] == 0 and report["pieces"][0]["log_probability"] < 0


def test_prompt_without_continuation_is_shown(generate: Run, text: Path) -> None:
    assert generate("--model", text, "--prompt", "the fox", "--length", "7").out == "the fox\n"


def test_pieces_are_printed_in_order(generate: Run, text: Path) -> None:
    report = json.loads(generate("--model", text, "--length", "20", "-n", "7", "--json").out)
    expected = [piece.content for piece in seqforge.load(text).generate(7, length=20)]
    assert [piece["text"] for piece in report["pieces"]] == expected
    assert generate("--model", text, "--length", "20", "-n", "7").out == "".join(
        content if content.endswith("\n") else content + "\n" for content in expected
    )


def test_file_with_one_piece(generate: Run, text: Path, tmp_path: Path) -> None:
    result = generate("--model", text, "--length", "20", "-o", tmp_path / "o.txt")
    assert result.out == "" and f"wrote {tmp_path / 'o.txt'}" in result.err
    assert (tmp_path / "o.txt").read_text() == seqforge.load(text).generate(length=20)[0].content


def test_prompt_may_be_longer_than_a_path(generate: Run, text: Path, tmp_path: Path) -> None:
    prompt = "the lazy dog " * 400
    result = generate("--model", text, "--prompt", prompt, "--length", len(prompt) + 5, "-o", "o.txt")
    assert result.code == 0, result.err
    assert (tmp_path / "o.txt").read_text().startswith(prompt)
    assert generate("--replay", "o.txt").code == 0


def test_file_with_several_pieces(generate: Run, numbers: Path, tmp_path: Path) -> None:
    generate("--model", numbers, "-n", "4", "-o", tmp_path / "o.num")
    rows = [tuple(map(int, line.split())) for line in (tmp_path / "o.num").read_text().splitlines()]
    assert rows == [piece.content for piece in seqforge.load(numbers).generate(4)]


@pytest.mark.parametrize("name", ["out/", "deep/out/", "out"])
def test_folder_has_one_numbered_file_per_piece(generate: Run, text: Path, tmp_path: Path, name: str) -> None:
    generate("--model", text, "-n", "12", "--length", "9", "-o", f"{tmp_path}/{name}")
    files = sorted((tmp_path / name).iterdir())
    assert [path.name for path in files] == [*(f"{number:04d}.txt" for number in range(1, 13)), "provenance.json"]
    assert [path.read_text() for path in files[:-1]] == [
        piece.content for piece in seqforge.load(text).generate(12, length=9)
    ]


def test_name_with_dot_and_slash_is_a_folder(generate: Run, text: Path, tmp_path: Path) -> None:
    generate("--model", text, "--length", "9", "-o", f"{tmp_path}/v1.5/")
    assert (tmp_path / "v1.5" / "0001.txt").is_file()


def test_json_report_names_files(generate: Run, numbers: Path, tmp_path: Path) -> None:
    report = json.loads(generate("--model", numbers, "-n", "2", "-o", f"{tmp_path}/out/", "--json").out)
    assert [Path(piece["path"]).name for piece in report["pieces"]] == ["0001.num", "0002.num"]
    report = json.loads(generate("--model", numbers, "-o", tmp_path / "a.one", "--json").out)
    assert report["path"] == str(tmp_path / "a.one")


def test_existing_file_is_replaced_by_force(generate: Run, text: Path, tmp_path: Path) -> None:
    (tmp_path / "o.txt").write_text("x" * 1000)
    assert generate("--model", text, "--length", "5", "-o", tmp_path / "o.txt", "--force").code == 0
    assert len((tmp_path / "o.txt").read_text()) <= 5
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_pieces_that_are_not_strings_are_shown_as_their_file(generate: Run, numbers: Path) -> None:
    result = generate("--model", numbers, "-n", "2")
    assert len(result.out.splitlines()) == 2 and all(part.isdigit() for part in result.out.split())


def test_pieces_with_binary_files_need_an_output(generate: Run, numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.api.text.text_of", lambda plugin, pieces: None)
    result = generate("--model", numbers, "-n", "2")
    assert result.code == 2 and "-o FILE (.num, .one) or -o DIR/" in result.err


def test_label(generate: Run, numbers: Path, tmp_path: Path) -> None:
    report = json.loads(generate("--model", numbers, "--label", "parity=odd", "-o", tmp_path / "a.num", "--json").out)
    assert report["pieces"][0]["labels"] == {"parity": "odd"}


def test_output_in_missing_folder_is_an_error(generate: Run, text: Path, tmp_path: Path) -> None:
    result = generate("--model", text, "--length", "5", "-o", tmp_path / "gone" / "o.txt")
    assert result.code == 1 and "there is no folder" in result.error_message()


def test_output_folder_below_a_file_is_an_error(generate: Run, text: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = generate("--model", text, "--length", "5", "-o", f"{tmp_path}/file/out/")
    assert result.code == 1 and "a part of its path is a file" in result.error_message()


def test_plugin_without_model_is_an_error(generate: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.plugin.registry.shipped_models", lambda plugin: [])
    result = generate("--plugin", "text")
    assert result.code == 2 and "seqforge train --plugin text" in result.error_message()


def test_another_process_generates_the_same(generate: Run, text: Path) -> None:
    here = generate("--model", text, "--length", "40", "-n", "3").out
    there = in_child("generate", "--model", text, "--length", "40", "-n", "3", PYTHONHASHSEED="5")
    assert there.out == here and there.code == 0


def test_json_report_has_log_probabilities_per_step(generate: Run, text: Path) -> None:
    (piece,) = json.loads(generate("--model", text, "--length", "9", "--json").out)["pieces"]
    assert sum(piece["log_probabilities"]) == pytest.approx(piece["log_probability"])
    assert 0 < len(piece["log_probabilities"]) <= 9 and 0 <= piece["masked"] < 1


def test_ban_and_force(generate: Run, text: Path) -> None:
    report = json.loads(
        generate(
            "--model", text, "--length", "60", "--ban", "e", "--force-token", "f", "--force-token", "o", "--json"
        ).out
    )
    content = report["pieces"][0]["text"]
    assert content.startswith("fo") and "e" not in content
    result = generate("--model", text, "--ban", "é")
    assert result.code == 2 and "--ban contains 'é'" in result.error_message()


def test_beams_return_the_most_probable_pieces(generate: Run, text: Path) -> None:
    def totals(*flags: str) -> list[float]:
        report = json.loads(generate("--model", text, "--length", "12", "--json", *flags).out)
        return [piece["log_probability"] for piece in report["pieces"]]

    (greedy,) = totals("--greedy")
    assert totals("--beams", "1") == [pytest.approx(greedy)]
    best = totals("--beams", "6", "-n", "3")
    assert best == sorted(best, reverse=True) and best[0] >= greedy - 1e-6
    result = generate("--model", text, "--beams", "2", "-n", "3")
    assert result.code == 2 and "-n is 3 and --beams is 2" in result.error_message()
    result = generate("--model", text, "--beams", "2", "--temperature", "0.5")
    assert result.code == 2 and "--temperature" in result.error_message() and "--beams" in result.error_message()


def test_ensemble_of_models(generate: Run, text: Path, numbers: Path) -> None:
    alone = generate("--model", text, "--length", "30").out
    assert generate("--model", text, "--model", text, "--length", "30").out == alone
    result = generate("--model", text, "--model", numbers)
    assert result.code == 2 and "cannot form an ensemble" in result.error_message()


def test_limits_of_steps_and_seconds(generate: Run, numbers: Path) -> None:
    report = json.loads(generate("--model", numbers, "--max-steps", "3", "--json").out)
    assert len(report["pieces"][0]["log_probabilities"]) <= 4
    report = json.loads(generate("--model", numbers, "--max-seconds", "0.000001", "-n", "3", "--json").out)
    assert len(report["pieces"]) == 3


def test_candidates(generate: Run, numbers: Path) -> None:
    first = generate("--model", numbers, "-n", "3", "--candidates", "4", "--json")
    again = generate("--model", numbers, "-n", "2", "--candidates", "4", "--json")
    pieces = json.loads(first.out)["pieces"]
    assert [piece["k"] for piece in pieces] == [0, 1, 2]
    assert json.loads(again.out)["pieces"] == pieces[:2]


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
@pytest.mark.parametrize("line", ["text --length 30", "abc --bars 2 --rhythm jig"])
def test_first_files_do_not_depend_on_n(generate: Run, working_folder: Path, line: str, precision: str) -> None:
    plugin, *words = line.split()
    contents = {}
    for n in (1, 8, 64):
        flags = ["--plugin", plugin, "--model", "shipped", "--seed", 5, "--precision", precision, "-n", n, *words]
        assert generate(*flags, "-o", f"{n}/").code == 0
        files = sorted(path for path in (working_folder / str(n)).iterdir() if path.suffix != ".json")
        assert len(files) == n
        contents[n] = [path.read_bytes() for path in files]
    assert contents[64][:8] == contents[8] and contents[8][:1] == contents[1]
    assert len(set(contents[64])) > 60


@pytest.mark.parametrize("output", ["p.txt", "own.txt"])
def test_file_that_would_be_lost_is_refused_before_the_model_is_loaded(
    generate: Run, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    (tmp_path / "p.txt").write_text("the ")
    (tmp_path / "own.txt").write_text("mine")
    monkeypatch.setattr("seqforge.api.model_loading.load", lambda *arguments, **settings: pytest.fail("loaded"))
    result = generate("--model", text, "--prompt-file", "p.txt", "--length", "9", "-o", output)
    advice = "set --force to replace it" if output == "own.txt" else "which is also an input; name another file"
    assert result.code == 2 and advice in result.error_message()
    assert [path.read_text() for path in (tmp_path / "p.txt", tmp_path / "own.txt")] == ["the ", "mine"]


def test_same_command_twice_replaces_its_file_and_numbers_on_in_a_folder(
    generate: Run, text: Path, tmp_path: Path
) -> None:
    for output in ("a.txt", "out/"):
        for _ in range(2):
            assert generate("--model", text, "--length", "9", "-o", output).code == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["0001.txt", "0002.txt", "provenance.json"]
    assert generate("--model", text, "--length", "9", "-o", "out/", "--overwrite").code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names


def test_several_formats(generate: Run, numbers: Path, tmp_path: Path) -> None:
    report = json.loads(generate("--model", numbers, "--format", "num,one", "-o", "five", "--json").out)
    assert report["paths"] == ["five.num", "five.one"] and (tmp_path / "five.one").is_file()
    report = json.loads(generate("--model", numbers, "--format", "num,one", "-o", "out/", "-n", "2", "--json").out)
    assert [Path(path).name for path in report["pieces"][1]["paths"]] == ["0002.num", "0002.one"]
    assert generate("--model", numbers, "--format", "one", "-o", "-").code == 0
    for flags, part in ((("--format", "num,one", "-o", "-"), "one format"), (("--format", "one"), "set -o FILE")):
        result = generate("--model", numbers, *flags)
        assert result.code == 2 and part in result.error_message()
