import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from seqforge.core.tensorfile import write_tensors
from seqforge.errors import DamagedFileError
from seqforge.training import Decay, TrainerState, read_state, write_state

TENSORS = {"weights.a": torch.randn(3, 2), "adam.step.a": torch.tensor(4.0), "lanes.0.0": torch.zeros(0, 3)}
FULL = {"t": 12, "best": 1.5, "waited": 2, "seconds": 3.25, "decay": {"first": 8, "last": 20}, "finished": False}


@pytest.mark.parametrize(
    "standing",
    [
        TrainerState(),
        TrainerState(t=12, best=1.25, waited=3, seconds=0.1, decay=Decay(8, 20), finished=True),
    ],
)
def test_a_state_comes_back_to_the_bit(tmp_path: Path, standing: TrainerState) -> None:
    config = {"seed": 3, "budget": {"kind": "steps"}}
    write_state(tmp_path / "s", standing, TENSORS, config)
    told, tensors, options = read_state(tmp_path / "s")
    assert (told, options) == (standing, config)
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())
    assert all(tensors[name].dtype == torch.float32 for name in TENSORS)


def test_the_tensors_read_can_be_written_to(tmp_path: Path) -> None:
    write_state(tmp_path / "s", TrainerState(), TENSORS, {})
    before = (tmp_path / "s").read_bytes()
    read_state(tmp_path / "s")[1]["weights.a"].add_(1)
    assert (tmp_path / "s").read_bytes() == before


def write(path: Path, told: Any, **tensors: np.ndarray) -> None:
    write_tensors(path, tensors, told)


def told(**standing: Any) -> dict[str, Any]:
    return {"format": 1, "kind": "state", "config": {}, "standing": {**FULL, **standing}}


def test_a_state_written_by_hand_is_read(tmp_path: Path) -> None:
    write(tmp_path / "s", told())
    assert read_state(tmp_path / "s")[0].decay == Decay(8, 20)


BAD: list[Any] = [
    None, [], {}, {"kind": "state"}, {"format": 1, "kind": "model"}, {"format": 2, "kind": "state"},
    {"format": 1, "kind": "state"}, {"format": 1, "kind": "state", "config": {}},
    {"format": 1, "kind": "state", "standing": FULL}, {**told(), "config": 3}, {**told(), "standing": 3},
    {**told(), "standing": []}, told(more=1), told(t=-1), told(t="12"), told(t=1.5), told(t=None), told(t=True),
    told(best="low"), told(best=[1]), told(waited="2"), told(waited=1.5), told(seconds="3"),
    told(seconds=None), told(decay=3), told(decay={}), told(decay={"first": 1}),
    told(decay={"first": "1", "last": "2"}), told(decay={"first": 1, "last": 2, "more": 3}),
    told(finished="no"), told(finished=1),
]  # fmt: skip


@pytest.mark.parametrize("header", BAD, ids=lambda header: repr(header)[-60:])
def test_a_damaged_header_is_refused(tmp_path: Path, header: Any) -> None:
    write(tmp_path / "s", header)
    with pytest.raises(DamagedFileError) as caught:
        read_state(tmp_path / "s")
    assert str(tmp_path / "s") in str(caught.value)


def test_damaged_headers_are_refused_where_nothing_checks_types(tmp_path: Path) -> None:
    for number, header in enumerate(BAD):
        write(tmp_path / f"{number}.bad", header)
    code = """if True:
        import sys, pathlib
        from seqforge.errors import DamagedFileError
        from seqforge.training import read_state
        for path in sorted(pathlib.Path(sys.argv[1]).glob("*.bad"), key=lambda path: int(path.stem)):
            try:
                read_state(path)
            except DamagedFileError:
                continue
            except Exception as error:
                print(path.stem, repr(error))
            else:
                print(path.stem)
    """
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert [BAD[int(line.split()[0])] for line in done.stdout.splitlines()] == []


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.uint8])
def test_a_tensor_of_another_type_is_named(tmp_path: Path, dtype: Any) -> None:
    write(tmp_path / "s", told(), **{"weights.a": np.zeros(2, dtype)})
    with pytest.raises(DamagedFileError, match=r"weights\.a"):
        read_state(tmp_path / "s")


def test_a_state_cut_short_or_missing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    write_state(path, TrainerState(), TENSORS, {})
    content = path.read_bytes()
    for length in range(0, len(content), 11):
        path.write_bytes(content[:length])
        with pytest.raises(DamagedFileError, match=str(path)):
            read_state(path)
    path.unlink()
    with pytest.raises(DamagedFileError, match="there is no state"):
        read_state(path)
