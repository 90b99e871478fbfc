import json
import subprocess
import sys
from pathlib import Path

import pytest
from fakekit import SITE, Run, Said, in_process

from seqforge import Model


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: in_process(capsys, *arguments)


@pytest.mark.parametrize(
    "line",
    ["--help", "--version", "plugins", "plugins list --json", "corpora", "corpora show names",
     "train --help", "generate --help", "plugins show text"],
)  # fmt: skip
def test_light_commands_import_neither_torch_nor_a_plugin(line: str) -> None:
    script = (
        "import atexit, sys\n"
        "heavy = ('torch', 'seqforge_text', 'fake_numbers', 'seqforge_corpora')\n"
        "atexit.register(lambda: print('HEAVY', sorted({m.partition('.')[0] for m in sys.modules} & set(heavy))))\n"
        "from seqforge.cli.main import main\n"
        f"main({line.split()!r})\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_help_lists_every_command_on_stdout(run: Run) -> None:
    said = run("--help")
    assert said.code == 0 and said.err == ""
    for command in ("train", "generate", "evaluate", "score", "info", "models", "plugins", "corpora", "inspect"):
        assert f" {command} " in said.out


def test_the_version_is_told(run: Run) -> None:
    import seqforge

    assert run("--version").out == f"seqforge {seqforge.__version__}\n"


def test_train_help_shows_the_plugin_s_flags_with_defaults(run: Run) -> None:
    out = run("train", "--plugin", "text", "--help").out
    level = next(line for line in out.splitlines() if "--level" in line)
    piece = next(line for line in out.splitlines() if "--piece" in line)
    assert "char|byte|word" in level and "[default: char]" in level and "what a step is" in level
    assert "file|paragraph|line" in piece and "[default: file]" in out
    assert "Options of the plugin 'text'" in out


def test_flags_have_their_unit(run: Run) -> None:
    out = run("train", "--plugin=numbers", "--help").out
    line = next(line for line in out.splitlines() if "--largest" in line)
    assert "NUMBER" in line and "[default: 9999]" in line
    assert "--first" in run("generate", "--plugin", "numbers", "--help").out


def test_without_a_plugin_help_shows_the_core_s_flags_alone(run: Run) -> None:
    out = run("train", "--help").out
    assert "--hidden" in out and "--level" not in out


def test_generate_help_of_a_model_file_shows_its_plugin_s_flags(run: Run, trained: dict[str, Model]) -> None:
    assert "--prompt-file" in run("generate", "--model", trained["text"].path, "--help").out
    assert "--first" in run("generate", f"--model={trained['numbers'].path}", "--help").out


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("trane", "No such command 'trane'"),
        ("train --plugin text --hiden 3", "No such option: --hiden"),
        ("train --plugin text --level syllable", "Invalid value for '--level'"),
        ("train --plugin text --hidden many", "Invalid value for '--hidden'"),
        ("generate --plugin text -n 0", "Invalid value for '-n'"),
        ("generate --plugin numbers --prompt x", "No such option: --prompt"),
        ("inspect", "Missing argument"),
        ("plugins sho", "No such command 'sho'"),
        ("info", "Missing argument"),
    ],
)
def test_wrong_usage_is_code_2_and_told_on_stderr(run: Run, line: str, told: str) -> None:
    said = run(*line.split())
    assert said.code == 2 and said.out == ""
    assert told in said.err and "Traceback" not in said.err


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("train", "which plugin? Give --plugin NAME"),
        ("generate", "which plugin or model? Give --plugin NAME or --model FILE"),
        ("train --plugin texxt", "there is no plugin 'texxt'; installed are"),
        ("generate --plugin texxt", "Did you mean 'text'?"),
        ("plugins show texxt", "Did you mean 'text'?"),
        ("corpora show nmes", "Did you mean 'names'?"),
        ("generate --model gone.safetensors", "there is no model file gone.safetensors"),
        ("inspect gone.txt --plugin text", "there is no file gone.txt"),
    ],
)
def test_wrong_names_are_one_sentence_and_code_2(run: Run, line: str, told: str) -> None:
    said = run(*line.split())
    assert said.code == 2 and said.out == ""
    assert told in said.sentence()


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    from seqforge.cli.main import main
    from seqforge.errors import PluginError

    with pytest.raises(PluginError):
        main(["train", "--plugin", "texxt", "--debug"])


def test_a_closed_pipe_ends_quietly() -> None:
    done = subprocess.run(
        f"{sys.executable} -m seqforge corpora show names | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""


# -- catalogues -----------------------------------------------------------------------------------


def test_plugins_lists_names_and_distributions(run: Run) -> None:
    said: Said = run("plugins")
    rows = {line.split()[0]: line for line in said.out.splitlines()}
    assert "seqforge-text 0.1.0" in rows["text"] and "fake-numbers 1.0" in rows["numbers"]
    assert json.loads(run("plugins", "--json").out) == json.loads(run("plugins", "list", "--json").out)
    assert {entry["name"] for entry in json.loads(run("plugins", "--json").out)} == {
        "abc",
        "handwriting",
        "midi",
        "numbers",
        "text",
    }


def test_plugins_show_tells_flags_and_formats(run: Run) -> None:
    out = run("plugins", "show", "text").out
    for words in ("prose, verse", "character", ".txt", "--level", "--prompt-file", "default char"):
        assert words in out
    told = json.loads(run("plugins", "show", "numbers", "--json").out)
    assert told["reads"] == [".num"] and [field["name"] for field in told["options"]] == ["order", "largest"]


def test_plugins_show_draws_nothing_where_there_is_nothing_to_choose(run: Run, own_place: Path) -> None:
    said = run("plugins", "show", "text", "-o", "a.txt")
    assert said.code == 2 and "offer nothing to draw" in said.err
    assert not (own_place / "a.txt").exists()


def test_corpora_lists_and_marks_the_default(run: Run) -> None:
    out = run("corpora").out
    assert "tinyshakespeare *" in out and "names" in out and "MIT" in out
    told = json.loads(run("corpora", "--json").out)
    assert {corpus["name"] for corpus in told} >= {"names", "tinyshakespeare"}
    assert run("corpora", "list").out == out


def test_corpora_show_tells_licence_source_counts_and_split(run: Run) -> None:
    out = run("corpora", "show", "names").out
    for words in ("MIT", "Sean Robertson", "https://github.com/spro", "20,050", "hash", "language"):
        assert words in out
    told = json.loads(run("corpora", "show", "tinyshakespeare", "--json").out)
    assert told["split"] == {"kind": "fractions", "train": 0.9, "valid": 0.1}
    assert told["counts"]["characters"] == 1_115_394


def test_the_fake_plugin_is_installed_by_its_dist_info_alone() -> None:
    assert (SITE / "fake_numbers-1.0.dist-info" / "entry_points.txt").is_file()
