"""The outermost layer: what is settled before any route is looked for.

Raw paths are judged as they came (ABUSE C10, O3); a doubled or trailing slash, as administrators
type it into a Tenant URL, is read as if it were not there, without a redirect that would lose the
Authorization header (fixture ``trailing-slash``).
"""

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from uuid import uuid4

import structlog

from api.errors import error_response
from api.journaling import Ending, keep
from api.operators.counting import count

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MAX_TARGET = 16_384
_SUSPECT = re.compile(
    rb"%2f|%5c|%00|%2e|\\|;|/\.\.?(?:/|$)|[^\x21-\x7e]|/realms/+[^/]*%", re.IGNORECASE
)
_SLASHES = re.compile(r"/{2,}")
_NOSNIFF = (b"x-content-type-options", b"nosniff")
_BAD = 400
log = structlog.get_logger()


class Edge:
    """Wraps the application: path guard, correlation id, last resort for what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope["correlation_id"] = uuid4().hex
        exchange = _Exchange(scope, send)
        try:
            await self._served(scope, receive, exchange)
        finally:
            exchange.report()

    async def _served(
        self, scope: MutableMapping[str, Any], receive: Receive, exchange: "_Exchange"
    ) -> None:
        raw: bytes = scope.get("raw_path") or scope["path"].encode()
        if len(raw) + len(scope["query_string"]) > MAX_TARGET:
            await error_response(414, "the address is too long")(scope, receive, exchange.send)
        elif _SUSPECT.search(raw):
            answer = error_response(404, "there is nothing at this address")
            await answer(scope, receive, exchange.send)
        else:
            path = _SLASHES.sub("/", scope["path"])
            scope["path"] = path.rstrip("/") or "/"
            await self._guarded(scope, receive, exchange)

    async def _guarded(
        self, scope: MutableMapping[str, Any], receive: Receive, exchange: "_Exchange"
    ) -> None:
        try:
            await self.app(scope, receive, exchange.send)
        except Exception:  # the last resort: whatever it is, the client gets no traceback
            log.exception("request.failed", correlation_id=scope["correlation_id"])
            if exchange.status is None:
                answer = error_response(
                    500,
                    "an internal error; the service's log has it under "
                    f"correlation id {scope['correlation_id']}",
                )
                await answer(scope, receive, exchange.send)


class _Exchange:
    """One request and its answer, as the log tells it: the path without its query."""

    def __init__(self, scope: MutableMapping[str, Any], send: Send) -> None:
        self.scope = scope
        self._send = send
        self.status: int | None = None
        self._told: Message = {}
        self._body = b""
        self._began_at = time.time_ns() // 1_000
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Pass a message on, noting the status, and of an error what it says."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._told = message
            message["headers"] = [*message["headers"], _NOSNIFF]
        elif (self.status or 0) >= _BAD and not self._body:
            self._body = message.get("body", b"")
        await self._send(message)

    def report(self) -> None:
        """Log what a person may look for: refusals; what went well only when debugging.

        What was written stands in the event log, with who and whence.
        """
        status, seconds = self.status or 0, time.perf_counter() - self._began
        count(self.scope, status, seconds)
        keep(
            self.scope,
            Ending(
                status,
                self._told.get("headers", ()),
                self._body,
                self._began_at,
                int(seconds * 1_000_000),
            ),
        )
        told = log.info if status >= _BAD else log.debug
        told(
            "request",
            method=self.scope["method"],
            path=self.scope["path"],
            status=status,
            milliseconds=round(seconds * 1000, 2),
            correlation_id=self.scope["correlation_id"],
        )
