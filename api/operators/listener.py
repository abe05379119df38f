"""The operators' listener: a small server beside the one for clients, in a thread of its own.

It has connections of its own, so that no client waits for one that a question of an operator holds.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from socket import socket

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.composition import open_database
from api.operators.exposition import CONTENT_TYPE, exposition
from api.operators.state import told
from api.settings import Settings
from domain.refusals import Unavailable
from projections.database import Database
from replay.status import read_model_status

MOST_AT_A_TIME = 16
"""Connections; what comes beyond is answered 503."""
_HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def operators_app(database: Database, folder: Path) -> Starlette:
    """Return the application; its routes are plain functions, which run in threads.

    In ``folder`` those who serve tell what they count.
    """

    def metrics(_request: Request) -> Response:
        """Answer everything in numbers; 200 even where the database is gone, which is a number."""
        return Response(exposition(database, folder), 200, _HEADERS, CONTENT_TYPE)

    def status(_request: Request) -> Response:
        """Answer as ``rollbook replay status --json``: 503 where that would exit with 1."""
        try:
            found = read_model_status(database)
        except Unavailable as unavailable:
            return _json({"error": unavailable.detail}, 503)
        healthy = all(each.healthy for each in found)
        return _json([told(each) for each in found], 200 if healthy else 503)

    return Starlette(routes=[Route("/metrics", metrics), Route("/status", status)])


def _json(body: object, status: int) -> Response:
    return Response(orjson.dumps(body), status, _HEADERS, "application/json")


@contextmanager
def answering_operators(listener: socket, folder: Path, settings: Settings) -> Iterator[None]:
    """Answer on a socket while the block runs, in a thread beside it."""
    database = open_database(settings)
    config = uvicorn.Config(
        operators_app(database, folder),
        http="httptools",
        loop="uvloop" if find_spec("uvloop") else "auto",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_AT_A_TIME,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, args=([listener],), name="rollbook operators", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
        database.close()
