"""Serving: the settings of the workers, uvicorn."""

import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING

from api.cli.answers import say
from api.cli.endpoints import address
from api.cli.listening import Listening
from api.settings import read_settings

if TYPE_CHECKING:
    import uvicorn

GRACE_SECONDS = 10
"""How long requests may go on after the server was told to stop."""


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


def serve_on(sockets: Listening, *, workers: int) -> None:
    """Serve until told to stop. SIGTERM and Ctrl-C let running requests end.

    Settings reach the workers by the environment; the caller has opened the service once, so that
    no worker finds a database it cannot serve.
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
    say(f"Rollbook serves {sockets.url}")
    with _answering(sockets.operators):
        started = _served(config, sockets.clients, workers)
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
