"""The API for programs: models, generate, next, score, infill and classify, without a page and without a session."""

import asyncio
import base64
import binascii
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from seqforge.errors import OptionsError, RequestError
from seqforge.plugin import registry
from seqforge.studio.app import application, json_body
from seqforge.studio.events import event_text
from seqforge.studio.models import Catalogue, Entry
from seqforge.studio.openapi import openapi_document
from seqforge.studio.pool import Job, JobError, Pool
from seqforge.studio.recipes import Recipe
from seqforge.studio.security import Guard

__all__ = ["create_api"]

MAX_PIECES = 8
MAX_FILE = 8_000_000
LIMIT_S = 120.0
"""The time limit of a request, in seconds."""


def create_api(
    token: str, *, port: int = 0, models: tuple[str, ...] = (), limit_s: float = LIMIT_S, hosts: tuple[str, ...] = ()
) -> Guard:
    """Return the application of the API.

    Example:
        uvicorn.run(create_api("secret", port=8001), port=8001)

    Args:
        token: The token that every request needs, as `Authorization: Bearer TOKEN`.
        port: The port of the server; 0 accepts any.
        models: Names or paths of further models.
        limit_s: The time limit of a request, in seconds.
        hosts: Further host names of the server.
    """
    api = _Api(Catalogue(models), limit_s)
    routes = [
        Route("/openapi.json", api.openapi, methods=["GET"]),
        Route("/v1/models", api.models, methods=["GET"]),
        Route("/v1/generate", api.generate, methods=["POST"]),
        Route("/v1/next", api.next, methods=["POST"]),
        Route("/v1/score", api.score, methods=["POST"]),
        Route("/v1/infill", api.infill, methods=["POST"]),
        Route("/v1/classify", api.classify, methods=["POST"]),
    ]
    return Guard(application([*routes], api.lifespan), token, port, hosts)


