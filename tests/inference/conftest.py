"""The instruction sets of the kernels, and numpy, which replaces them where they have not been compiled."""

from collections.abc import Iterator

import pytest


@pytest.fixture(params=["amx", "avx512", "avx2", "generic", "numpy"])
def instructions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Use each instruction set that this processor has, then numpy; return the name."""
    from seqforge.inference import kernels

    name: str = request.param
    compiled = kernels.library()
    if name == "numpy":
        monkeypatch.setattr("seqforge.inference.kernels.library", lambda: None)
        yield name
        return
    if compiled is None:
        pytest.skip("the kernels have not been compiled")
    try:
        if compiled.kernels_init(name.encode()).decode() != name:
            pytest.skip(f"this processor has no {name}")
        yield name
    finally:
        compiled.kernels_init(None)
