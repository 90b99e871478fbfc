"""The application of the studio: the page, its files, and what the page asks for."""

import asyncio
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from seqforge.errors import OptionsError, RequestError, SeqforgeError, UsageError
from seqforge.plugin import registry
from seqforge.studio.events import Broker
from seqforge.studio.models import Catalogue
from seqforge.studio.pool import BusyError, JobError, Pool
from seqforge.studio.recipes import Recipe
from seqforge.studio.run_view import sample_path, sample_view
from seqforge.studio.security import Guard, TooLargeError
from seqforge.studio.session import MAX_SESSION, Session
from seqforge.studio.session_file import SessionFile
from seqforge.studio.takes import Take
from seqforge.studio.training import Trainings
from seqforge.version import __version__

__all__ = ["create_app", "error_response", "json_body"]

PAGE = Path(__file__).parent / "page"
MAX_JSON = 256_000
"""The largest JSON body, in bytes; session files and uploads have their own limit."""
MAX_TAKES_AT_ONCE = 8
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def create_app(
    token: str,
    *,
    port: int = 0,
    models: tuple[str, ...] = (),
    folder: Path | None = None,
    hosts: tuple[str, ...] = (),
    session: Path | None = None,
) -> Guard:
    """Return the application of the page.

    Example:
        uvicorn.run(create_app("secret", port=8000), port=8000)

    Args:
        token: The token that every request needs.
        port: The port of the server, which the Host header must name; 0 accepts any.
        models: Names or paths of further models.
        folder: The folder of the session; None for a temporary one that is removed at the end.
        hosts: Further host names of the server.
        session: A session file that is opened at the start and written after each change; None for none.

    Raises:
        UsageError: If the session file is damaged.
    """
    studio = _Studio(Catalogue(models), folder, None if session is None else SessionFile(session))
    routes = [Route(path, studio.answering(method), methods=[verb]) for verb, path, method in studio.routes()]
    return Guard(application(routes, studio.lifespan), token, port, hosts)


def application(routes: Sequence[BaseRoute], lifespan: Any) -> Starlette:
    """Return an application whose errors are JSON with one sentence."""
    handlers: dict[Any, Any] = {
        SeqforgeError: error_response,
        TooLargeError: error_response,
        HTTPException: error_response,
        ClientDisconnect: error_response,
        Exception: error_response,
    }
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)


async def error_response(request: Request, error: Exception) -> Response:
    """Return an error as JSON: one sentence, and the name of the field that has the wrong value."""
    if isinstance(error, JobError):
        status = 400 if error.values["usage"] else 500
        return JSONResponse({"error": error.values["message"], "field": error.values["field"]}, status)
    if isinstance(error, BusyError):
        return JSONResponse({"error": str(error), "field": ""}, 503)
    if isinstance(error, UsageError):
        return JSONResponse({"error": str(error), "field": error.field}, 400)
    if isinstance(error, TooLargeError):
        return JSONResponse({"error": "the request is too large", "field": ""}, 413)
    if isinstance(error, HTTPException):
        return JSONResponse({"error": str(error.detail).lower(), "field": ""}, error.status_code)
    if isinstance(error, ClientDisconnect):
        return Response(status_code=400)
    message = str(error) if isinstance(error, SeqforgeError) else f"internal error of seqforge: {type(error).__name__}"
    return JSONResponse({"error": message, "field": ""}, 500)


async def json_body(request: Request, most: int = MAX_JSON) -> Any:
    """Return the JSON of a request.

    Raises:
        RequestError: If it is too large or malformed.
    """
    body = await request.body()
    if len(body) > most:
        raise RequestError(f"the body has {len(body):,} bytes; at most {most:,} are allowed", field="body")
    try:
        return json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError("the body is not JSON", field="body") from error


def _no_constant(name: str) -> Any:
    raise ValueError(name)


Method = Callable[[Request], Awaitable[Response]]


