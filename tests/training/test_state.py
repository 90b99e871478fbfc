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

TENSORS = {"weights.a": torch.randn(3, 2), "adam.step.a": torch.tensor(4.0), "hidden.0.0": torch.zeros(0, 3)}
FULL = {
    "t": 12,
    "best_loss": 1.5,
    "bad_validations": 2,
    "seconds": 3.25,
    "decay": {"first": 8, "last": 20},
    "finished": False,
}


@pytest.mark.parametrize(
    "state",
    [
        TrainerState(),
        TrainerState(t=12, best_loss=1.25, bad_validations=3, seconds=0.1, decay=Decay(8, 20), finished=True),
    ],
)
def test_state_round_trip_is_exact(tmp_path: Path, state: TrainerState) -> None:
    config = {"seed": 3, "budget": {"kind": "steps"}}
    write_state(tmp_path / "s", state, TENSORS, config)
    result, tensors, result_config = read_state(tmp_path / "s")
    assert (result, result_config) == (state, config)
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())
    assert all(tensors[name].dtype == torch.float32 for name in TENSORS)


def test_tensors_that_were_read_can_be_changed(tmp_path: Path) -> None:
    write_state(tmp_path / "s", TrainerState(), TENSORS, {})
    before = (tmp_path / "s").read_bytes()
    read_state(tmp_path / "s")[1]["weights.a"].add_(1)
    assert (tmp_path / "s").read_bytes() == before


def write(path: Path, metadata: Any, **tensors: np.ndarray) -> None:
    write_tensors(path, tensors, metadata)


def header(**values: Any) -> dict[str, Any]:
    return {"format": 1, "kind": "state", "config": {}, "trainer": {**FULL, **values}}


def test_handwritten_state_is_read(tmp_path: Path) -> None:
    write(tmp_path / "s", header())
    assert read_state(tmp_path / "s")[0].decay == Decay(8, 20)


DAMAGED: list[Any] = [
    None,
    [],
    {},
    {"kind": "state"},
    {"format": 1, "kind": "model"},
    {"format": 2, "kind": "state"},
    {"format": 1, "kind": "state"},
    {"format": 1, "kind": "state", "config": {}},
    {"format": 1, "kind": "state", "trainer": FULL},
    {**header(), "config": 3},
    {**header(), "trainer": 3},
    {**header(), "trainer": []},
    header(more=1),
    header(t=-1),
    header(t="12"),
    header(t=1.5),
    header(t=None),
    header(t=True),
    header(best_loss="low"),
    header(best_loss=[1]),
    header(bad_validations="2"),
    header(bad_validations=1.5),
    header(seconds="3"),
    header(seconds=None),
    header(decay=3),
    header(decay={}),
    header(decay={"first": 1}),
    header(t=5, decay={"first": 1, "last": 4}),
    header(decay={"first": 6, "last": 4}),
    header(decay={"first": "1", "last": "2"}),
    header(decay={"first": 1, "last": 2, "more": 3}),
    header(finished="no"),
    header(finished=1),
]


@pytest.mark.parametrize("metadata", DAMAGED, ids=lambda metadata: repr(metadata)[-60:])
def test_damaged_header_is_rejected(tmp_path: Path, metadata: Any) -> None:
    write(tmp_path / "s", metadata)
    with pytest.raises(DamagedFileError) as caught:
        read_state(tmp_path / "s")
    assert str(tmp_path / "s") in str(caught.value)


def test_damaged_headers_are_rejected_without_runtime_type_checks(tmp_path: Path) -> None:
    for number, metadata in enumerate(DAMAGED):
        write(tmp_path / f"{number}.bad", metadata)
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
    process = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert [DAMAGED[int(line.split()[0])] for line in process.stdout.splitlines()] == []


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int32, np.uint8])
def test_tensor_of_other_type_is_named(tmp_path: Path, dtype: Any) -> None:
    write(tmp_path / "s", header(), **{"weights.a": np.zeros(2, dtype)})
    with pytest.raises(DamagedFileError, match=r"weights\.a"):
        read_state(tmp_path / "s")


def test_truncated_or_missing_state_is_rejected(tmp_path: Path) -> None:
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
