import pytest
import torch

from seqforge.training.precision import MIN_BFLOAT16_WIDTH, supported_precision

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


@pytest.mark.parametrize(("has_amx", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_cpu_with_matrix_units_uses_bfloat16(monkeypatch: pytest.MonkeyPatch, has_amx: bool, precision: str) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": has_amx}, raising=False)
    assert supported_precision(CPU, MIN_BFLOAT16_WIDTH) == precision
    assert supported_precision(CPU, MIN_BFLOAT16_WIDTH - 1) == "float32"


def test_pytorch_without_capabilities_uses_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert supported_precision(CPU, 512) == "float32"


@pytest.mark.parametrize(("capability", "precision"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")])
def test_capability_of_cuda_devices_decides(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert supported_precision(CUDA, 512) == precision


def test_other_devices_use_float32() -> None:
    assert supported_precision(torch.device("mps"), 512) == "float32"