class _Studio:
    """The routes of the page, and the session behind them."""

    def __init__(self, catalogue: Catalogue, folder: Path | None, file: SessionFile | None) -> None:
        self.catalogue, self.given_folder, self.file = catalogue, folder, file
        self.broker = Broker()
        self.session: Session
        self.pool: Pool
        self.trainings: Trainings

    def routes(self) -> list[tuple[str, str, Method]]:
        """Return method, path and function of each route."""
        return [
            ("GET", "/", self.page),
            ("GET", "/page/{name}", self.page),
            ("GET", "/api/session", self.get_session),
            ("GET", "/api/session/file", self.save_session),
            ("POST", "/api/session/file", self.open_session),
            ("GET", "/api/events", self.events),
            ("GET", "/api/card", self.card),
            ("POST", "/api/takes", self.add_takes),
            ("POST", "/api/stop", self.stop_all),
            ("POST", "/api/takes/{id}/stop", self.stop),
            ("POST", "/api/takes/{id}/like", self.like),
            ("DELETE", "/api/takes/{id}", self.remove),
            ("GET", "/api/takes/{id}/picture", self.picture),
            ("GET", "/api/takes/{id}/sound", self.sound),
            ("GET", "/api/takes/{id}/command", self.command),
            ("GET", "/api/takes/{id}/file", self.download),
            ("POST", "/api/takes/{id}/score", self.score),
            ("POST", "/api/files", self.upload),
            ("GET", "/api/training", self.training),
            ("POST", "/api/training/files", self.training_file),
            ("POST", "/api/training/start", self.start_training),
            ("POST", "/api/training/stop", self.stop_training),
            ("POST", "/api/training/resume", self.resume_training),
            ("GET", "/api/training/run", self.run),
            ("GET", "/api/training/sample", self.sample),
            ("POST", "/api/training/sample/open", self.open_sample),
        ]

    def answering(self, method: Method) -> Method:
        """Return a route; it exists so that Starlette sees a function and not a bound method."""

        async def endpoint(request: Request) -> Response:
            return await method(request)

        return endpoint

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        """Create the session folder and the workers; end and remove them."""
        with contextlib.ExitStack() as stack:
            folder = self.given_folder
            if folder is None:
                temporary = tempfile.TemporaryDirectory(prefix="seqforge-studio-", ignore_cleanup_errors=True)
                folder = Path(stack.enter_context(temporary))
            self.pool = Pool(folder.resolve())
            self.session = Session(folder.resolve(), self.catalogue, self.pool, self.broker)
            self.trainings = Trainings(folder.resolve())
            saving = None if self.file is None else asyncio.create_task(self.file.run(self.session))
            try:
                yield
            finally:
                if self.file is not None and saving is not None:
                    await self.file.close(self.session, saving)
                self.broker.close()
                self.pool.close()
                await asyncio.to_thread(self.trainings.close)

    async def page(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        files = {path.name: path for path in PAGE.iterdir() if path.suffix in TYPES}
        if name not in files:
            raise HTTPException(404, "there is no such file")
        return Response(files[name].read_bytes(), media_type=TYPES[files[name].suffix])

    async def get_session(self, request: Request) -> Response:
        entries = await asyncio.to_thread(self.catalogue.entries)
        models = [{"name": entry.name, "plugin": entry.plugin, "kind": entry.kind} for entry in entries]
        takes = [take.to_json() for take in self.session.takes.values()]
        note = self.file.note if self.file is not None else ""
        values = {"session": self.session.name, "models": models, "takes": takes, "note": note}
        return JSONResponse({"version": __version__, **values})

    async def events(self, request: Request) -> Response:
        return StreamingResponse(self.broker.listen(), media_type="text/event-stream")

    async def card(self, request: Request) -> Response:
        entry = self.catalogue.find(request.query_params.get("model"))
        card = await asyncio.to_thread(self.catalogue.card, entry)
        with contextlib.suppress(BusyError):
            self.pool.submit(entry.path, "warm", {})
        return JSONResponse(card)

    async def add_takes(self, request: Request) -> Response:
        values = await json_body(request)
        count = values.pop("n", 1) if isinstance(values, dict) else 1
        if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= MAX_TAKES_AT_ONCE:
            raise RequestError.invalid("n", str(count)[:40], f"from 1 to {MAX_TAKES_AT_ONCE}")
        recipe = Recipe.parse(values)
        fields = {**recipe.to_json(), "edit": recipe.edit}
        takes: list[Take] = []
        for number in range(count):
            batch = takes[0].id if takes else ""
            takes.append(self.session.add(Recipe(**{**fields, "seed": recipe.seed + number}), batch=batch))
        return JSONResponse({"takes": [take.to_json() for take in takes]}, 201)

    async def stop_all(self, request: Request) -> Response:
        for take in list(self.session.takes.values()):
            self.session.stop(take)
        return JSONResponse({})

    async def stop(self, request: Request) -> Response:
        self.session.stop(self._take(request))
        return JSONResponse({})

    async def like(self, request: Request) -> Response:
        take, values = self._take(request), await json_body(request)
        if not isinstance(values, dict) or not isinstance(values.get("liked"), bool):
            raise RequestError("`liked` must be true or false", field="liked")
        take.liked = values["liked"]
        self.session.publish(take)
        return JSONResponse({})

    async def remove(self, request: Request) -> Response:
        self.session.remove(self._take(request))
        return JSONResponse({})

    async def picture(self, request: Request) -> Response:
        return self._part(request, "picture", "image/svg+xml")

    async def sound(self, request: Request) -> Response:
        return self._part(request, "sound", "audio/wav")

    def _part(self, request: Request, name: str, media_type: str) -> Response:
        take = self._take(request)
        path = self.session.folder / f"{take.id}.{name}"
        if not path.exists() or not path.stat().st_size:
            raise HTTPException(404, f"the take has no {name}")
        return Response(path.read_bytes(), media_type=media_type)

    async def command(self, request: Request) -> Response:
        return JSONResponse({"command": self.session.command(self._take(request))})

    async def download(self, request: Request) -> Response:
        take, suffix = self._take(request), request.query_params.get("format", "")
        if suffix not in registry.load(take.entry.plugin).writes:
            raise OptionsError.invalid("format", suffix[:20], "a format that the plugin writes")
        path = self.session.folder / "files" / f"{take.id}-download{suffix}"
        values = {**self.session.job_values(take), "path": str(path), "file_name": f"{take.file_name}{suffix}"}
        try:
            await self.pool.call(take.entry.path, "file", values)
            data = await asyncio.to_thread(path.read_bytes)
        finally:
            path.unlink(missing_ok=True)
        return _attachment(data, f"{take.file_name}{suffix}")

    async def score(self, request: Request) -> Response:
        take = self._take(request)
        return JSONResponse(await self.pool.call(take.entry.path, "score", self.session.job_values(take)))

    async def upload(self, request: Request) -> Response:
        name, model = request.query_params.get("name", "file"), request.query_params.get("model", "")
        self.catalogue.find(model)
        number = self.session.add_file(name, await request.body())
        if request.query_params.get("as") == "field":
            return JSONResponse({"file": number, "name": self.session.files[number][0]}, 201)
        takes = await self.session.open_file(number, model)
        return JSONResponse({"takes": [take.to_json() for take in takes]}, 201)

    async def save_session(self, request: Request) -> Response:
        content = await asyncio.to_thread(self.session.to_json)
        return _attachment(json.dumps(content, indent=1).encode(), "session.seqforge.json")

    async def open_session(self, request: Request) -> Response:
        takes = await self.session.open_session(await json_body(request, most=MAX_SESSION))
        return JSONResponse({"takes": [take.to_json() for take in takes]}, 201)

    async def training(self, request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(self.trainings.choices))

    async def training_file(self, request: Request) -> Response:
        upload, name = request.query_params.get("upload", "")[:80], request.query_params.get("name", "file")
        return JSONResponse(self.trainings.add_file(upload, name, await request.body()), 201)

    async def start_training(self, request: Request) -> Response:
        values = await json_body(request)
        if not isinstance(values, dict):
            raise RequestError("the body must be a JSON object", field="body")
        return JSONResponse({"run": await asyncio.to_thread(self.trainings.start, values)}, 201)

    async def stop_training(self, request: Request) -> Response:
        self.trainings.stop(_member(await json_body(request), "run"))
        return JSONResponse({})

    async def resume_training(self, request: Request) -> Response:
        run = _member(await json_body(request), "run")
        await asyncio.to_thread(self.trainings.resume, run)
        return JSONResponse({})

    async def run(self, request: Request) -> Response:
        after = request.query_params.get("after", "0")
        number = int(after) if after.isdecimal() and len(after) < 10 else 0
        name = request.query_params.get("run", "")
        return JSONResponse(await asyncio.to_thread(self.trainings.show, name, number))

    async def sample(self, request: Request) -> Response:
        run, name = self.trainings.find(request.query_params.get("run")), request.query_params.get("name")
        return JSONResponse(await asyncio.to_thread(sample_view, run, name))

    async def open_sample(self, request: Request) -> Response:
        values = await json_body(request)
        run = self.trainings.find(_member(values, "run"))
        path = sample_path(run, _member(values, "name"))
        number = self.session.add_file(path.name, await asyncio.to_thread(path.read_bytes))
        takes = await self.session.open_file(number, run.folder.as_posix())
        return JSONResponse({"takes": [take.to_json() for take in takes]}, 201)

    def _take(self, request: Request) -> Take:
        number = request.path_params["id"]
        if number not in self.session.takes:
            raise HTTPException(404, "there is no such take")
        return self.session.take(number)


def _member(values: Any, name: str) -> Any:
    if not isinstance(values, dict):
        raise RequestError("the body must be a JSON object", field="body")
    return values.get(name)


def _attachment(data: bytes, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(data, media_type="application/octet-stream", headers=headers)
