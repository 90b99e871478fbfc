"""Running the studio or the API: a port on this machine, a token, and the browser."""

import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from typing import Any

from seqforge.errors import UsageError

__all__ = ["open_socket", "run_server"]

HOST = "127.0.0.1"


def open_socket(port: int) -> socket.socket:
    """Return a listening socket on this machine only; port 0 lets the system choose.

    Raises:
        UsageError: If the port is in use, or not allowed.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"`port` is {port}, which cannot be opened ({reason}); choose another port, or 0 for any free one",
            field="port", value=port,
        ) from error  # fmt: skip
    return listener


def run_server(
    create: Callable[..., Any],
    port: int,
    *,
    on_start: Callable[[str, str], None],
    browser: bool = False,
    **options: Any,
) -> None:
    """Serve an application until Ctrl-C.

    Example:
        run_server(create_app, 8000, on_start=lambda address, token: print(address), browser=True)

    Args:
        create: `create_app` or `create_api`.
        port: The port; 0 for any free one.
        on_start: Called with the address, which contains the token, and the token.
        browser: Whether to open the address in the browser.
        options: Other arguments of `create`.

    Raises:
        UsageError: If the port cannot be opened, or the extra `studio` is not installed.
    """
    import uvicorn

    listener = open_socket(port)
    token = secrets.token_urlsafe(24)
    number = listener.getsockname()[1]
    app = create(token, port=number, **options)
    address = f"http://{HOST}:{number}/?token={token}"

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            on_start(address, token)
            if browser:
                threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3, lifespan="on"
    )
    with listener:
        Server(config).run(sockets=[listener])
