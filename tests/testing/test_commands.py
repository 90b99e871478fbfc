"""The commands `seqforge plugins check` and `seqforge plugins new`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from seqforge.testing import CHECKS

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from fakekit import Run, in_child, in_process, install  # noqa: E402
from pairs import PAIRS, mutate, write_samples  # noqa: E402

NO_SUMMARY = mutate(('summary = "pairs of letters"', 'summary = ""'))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return lambda *arguments: in_process(capsys, *arguments)


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    return write_samples(tmp_path / "samples")


def test_check_prints_every_check_and_the_totals(run: Run, site: Path, samples: Path) -> None:
    install(site, PAIRS)
    result = run("plugins", "check", "good", "--samples", samples)
    assert result.code == 0, result
    assert [line.split()[1] for line in result.out.splitlines()] == list(CHECKS)
    assert "good (fake-good 2.5)" in result.err and "1 of 1 files of" in result.err
    assert f"{len(CHECKS)} passed" in result.err


def test_failed_check_prints_its_rule_and_exits_with_1(run: Run, site: Path, samples: Path) -> None:
    install(site, NO_SUMMARY)
    flags = ["--only", "declaration_is_valid", "--only", "round_trip"]
    result = run("plugins", "check", "good", "--samples", samples, *flags)
    assert result.code == 1
    assert "FAILED  declaration_is_valid" in result.out and CHECKS["declaration_is_valid"].rule in result.out
    assert "1 passed, 1 failed" in result.err


def test_check_prints_json_with_known_failures(run: Run, site: Path, samples: Path) -> None:
    install(site, NO_SUMMARY)
    flags = ["--only", "declaration_is_valid", "--known", "declaration-is-valid=soon", "--option", "order=up", "--json"]
    result = run("plugins", "check", "good", "--samples", samples, *flags)
    report = json.loads(result.out)
    assert result.code == 0 and report["ok"] and report["distribution"] == "fake-good 2.5"
    assert report["results"][0]["outcome"] == "known failure"
    assert report["results"][0]["message"].startswith("soon (")


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["text", "--only", "roundtrip"], "there is no check 'roundtrip'; there are import_is_light"),
        (["txt"], "there is no plugin 'txt'; installed are"),
        (["text", "--known", "round_trip"], "write --known NAME=VALUE"),
        (["text", "--option", "level=letter"], "'letter'; allowed are char, byte, word"),
        (["text", "--samples", "nowhere"], "'nowhere' is neither a file or folder nor an installed corpus"),
    ],
)
def test_usage_error_of_check_is_one_line_and_exits_with_2(
    run: Run, site: Path, arguments: list[str], fragment: str
) -> None:
    result = run("plugins", "check", *arguments)
    assert result.code == 2
    assert fragment in result.error_message()


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["Chess", "--suffix", ".pgn"], "'Chess'"),
        (["text", "--suffix", ".pgn"], "seqforge-text"),
        (["chess", "--suffix", "pgn"], "'pgn'"),
        (["chess", "--suffix", ".pgn", "-o", "site"], "site"),
    ],
)
def test_usage_error_of_new_is_one_line_and_exits_with_2(
    run: Run, site: Path, arguments: list[str], fragment: str
) -> None:
    (site / "x").touch()
    result = run("plugins", "new", *arguments)
    assert result.code == 2
    assert fragment in result.error_message()
    assert not Path("seqforge-chess").exists()


def test_neither_the_commands_nor_their_help_import_torch(site: Path) -> None:
    code = "import sys, seqforge.testing, seqforge.scaffold, seqforge.cli.plugins; print('torch' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "False\n"
    assert in_child("plugins", "check", "--help").code == 0
