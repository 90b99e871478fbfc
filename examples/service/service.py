"""A small web service that generates pieces: one model, one thread per request.

    python examples/service/service.py --model abc --port 8000
    curl 'http://127.0.0.1:8000/?seed=5' > tune.abc
    curl 'http://127.0.0.1:8000/tune.svg?seed=5&key=Edor' > tune.svg

The path chooses the format by its suffix; the parameters are `seed`, sampling controls such as `temperature`, and the
fields of the plugin's request. Each request has a time limit, and a request that the model refuses gets status 400 with
one sentence. Several requests may run at the same time; each gets the bytes that it would get alone.
"""

import argparse
import tempfile
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import seqforge

MAX_SECONDS = 20.0
"""The time limit of one request."""
CONTROLS = {"temperature": float, "top_p": float, "min_p": float, "length": float, "seed": int}
"""The parameters that are numbers for every plugin."""


class Handler(BaseHTTPRequestHandler):
    """Answers a request with a generated file.

    Attributes:
        model: The model, which all threads share.
    """

    model: ClassVar[Any]

    def do_GET(self) -> None:
        """Generate a piece and send it as a file."""
        address = urlsplit(self.path)
        try:
            body, status = self.generate(PurePosixPath(address.path).suffix, dict(parse_qsl(address.query))), 200
        except (seqforge.SeqforgeError, ValueError) as error:
            body, status = f"{error}\n".encode(), 400
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def generate(self, suffix: str, parameters: dict[str, str]) -> bytes:
        """Return the bytes of a generated file.

        Args:
            suffix: The suffix of the file; "" for the first format of the plugin.
            parameters: The parameters of the request.

        Raises:
            SeqforgeError: If the model refuses the request.
            ValueError: If a parameter is not a number, or the plugin does not write the format.
        """
        plugin = self.model.plugin
        suffix = suffix or plugin.writes[0]
        if suffix not in plugin.writes:
            raise ValueError(f"the plugin writes {', '.join(plugin.writes)}, not {suffix}")
        kinds = {**{field.name: str for field in fields(plugin.Request)}, **CONTROLS}
        unknown = sorted(parameters.keys() - kinds.keys())
        if unknown:
            raise ValueError(f"there is no parameter {unknown[0]!r}; there are {', '.join(sorted(kinds))}")
        values = {name: kinds[name](value) for name, value in parameters.items()}
        pieces = self.model.generate(max_seconds=MAX_SECONDS, **values)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"piece{suffix}"
            plugin.write(pieces, path)
            return path.read_bytes()

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the name of the base class
        """Print nothing."""


def make_server(model: str, port: int) -> ThreadingHTTPServer:
    """Return a server for the own machine.

    Args:
        model: The model, as for `seqforge.load`.
        port: The port; 0 for any free one.
    """
    loaded = seqforge.load(model)
    handler = type("ModelHandler", (Handler,), {"model": loaded})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="abc", help="A model, as for `seqforge generate --model`.")
    parser.add_argument("--port", type=int, default=8000, help="The port.")
    options = parser.parse_args()
    with make_server(options.model, options.port) as server:
        server.serve_forever()
