"""The decorator, in a pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]

TEST = """
from seqforge.testing import parametrize_with_checks

@parametrize_with_checks("good", samples={samples!r}, known={{"round_trip": "not yet"}})
def test_contract(check):
    check()
"""


@pytest.mark.parametrize("fault", [False, True])
def test_each_check_is_a_test(site: Path, tmp_path: Path, fault: bool) -> None:
    from fakekit import install
    from pairs import changed, write_samples

    lossy = ('return "".join(tokens)', 'return "".join(sorted(tokens))')
    shy = ('reads = (".pair",)', 'reads = ".pair"')
    install(site, changed(lossy, *([shy] if fault else [])))
    samples = write_samples(tmp_path / "samples")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "test_it.py").write_text(TEST.format(samples=str(samples / "a.pair")))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-rxfs", "test_it.py"],
        cwd=tmp_path / "own",
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(site)},
    )
    assert "not yet (Codec.decode (fake-good 2.5): sample 1 is encoded and decoded" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    if fault:
        assert done.returncode == 1
        assert "1 failed, 25 passed, 1 xfailed" in done.stdout
        assert "The rule: Name, unit, suffixes and settings are such that the core can use them." in done.stdout
    else:
        assert done.returncode == 0, done.stdout
        assert "26 passed, 1 xfailed" in done.stdout
