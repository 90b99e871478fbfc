"""The example of a web service: several requests at once, each with the bytes that it gets alone."""

import importlib.util
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import seqforge

SERVICE = Path(__file__).parents[1] / "examples/service/service.py"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    spec = importlib.util.spec_from_file_location("service", SERVICE)
    assert spec is not None and spec.loader is not None
    service = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(service)
    with service.make_server("text", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def get(address: str) -> bytes:
    with urllib.request.urlopen(address) as response:
        body: bytes = response.read()
    return body


def test_requests_at_the_same_time_get_the_bytes_that_they_get_alone(address: str) -> None:
    addresses = [f"{address}/?length=150&seed={seed}&temperature=0.9" for seed in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(get, addresses))
    assert together == [get(item) for item in addresses]
    assert len(set(together)) == 8
    piece = seqforge.load("text").generate(length=150, seed=3, temperature=0.9)[0]
    assert together[3].decode() == piece.content


@pytest.mark.parametrize("query", ["?seed=x", "?temperature=-1", "?nonsense=1", "page.exe"])
def test_a_request_that_is_refused_gets_one_sentence(address: str, query: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(f"{address}/{query}")
    with caught.value as response:
        assert response.code == 400
        assert len(response.read().decode().splitlines()) == 1
