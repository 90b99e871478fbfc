import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakehub import FakeHub
from fakekit import in_child

from seqforge import RequestError
from seqforge.api.hub import HubName


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    server = FakeHub()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_model_is_published_and_generates_by_its_name(hub: FakeHub, numbers: Path, tmp_path: Path) -> None:
    here = {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "*"}
    refused = in_child("push", numbers, "ann/rows", HF_TOKEN="hf_wrong", **here)
    assert refused.code == 1 and "refuses the request for hf:ann/rows" in refused.err
    pushed = in_child("push", numbers, "ann/rows", HF_TOKEN="hf_test", **here)
    assert (pushed.code, pushed.out) == (0, f"{hub.address}/ann/rows\n")
    assert hub.files["ann/rows"]["model.safetensors"] == numbers.read_bytes()
    assert b"seqforge generate --model hf:ann/rows" in hub.files["ann/rows"]["README.md"]
    generated = in_child("generate", "--model", "hf:ann/rows", "--label", "parity=even", "-o", "a.num", **here)
    assert generated.code == 0 and (tmp_path / "a.num").exists(), generated.err
    before = len(hub.requests)
    cached = in_child("info", "hf:ann/rows", HF_HUB_OFFLINE="1", **here)
    assert cached.code == 0 and "parity: even, odd" in cached.out and len(hub.requests) == before
    offline = in_child("info", "hf:ann/other", HF_HUB_OFFLINE="1", **here)
    assert offline.code == 1 and "cannot be downloaded" in offline.err
    missing = in_child("info", "hf:ann/other", **here)
    assert missing.code == 2 and "there is no model 'hf:ann/other' on the Hugging Face Hub" in missing.err


def test_names() -> None:
    assert HubName.parse("hf:ann/reels") == HubName("ann/reels")
    assert HubName.parse("hf:ann/reels@v1:b/c.safetensors") == HubName("ann/reels", "v1", "b/c.safetensors")
    for name in ("hf:ann", "hf:ann/reels/x", "hf:", "hf:ann/reels:model.bin"):
        with pytest.raises(RequestError) as caught:
            HubName.parse(name)
        assert caught.value.field == "model"
