import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seqforge.training.precision import MIN_BFLOAT16_WIDTH, MIN_SPEED_UP, choose_precision
from seqforge.training.speed import measure_speed_up

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("SEQFORGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def avx512(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the CPU by one that has AVX512-BF16 and no AMX."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True}, raising=False)


def speed_up(value: float) -> Callable[[], float]:
    return lambda: value


def never() -> float:
    raise AssertionError("the speed was measured")


@pytest.mark.parametrize(("has_amx", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_matrix_units_of_the_cpu_decide_without_measurement(
    monkeypatch: pytest.MonkeyPatch, has_amx: bool, precision: str
) -> None:
    capabilities = {"amx_bf16": has_amx, "avx512_bf16": has_amx}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert choose_precision(CPU, MIN_BFLOAT16_WIDTH, measure=never).precision == precision
    assert choose_precision(CPU, MIN_BFLOAT16_WIDTH - 1, measure=never).precision == "float32"


def test_pytorch_without_capabilities_uses_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert choose_precision(CPU, 512, measure=never).precision == "float32"


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")])
def test_capability_of_cuda_devices_decides(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert choose_precision(CUDA, 512, measure=never).precision == precision


def test_other_devices_use_float32() -> None:
    assert choose_precision(torch.device("mps"), 512, measure=never).precision == "float32"


@pytest.mark.usefixtures("avx512")
@pytest.mark.parametrize(
    ("speed", "precision"),
    [(0.8, "float32"), (MIN_SPEED_UP - 0.01, "float32"), (MIN_SPEED_UP, "bfloat16"), (1.7, "bfloat16")],
)
def test_first_measurement_decides_for_all_runs(cache: Path, speed: float, precision: str) -> None:
    first = choose_precision(CPU, 512, measure=speed_up(speed))
    (file,) = cache.iterdir()
    assert first.precision == precision
    assert f"{speed:.2f}x" in first.reason and str(file) in first.reason
    assert choose_precision(CPU, 512, measure=never) == first


@pytest.mark.usefixtures("avx512")
def test_each_machine_has_its_own_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_precision(CPU, 512, measure=speed_up(1.7)).precision == "bfloat16"
    for target, value in (
        ("seqforge.training.speed.cpu_model", lambda: "another CPU"),
        ("torch.__version__", "another version"),
        ("torch.get_num_threads", lambda: 12345),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(target, value)
            assert choose_precision(CPU, 512, measure=speed_up(0.8)).precision == "float32"
    assert choose_precision(CPU, 512, measure=never).precision == "bfloat16"


@pytest.mark.usefixtures("avx512")
@pytest.mark.parametrize("speed", [None, "1.7", True, 0.0, -1.0, float("nan"), float("inf")])
def test_cached_value_that_is_no_speed_is_measured_again(cache: Path, speed: object) -> None:
    choose_precision(CPU, 512, measure=speed_up(1.7))
    (file,) = cache.iterdir()
    file.write_text(json.dumps({**json.loads(file.read_text()), "speed_up": speed}))
    assert choose_precision(CPU, 512, measure=speed_up(0.8)).precision == "float32"
    assert choose_precision(CPU, 512, measure=never).precision == "float32"


@pytest.mark.usefixtures("avx512")
@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 100_000, b'{"speed_up": 1.7}', b" " * (1 << 17)]
)
def test_damaged_cache_is_measured_again(cache: Path, content: bytes) -> None:
    choose_precision(CPU, 512, measure=speed_up(1.7))
    (file,) = cache.iterdir()
    file.write_bytes(content)
    assert choose_precision(CPU, 512, measure=speed_up(0.8)).precision == "float32"
    assert choose_precision(CPU, 512, measure=never).precision == "float32"


@pytest.mark.usefixtures("avx512")
def test_result_of_a_simultaneous_measurement_is_kept() -> None:
    def slow() -> float:
        choose_precision(CPU, 512, measure=speed_up(0.8))  # another process that ends first
        return 1.7

    assert choose_precision(CPU, 512, measure=slow).precision == "float32"


@pytest.mark.usefixtures("avx512")
def test_cache_that_cannot_be_written_means_float32(cache: Path) -> None:
    cache.write_text("a file in the place of the folder")
    choice = choose_precision(CPU, 512, measure=speed_up(1.7))
    assert choice.precision == "float32"
    assert str(cache) in choice.reason


def test_measurement_is_a_ratio_of_speeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Float32 takes 6 seconds of the replaced clock and bfloat16 takes 4; one slow round has no effect on medians."""
    durations = [100.0, 100.0, *[6.0, 4.0] * 7, 50.0, 4.0]
    readings = iter([reading for duration in durations for reading in (0.0, duration)])
    monkeypatch.setattr("time.perf_counter", lambda: next(readings))
    assert measure_speed_up() == 1.5
