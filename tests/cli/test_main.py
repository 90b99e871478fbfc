import importlib
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import typer.main
from fakekit import Run, in_child

import seqforge
from seqforge.cli.main import main
from seqforge.errors import PluginError, UsageError
from seqforge.plugin import registry

main_module = importlib.import_module("seqforge.cli.main")
COMMANDS = ("train", "generate", "evaluate", "score", "info", "models", "plugins", "corpora", "inspect")
HEAVY = ("torch", "seqforge_text", "fake_numbers", "seqforge_corpora")


@pytest.mark.parametrize(
    "line",
    ["--help", "--version", "plugins", "plugins list --json", "corpora", "corpora show names", "train --help",
     "generate --help", "inspect --help", "plugins show text"],
)  # fmt: skip
def test_light_commands_import_neither_torch_nor_a_plugin(line: str) -> None:
    script = (
        "import atexit, sys\n"
        f"heavy = {set(HEAVY)!r}\n"
        "atexit.register(lambda: print('HEAVY', sorted({m.partition('.')[0] for m in sys.modules} & heavy)))\n"
        "from seqforge.cli.main import main\n"
        f"main({line.split()!r})\n"
    )
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    assert child.stdout.splitlines()[-1] == "HEAVY []"


def test_help_lists_all_commands_on_stdout(run: Run) -> None:
    result = run("--help")
    assert result.code == 0 and result.err == ""
    for command in COMMANDS:
        assert f" {command} " in result.out


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_have_help(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.code == 0 and result.out.lstrip().startswith("Usage: seqforge " + command)


def test_a_command_is_built_alone_and_every_module_of_a_command_is_listed() -> None:
    folder = Path(seqforge.cli.__path__[0])
    modules = {path.stem for path in folder.glob("*.py") if "\ndef add(app: typer.Typer" in path.read_text()}
    assert modules == set(main_module.COMMANDS)
    for name in modules:
        group: Any = typer.main.get_command(main_module.build(None, name))
        assert name in group.commands and len(group.commands) <= 2


def test_version(run: Run) -> None:
    assert run("--version").out == f"seqforge {seqforge.__version__}\n"


def test_help_shows_flags_and_defaults_of_the_plugin(run: Run) -> None:
    field = fields(registry.load("text").Options)[0]
    out = run("train", "--plugin", "text", "--help").out
    level = next(line for line in out.splitlines() if "--level" in line)
    piece = next(line for line in out.splitlines() if "--piece" in line)
    assert "char|byte|word" in level and "[default: char]" in level and field.metadata["help"] in level
    assert "file|paragraph|line" in piece and "[default: file]" in out
    assert "Options of the plugin 'text'" in out


def test_help_shows_units(run: Run) -> None:
    out = run("train", "--plugin=numbers", "--help").out
    line = next(line for line in out.splitlines() if "--largest" in line)
    assert "NUMBER" in line and "[default: 9999]" in line
    assert "--first" in run("generate", "--plugin", "numbers", "--help").out


def test_help_without_plugin_has_only_flags_of_the_core(run: Run) -> None:
    out = run("train", "--help").out
    assert "--hidden" in out and "--bptt" in out and "--level" not in out


def test_help_of_generate_shows_flags_of_the_model_s_plugin(run: Run, text: Path, numbers: Path) -> None:
    assert "--prompt-file" in run("generate", "--model", text, "--help").out
    assert "--first" in run("generate", f"--model={numbers}", "--help").out


def test_sampling_defaults_of_the_plugin_are_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fake_numbers.Numbers.sampling_defaults", {"temperature": 0.75}, raising=False)
    out = run("generate", "--plugin", "numbers", "--help").out
    assert "[default: 0.75]" in out


@pytest.mark.parametrize("command", ["convert", "show", "play", "evaluate", "score", "info", "inspect"])
def test_missing_argument_has_code_2_and_goes_to_stderr(run: Run, command: str) -> None:
    result = run(command)
    assert result.code == 2 and result.out == ""
    assert f"`seqforge {command} " in result.error_message()  # an example of the command


@pytest.mark.parametrize(
    "line", ["frobnicate", "corpora frobnicate", "info a b", "generate -n x", "generate --x", "show"]
)
def test_debug_raises_wrong_usage(line: str) -> None:
    with pytest.raises(UsageError):
        main([*line.split(), "--debug"])


@pytest.mark.parametrize(
    "arguments", [["train", "--plugin", "texxt", "--debug"], ["--debug", "train", "--plugin", "texxt"]]
)
def test_debug_raises_the_error(arguments: list[str]) -> None:
    with pytest.raises(PluginError):
        main(arguments)


def test_fault_of_a_plugin_names_its_line(run: Run, numbers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fake_numbers

    namespace = {"__name__": "fake_numbers"}
    exec(compile("def task(self, request):\n    return 1 / 0", "fake_numbers.py", "exec"), namespace)
    monkeypatch.setattr(fake_numbers.NumbersCodec, "task", namespace["task"])
    result = run("generate", "--model", numbers)
    assert result.code == 1
    for fragment in ("the plugin 'numbers'", "ZeroDivisionError: division by zero", "fake_numbers.py:2", "--debug"):
        assert fragment in result.error_message()


@pytest.mark.parametrize(
    ("error", "code", "fragment"),
    [
        (MemoryError(), 1, "not enough memory"),
        (RuntimeError("CUDA out of memory"), 1, "not enough memory"),
        (FileNotFoundError(2, "No such file", "a.txt"), 1, "No such file: a.txt"),
        (RuntimeError("odd"), 1, "internal error of seqforge: RuntimeError: odd"),
    ],
    ids=repr,
)
def test_unexpected_error_is_one_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, fragment: str
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr("seqforge.plugin.registry.installed", fail)
    result = run("plugins")
    assert result.code == code and fragment in result.error_message()


def test_interrupt_has_code_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("seqforge.plugin.registry.installed", interrupt)
    result = run("plugins")
    assert result.code == 130 and "Traceback" not in result.err


def test_closed_pipe_ends_quietly() -> None:
    child = subprocess.run(
        f"{sys.executable} -m seqforge corpora show names | true",
        shell=True, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert child.stderr == ""


def test_module_runs_as_a_program() -> None:
    assert in_child("--version").out == f"seqforge {seqforge.__version__}\n"
