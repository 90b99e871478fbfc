"""The pytest decorator, run by pytest in a child process."""

import subprocess
import sys
from pathlib import Path

import pytest

from seqforge.testing import CHECKS

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from fakekit import install  # noqa: E402
from pairs import mutate, write_samples  # noqa: E402

TEST = """
from seqforge.testing import parametrize_with_checks

@parametrize_with_checks("good", samples={samples!r}, known={{"round_trip": "not yet"}})
def test_contract(check):
    check()
"""


@pytest.mark.parametrize("invalid", [False, True])
def test_every_check_is_a_test(site: Path, tmp_path: Path, invalid: bool) -> None:
    lossy = ('return "".join(tokens)', 'return "".join(sorted(tokens))')
    suffixes = ('reads = (".pair",)', 'reads = ".pair"')
    install(site, mutate(lossy, *([suffixes] if invalid else [])))
    samples = write_samples(tmp_path / "samples")
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "test_good.py").write_text(TEST.format(samples=str(samples / "a.pair")))
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-rxfs", "test_good.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "not yet (the plugin 'good' (fake-good): Codec.decode" in process.stdout, process.stdout + process.stderr
    assert "Traceback" not in process.stdout + process.stderr
    if invalid:
        assert process.returncode == 1
        assert f"1 failed, {len(CHECKS) - 4} passed, 2 skipped, 1 xfailed" in process.stdout
        assert f"The rule: {CHECKS['declaration_is_valid'].rule}" in process.stdout
    else:
        assert process.returncode == 0, process.stdout
        assert f"{len(CHECKS) - 1} passed, 1 xfailed" in process.stdout