class _Api:
    """The functions of the routes. Every request has a folder of its own, which is removed at its end."""

    def __init__(self, catalogue: Catalogue, limit_s: float) -> None:
        self.catalogue, self.limit_s = catalogue, limit_s
        self.pool: Pool
        self._number = 0

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Create the workers, and end them."""
        with tempfile.TemporaryDirectory(prefix="seqforge-serve-", ignore_cleanup_errors=True) as folder:
            self.pool = Pool(Path(folder).resolve())
            try:
                yield
            finally:
                self.pool.close()

    async def openapi(self, request: Request) -> Response:
        entries = await asyncio.to_thread(self.catalogue.entries)
        return JSONResponse(await asyncio.to_thread(openapi_document, entries))

    async def models(self, request: Request) -> Response:
        entries = await asyncio.to_thread(self.catalogue.entries)
        cards = [await asyncio.to_thread(self.catalogue.card, entry) for entry in entries]
        names = ("name", "plugin", "unit", "kind", "corpus", "licences", "loss", "labels", "reads", "writes", "edits")
        return JSONResponse({"models": [{name: card[name] for name in names} for card in cards]})

    async def generate(self, request: Request) -> Response:
        values = _object(await json_body(request))
        count, stream, suffix = values.pop("n", 1), values.pop("stream", False), values.pop("format", None)
        _whole("n", count, 1, MAX_PIECES)
        entry, jobs = self._jobs(Recipe.parse(values), count)
        _check_format(entry, suffix)
        if stream is True:
            return StreamingResponse(self._stream(entry, jobs, suffix), media_type="text/event-stream")
        pieces = [await self._piece(entry, job, suffix) for job in jobs]
        return JSONResponse({"pieces": pieces})

    async def infill(self, request: Request) -> Response:
        values = _object(await json_body(request, most=12_000_000))
        numbers, suffix = values.pop("numbers", []), values.pop("format", None)
        with self._file(values) as path:
            recipe = Recipe.parse({**values, "edit": {"kind": "rewrite", "parent": "t0", "numbers": numbers}})
            entry, (job,) = self._jobs(recipe, 1)
            _check_format(entry, suffix)
            source = {"id": f"{job['id']}-source", "upload": str(path), "name": path.name, "place": 0}
            edit = {"kind": "rewrite", "numbers": list(recipe.edit.numbers) if recipe.edit else []}
            job["edit"] = {**edit, "folder": str(path.parent), "name": f"{path.stem}-source", "source": source}
            return JSONResponse(await self._piece(entry, job, suffix))

    async def next(self, request: Request) -> Response:
        values = _object(await json_body(request))
        entry = self.catalogue.find(values.get("model"))
        top, labels, prompt = values.get("top", 20), values.get("labels", {}), values.get("prompt", "")
        _whole("top", top, 1, 1000)
        if not isinstance(prompt, str) or len(prompt) > 20_000:
            raise RequestError.invalid("prompt", str(prompt)[:40], "a text of at most 20,000 characters")
        job = {"prompt": prompt, "labels": labels, "top": top}
        return JSONResponse(await self.pool.call(entry.path, "next", job, limit_s=self.limit_s))

    async def score(self, request: Request) -> Response:
        values = _object(await json_body(request, most=12_000_000))
        return await self._of_file(values, "score_file", {})

    async def classify(self, request: Request) -> Response:
        values = _object(await json_body(request, most=12_000_000))
        label, prior, temperature = values.get("label"), values.get("prior", "uniform"), values.get("temperature", 1)
        if label is not None and not isinstance(label, str):
            raise RequestError.invalid("label", str(label)[:40], "the name of a label")
        if not isinstance(prior, str):
            raise RequestError.invalid("prior", str(prior)[:40], "uniform or corpus")
        if isinstance(temperature, bool) or not isinstance(temperature, int | float):
            raise RequestError.invalid("temperature", str(temperature)[:40], "a number above 0")
        options = {"label": label, "prior": prior, "temperature": float(temperature)}
        return await self._of_file(values, "classify", options)

    async def _of_file(self, values: dict[str, Any], name: str, options: dict[str, Any]) -> Response:
        """Return the answer of a worker about the file of a request."""
        entry = self.catalogue.find(values.get("model"))
        with self._file(values) as path:
            job = {**options, "path": str(path), "name": path.name}
            return JSONResponse(await self.pool.call(entry.path, name, job, limit_s=self.limit_s))

    @contextlib.contextmanager
    def _file(self, values: dict[str, Any]) -> Any:
        """Write the file of a request, whose name the server chooses, and remove it and what was written beside it."""
        content, name = values.pop("file", None), values.pop("name", "")
        try:
            data = base64.b64decode(content, validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise RequestError("`file` must be the content of a file in base64", field="file") from error
        if len(data) > MAX_FILE:
            raise RequestError(f"`file` has {len(data):,} bytes; at most {MAX_FILE:,} are allowed", field="file")
        suffix = "".join(c for c in str(name).rpartition(".")[2][:12] if c.isalnum()).lower()
        self._number += 1
        with tempfile.TemporaryDirectory(dir=self.pool.folder) as folder:
            path = Path(folder) / f"piece{self._number}.{suffix}"
            path.write_bytes(data)
            yield path

    def _jobs(self, recipe: Recipe, count: int) -> tuple[Entry, list[dict[str, Any]]]:
        entry = self.catalogue.find(recipe.model)
        if any(isinstance(value, dict) for value in recipe.request.values()):
            raise RequestError("files of a request are not accepted here; /v1/infill accepts one", field="request")
        jobs = []
        for number in range(count):
            self._number += 1
            values = {**recipe.to_json(), "seed": recipe.seed + number, "files": {}, "edit": None, "grow": False}
            jobs.append({**values, "id": f"p{self._number}"})
        return entry, jobs

    async def _piece(self, entry: Entry, job: dict[str, Any], suffix: str | None) -> dict[str, Any]:
        """Return a generated piece as JSON."""
        try:
            view = await self.pool.call(entry.path, "take", job, limit_s=self.limit_s)
            return {**await self._content(entry, job, view, suffix), "seed": job["seed"]}
        finally:
            for part in ("picture", "sound"):
                (self.pool.folder / f"{job['id']}.{part}").unlink(missing_ok=True)

    async def _content(
        self, entry: Entry, job: dict[str, Any], view: dict[str, Any], suffix: str | None
    ) -> dict[str, Any]:
        names = ("ended", "nats", "labels", "notes", "digest")
        content = {name: view[name] for name in names}
        if suffix is None:
            return {**content, "text": view["text"]}
        path = self.pool.folder / f"{job['id']}{suffix}"
        try:
            await self.pool.call(entry.path, "file", {**job, "path": str(path)}, limit_s=self.limit_s)
            return {**content, "file": base64.b64encode(path.read_bytes()).decode("ascii")}
        finally:
            path.unlink(missing_ok=True)

    async def _stream(self, entry: Entry, jobs: list[dict[str, Any]], suffix: str | None) -> AsyncIterator[bytes]:
        """Yield what each piece consists of so far, and the piece, as server-sent events."""
        for number, values in enumerate(jobs):
            queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

            def on_event(_: Job, event: str, content: Any, queue: Any = queue) -> None:
                queue.put_nowait((event, content))

            job = self.pool.submit(entry.path, "take", {**values, "grow": True}, on_event, limit_s=self.limit_s)
            try:
                while not job.finished.is_set() or not queue.empty():
                    event, content = await queue.get()
                    if event == "done":
                        content = {**await self._content(entry, values, content, suffix), "seed": values["seed"]}
                    elif event == "failed":
                        content = {"error": content["message"], "field": content["field"]}
                    yield event_text(event, {"piece": number, **content})
            except JobError as error:
                yield event_text("failed", {"piece": number, "error": str(error)})
            finally:
                self.pool.cancel(job)
                for part in ("picture", "sound"):
                    (self.pool.folder / f"{values['id']}.{part}").unlink(missing_ok=True)
        yield event_text("end", {})


def _object(values: Any) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise RequestError("the body must be a JSON object", field="body")
    return values


def _whole(name: str, value: Any, lowest: int, highest: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
        raise RequestError.invalid(name, json.dumps(value)[:40], f"from {lowest} to {highest}")


def _check_format(entry: Entry, suffix: Any) -> None:
    writes = registry.load(entry.plugin).writes
    if suffix is not None and suffix not in writes:
        raise OptionsError.invalid("format", str(suffix)[:20], f"one of {', '.join(writes)}")
