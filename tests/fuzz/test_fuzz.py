"""A few mutants of every kind of file: each is accepted or refused with one sentence. `make fuzz` runs many."""

from pathlib import Path

import pytest

from tools.fuzz.campaign import run_campaign
from tools.fuzz.seeds import build_seeds
from tools.fuzz.targets import TARGETS, mutant_of

COUNTS = {kind: 25 if kind in ("manifest", "prepared", "resume") else 60 for kind in TARGETS}


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "seeds"
    build_seeds(folder)
    return folder


def test_mutants_are_accepted_or_refused(seeds: Path, tmp_path: Path) -> None:
    results = run_campaign(COUNTS, seeds=seeds, folder=tmp_path, seed=1)
    assert {kind: result.faults for kind, result in results.items() if result.faults} == {}
    assert {kind: result.counts.total() for kind, result in results.items()} == COUNTS


def test_every_kind_has_seed_files_and_mutants_that_differ(seeds: Path) -> None:
    for kind in TARGETS:
        mutants = [mutant_of(kind, 0, index, seeds) for index in range(20)]
        assert len({mutant.data for mutant in mutants}) > 10, kind
        assert mutants == [mutant_of(kind, 0, index, seeds) for index in range(20)]
