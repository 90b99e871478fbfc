"""seqforge plugins check and new, as a person types them."""

import json
import sys
from pathlib import Path

import pytest

from seqforge.testing import CHECKS

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from fakekit import Run, in_child, in_process, install  # noqa: E402
from pairs import PAIRS, changed, write_samples  # noqa: E402


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: in_process(capsys, *arguments)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    return write_samples(tmp_path / "samples")


def test_check_tells_each_check_and_the_sum(run: Run, site: Path, samples: Path) -> None:
    install(site, PAIRS)
    said = run("plugins", "check", "good", "--samples", samples)
    assert said.code == 0, said
    assert [line.split()[1] for line in said.out.splitlines()] == list(CHECKS)
    assert "good (fake-good 2.5), tried on 1 of 1 files of" in said.err and "27 passed" in said.err


def test_check_fails_with_code_1_and_the_rule(run: Run, site: Path, samples: Path) -> None:
    install(site, changed(('summary = "pairs of letters"', 'summary = ""')))
    said = run(
        "plugins", "check", "good", "--samples", samples, "--only", "declaration_is_right", "--only", "round_trip"
    )
    assert said.code == 1
    assert "FAILED  declaration_is_right" in said.out and "the rule: Name, unit, suffixes" in said.out
    assert "1 passed, 1 failed" in said.err


def test_check_as_json_names_known_failures(run: Run, site: Path, samples: Path) -> None:
    install(site, changed(('summary = "pairs of letters"', 'summary = ""')))
    flags = ["--only", "declaration_is_right", "--known", "declaration-is-right=soon", "--option", "order=up", "--json"]
    said = run("plugins", "check", "good", "--samples", samples, *flags)
    told = json.loads(said.out)
    assert said.code == 0 and told["ok"] and told["distribution"] == "fake-good 2.5"
    assert told["results"][0]["outcome"] == "known failure" and told["results"][0]["message"].startswith("soon (")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["text", "--only", "roundtrip"], "there is no check 'roundtrip'; there are import_is_light"),
        (["txt"], "there is no plugin 'txt'; installed are"),
        (["text", "--known", "round_trip"], "--known round_trip is no name and value; write --known NAME=VALUE"),
        (["text", "--option", "level=letter"], "--level is 'letter'; allowed are char, byte, word"),
        (["text", "--samples", "nowhere"], "'nowhere' is neither a file or folder here nor an installed corpus"),
    ],
)
def test_a_mistake_is_one_sentence_and_code_2(run: Run, site: Path, arguments: list[str], sentence: str) -> None:
    said = run("plugins", "check", *arguments)
    assert said.code == 2
    assert said.sentence().startswith(sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Chess", "--suffix", ".pgn"], "'Chess' is no name for a plugin; use small letters, digits and hyphens"),
        (["text", "--suffix", ".pgn"], "a plugin 'text' is installed already (from seqforge-text"),
        (["chess", "--suffix", "pgn"], "'pgn' is no suffix; write a dot"),
        (["chess", "--suffix", ".pgn", "-o", "site"], "site is there already and not empty; name another folder"),
    ],
)
def test_new_refuses_in_one_sentence(run: Run, site: Path, arguments: list[str], sentence: str) -> None:
    (site / "x").touch()
    said = run("plugins", "new", *arguments)
    assert said.code == 2
    assert said.sentence().startswith(sentence)
    assert not Path("seqforge-chess").exists()


def test_neither_command_nor_its_help_imports_torch(site: Path) -> None:
    from subprocess import run as start

    code = "import sys, seqforge.testing, seqforge.scaffold, seqforge.cli.authors; print('torch' in sys.modules)"
    done = start([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert in_child("plugins", "check", "--help").code == 0
