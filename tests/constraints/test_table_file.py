"""Stored tables: the same masks and distances, and no harm from files that do not fit."""

import gc
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqforge import Brackets, Count, Expression, TableConstraint
from seqforge.constraints import table_file

VOCABULARY = "ab()"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of stored tables in an empty cache folder."""
    monkeypatch.setenv("SEQFORGE_CACHE", str(tmp_path))
    return tmp_path / "constraints"


def constraint(count: int = 3, cache_key: str | None = "rule") -> TableConstraint:
    rule = Brackets(VOCABULARY, {"(": ")"}, max_depth=3) & Count(VOCABULARY, "a", exactly=count)
    return TableConstraint(rule & Expression("[^b]* b .*", VOCABULARY), cache_key=cache_key)


def walk(rule: TableConstraint, seed: int) -> list[Any]:
    """Return what a random walk sees."""
    rng, state, seen = np.random.default_rng(seed), rule.start(), []
    for _ in range(40):
        mask = rule.allowed(state)
        seen.append((mask.tolist(), rule.may_end(state), rule.to_end(state)))
        if not mask.any():
            break
        state = rule.advance(state, int(rng.choice(np.flatnonzero(mask))))
    return seen


def explore_and_drop(**arguments: Any) -> int:
    """Explore a constraint, release it, and return its number of states."""
    rule = constraint(**arguments)
    for seed in range(5):
        walk(rule, seed)
    count = len(rule.table.states)
    del rule
    gc.collect()
    return count


def test_stored_table_is_read_again(folder: Path) -> None:
    count = explore_and_drop()
    assert len(list(folder.iterdir())) == 1
    again, fresh = constraint(), constraint(cache_key=None)
    assert len(again.table.states) == count > len(fresh.table.states)
    for seed in range(10):
        assert walk(again, seed) == walk(fresh, seed)


def test_without_a_key_nothing_is_stored(folder: Path) -> None:
    explore_and_drop(cache_key=None)
    assert not folder.exists()


@pytest.mark.parametrize("damage", ["truncated", "other rule", "wrong successors"])
def test_file_that_does_not_fit_is_ignored(folder: Path, damage: str) -> None:
    explore_and_drop(count=2 if damage == "other rule" else 3)
    (path,) = folder.iterdir()
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-7])
    elif damage == "wrong successors":
        rule = constraint()
        rule.table._rows[0, 0] = 10_000
        table_file.save_table(rule.table, next(iter(stored_keys(path))))
    again, fresh = constraint(), constraint(cache_key=None)
    assert len(again.table.states) == 1
    assert walk(again, 1) == walk(fresh, 1)


def stored_keys(path: Path) -> set[Hashable]:
    """Return the key of a stored table."""
    return {table_file.TensorFile(path, "table").metadata["key"]}


def test_number_and_size_of_files_are_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_file, "MAX_FILES", 3)
    for number in range(5):
        explore_and_drop(cache_key=f"rule {number}")
    assert len(list(folder.iterdir())) == 3
    monkeypatch.setattr(table_file, "MAX_FILE_BYTES", 10)
    explore_and_drop(cache_key="large")
    assert not table_file.table_path(f"{table_file.FORMAT}").exists() and len(list(folder.iterdir())) == 3
