"""Generation in several processes."""

import multiprocessing
import os
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

import pytest

import seqforge
from seqforge.api.generated import Generated
from seqforge.api.generation import Generation, GenerationRequest
from seqforge.api.model_paths import resolve_model
from seqforge.api.parallel import _results, default_workers, generate_parallel
from seqforge.errors import RequestError


def generation_of(name: str, n: int, **request: object) -> Generation:
    path = str(resolve_model(name).path)
    return Generation(seqforge.load(path), GenerationRequest(models=(path,), n=n, seed=4, request=request))


def test_two_processes_draw_what_one_draws() -> None:
    together = list(generate_parallel(generation_of("text", 5, prompt="RO"), 2))
    alone = list(generate_parallel(generation_of("text", 5, prompt="RO"), 1))
    assert [generated.k for generated in together] == list(range(5))
    assert [generated.piece for generated in together] == [generated.piece for generated in alone]
    assert [generated.scores for generated in together] == [generated.scores for generated in alone]
    assert together[0].piece.plugin is not None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--model", "text", "--length", "30"],
        ["--model", "abc", "--bars", "2"],
        ["--model", "chorales", "--bars", "1"],
        ["--model", "handwriting", "--text", "hi"],
    ],
    ids=lambda arguments: arguments[1],
)
def test_numbers_of_threads_and_processes_do_not_change_files(tmp_path: Path, arguments: list[str]) -> None:
    written = []
    for number in ("1", "2"):
        folder = tmp_path / number
        folder.mkdir()
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), number)
        command = [
            sys.executable,
            "-m",
            "seqforge",
            "generate",
            "-n",
            "2",
            "--workers",
            number,
            "--seed",
            "3",
            "-o",
            "out/",
        ]
        subprocess.run([*command, *arguments], cwd=folder, env={**os.environ, **threads}, check=True)
        files = [path for path in sorted((folder / "out").iterdir()) if path.suffix != ".json"]
        assert len(files) == 2
        written.append({path.name: path.read_bytes() for path in files})
    assert written[0] == written[1]


def test_pieces_that_a_process_cannot_send_are_drawn_here() -> None:
    future: Future[list[Generated]] = Future()
    future.set_exception(TypeError("cannot pickle"))
    drawn = list(_results(generation_of("text", 4), range(1, 3), future))
    assert [generated.k for generated in drawn] == [1, 2]


def test_only_the_processes_of_the_generation_end_with_the_iteration() -> None:
    other = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(600,))
    other.start()
    pieces = generate_parallel(generation_of("text", 40), 2)
    assert next(pieces).k == 0
    assert len(multiprocessing.active_children()) == 3
    pieces.close()
    children = multiprocessing.active_children()
    for child in children:
        child.kill()
        child.join()
    assert children == [other]


@pytest.mark.parametrize(
    "request_", [GenerationRequest(n=500), GenerationRequest(n=500, models=("m",), max_seconds=3.0)]
)
def test_some_requests_need_one_process(request_: GenerationRequest) -> None:
    assert default_workers(request_, processors=8) == 1


def test_wrong_requests_are_errors_before_a_process_starts() -> None:
    with pytest.raises(RequestError):
        generation_of("text", 0)
