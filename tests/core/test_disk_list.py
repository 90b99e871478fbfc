"""Lists and sorts on disk, compared with lists in memory."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.core import disk_list
from seqforge.core.disk_list import DiskList, disk_sorted

TEXTS = st.lists(st.text(st.characters(codec=None), max_size=8), max_size=30)


@given(TEXTS, st.integers(-40, 40), st.slices(40))
def test_disk_list_is_a_sequence(values: list[str], index: int, part: slice) -> None:
    stored = DiskList(iter(values), encode=str, decode=str)
    assert len(stored) == len(values) and list(stored) == values and stored[part] == values[part]
    if -len(values) <= index < len(values):
        assert stored[index] == values[index]
    else:
        with pytest.raises(IndexError):
            stored[index]


@given(TEXTS)
def test_sort_in_runs_is_a_sort(values: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk_list, "RUN_LENGTH", 4)
        assert list(disk_sorted(values, encode=str, decode=str)) == sorted(values)


def test_values_are_read_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """At most a run of values is alive at a time, however many there are."""
    alive = [0, 0]

    class Value:
        def __init__(self) -> None:
            alive[0] += 1
            alive[1] = max(alive)

        def __del__(self) -> None:
            alive[0] -= 1

    def values() -> Iterator[Value]:
        for _ in range(1000):
            yield Value()

    stored = DiskList(values(), encode=lambda value: 0, decode=lambda _: Value())
    assert sum(1 for _ in stored) == 1000
    assert alive[1] <= 3


def test_values_of_a_list_are_read_by_several_threads(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    stored = DiskList(range(2000), encode=int, decode=int)
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(stored.__getitem__, range(2000))) == list(range(2000))
