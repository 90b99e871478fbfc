"""The help pages: width, examples, order of sections, suggestions, and shell completion."""

import subprocess
import sys

import pytest
from fakekit import Run

PAGES = (
    "", "train", "generate", "evaluate", "score", "info", "models", "inspect", "plugins", "corpora", "plugins show",
    "plugins check", "plugins new", "plugins publish", "corpora show", "train --plugin text", "generate --plugin abc",
    "generate --plugin handwriting", "generate --plugin midi", "inspect --plugin numbers",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_page_fits_80_columns_and_nothing_is_cut(run: Run, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = run(*page.split(), "--help")
    assert result.code == 0 and result.err == ""
    assert max(map(len, result.out.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in result.out
    assert not any(line.endswith("...") and "[ARGS]" not in line for line in result.out.splitlines())
    assert "<int" not in result.out and "<bool" not in result.out and "Examples:\n    seqforge " in result.out


@pytest.mark.parametrize("page", PAGES)
def test_h_is_help(run: Run, page: str) -> None:
    assert run(*page.split(), "-h") == run(*page.split(), "--help")


@pytest.mark.parametrize("command", ["train", "generate", "inspect"])
def test_flags_of_the_plugin_come_first(run: Run, command: str) -> None:
    lines = run(command, "--plugin", "text", "-h").out.splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert next(heading for heading in headings if heading != "Arguments:").endswith("the plugin 'text':")


def test_both_flags_of_a_switch_are_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert "  --tie-embeddings / --no-tie-embeddings\n" in run("train", "-h").out


def test_seqforge_alone_shows_three_commands(run: Run) -> None:
    result = run()
    assert result.code == 0 and result.err == "" and len(result.out.splitlines()) < 10
    for command in ("seqforge generate ", "seqforge train ", "seqforge --help "):
        assert command in result.out


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("generate --level x", "`seqforge generate` has no option --level; `seqforge generate -h` lists its options"),
        ("generate --temprature 2", "`seqforge generate` has no option --temprature. Did you mean --temperature?"),
        ("generate --prompt x",
         "`seqforge generate` has the option --prompt only with a plugin. Did you mean --plugin abc or --plugin text?"),
        ("generate --text hello",
         "`seqforge generate` has the option --text only with a plugin. Did you mean --plugin handwriting?"),
        ("train --level word",
         "`seqforge train` has the option --level only with a plugin. Did you mean --plugin text?"),
        ("generate --plugin text --paper a5",
         "`seqforge generate` with the plugin 'text' has no option --paper; it belongs to handwriting"),
        ("plugins show --jsn", "`seqforge plugins show` has no option --jsn. Did you mean --json?"),
    ],
)  # fmt: skip
def test_unknown_flag_names_what_was_meant(run: Run, line: str, sentence: str) -> None:
    result = run(*line.split())
    assert (result.code, result.error_message(), result.out) == (2, sentence, "")


@pytest.mark.parametrize(
    ("line", "offer"),
    [
        ("seqforge gene", "generate"), ("seqforge train --plugin tex", "text"), ("seqforge train --hidd", "--hidden"),
        ("seqforge generate --plugin text --prompt-f", "--prompt-file"), ("seqforge generate --model numb", "numbers"),
    ],
)  # fmt: skip
def test_shell_completion(line: str, offer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_SEQFORGE_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split()) - 1))
    child = subprocess.run([sys.executable, "-m", "seqforge"], capture_output=True, text=True, check=False)
    assert offer in child.stdout.split()
