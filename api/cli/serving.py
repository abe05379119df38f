"""Serving: the socket, the settings of the workers, uvicorn."""

import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from api.cli.answers import say
from api.cli.endpoints import address
from api.cli.failures import CannotListen
from api.settings import Settings, listen_address, read_settings

if TYPE_CHECKING:
    import uvicorn

GRACE_SECONDS = 10
"""How long requests may go on after the server was told to stop."""
_BACKLOG = 2048


def listen(
    host: str, port: int, named_by: str = "choose another with --host and --port"
) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    It listens before anything is printed or made: a taken port leaves nothing behind, and a
    command pasted early waits instead of being refused.

    Raises:
        CannotListen: the port is taken, or the host is not an address of this machine.
    """
    listener = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, where = found[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(_BACKLOG)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise CannotListen(
            f"cannot listen on {host} port {port}: {error.strerror}; "
            f"{named_by}, or stop the program that uses it"
        ) from None
    listener.set_inheritable(True)
    return listener


@contextmanager
def listen_for_operators(settings: Settings) -> Iterator[socket.socket | None]:
    """Give a listening socket where the settings name a place for ``/metrics`` and ``/status``.

    Raises:
        CannotListen: as :func:`listen`.
    """
    if settings.admin_listen is None:
        yield None
        return
    host, port = listen_address(settings.admin_listen)
    with listen(host, port, "name another by ROLLBOOK_ADMIN_LISTEN") as listener:
        yield listener


def default_public_url(url: str) -> None:
    """Make ``url`` the public one of this process and its workers, where none is set."""
    os.environ.setdefault("ROLLBOOK_PUBLIC_URL", url)


def url_of(host: str, listener: socket.socket) -> str:
    """Return the address the listener is reached at from this machine."""
    return address(host, listener.getsockname()[1])


@contextmanager
def _answering(operators: socket.socket | None) -> Iterator[None]:
    """Answer operators from this process while the block serves clients, from here or elsewhere."""
    if operators is None:
        yield
        return
    from api.operators.listener import answering_operators
    from api.operators.sharing import counting_together

    host, port = operators.getsockname()[:2]
    say(f"Operators find /metrics and /status at {address(host, port)}")
    with (
        counting_together() as folder,
        answering_operators(operators, folder, read_settings()),
    ):
        yield


def serve_on(
    listener: socket.socket, *, url: str, workers: int, operators: socket.socket | None = None
) -> None:
    """Serve until told to stop. SIGTERM and Ctrl-C let running requests end.

    ``operators`` is the socket on which ``/metrics`` and ``/status`` are answered. Settings reach
    the workers by the environment; the caller has opened the service once, so that no worker finds
    a database it cannot serve.
    """
    import uvicorn

    # After its shutdown uvicorn raises the signal again; a stop that was asked for is no failure.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    config = uvicorn.Config(
        "api.app:create_app",
        factory=True,
        workers=workers,
        http="httptools",
        loop="uvloop" if find_spec("uvloop") else "auto",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    say(f"Rollbook serves {url}")
    with _answering(operators):
        started = _served(config, listener, workers)
    if not started:
        sys.exit(1)


def _served(config: "uvicorn.Config", listener: socket.socket, workers: int) -> bool:
    """Serve until told to stop; return whether it ever began."""
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    gc.enable()
    if workers > 1:
        supervisor = Multiprocess(config, [listener])
        supervisor.run()
        return all(process.exitcode in (0, -signal.SIGTERM) for process in supervisor.processes)
    config.load_app()
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt, SystemExit):
        server.run([listener])
    return server.started
