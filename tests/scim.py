"""A SCIM client for tests: one request, sent once, exactly as written.

Built on the standard library's `http.client` because it sends the target, the headers and the body
as they are given: several client oddities are a trailing `&`, a bare `?` or an empty User-Agent,
which friendlier libraries tidy away. Nothing is retried: a test about faults must see each of them.
"""

import http.client
import json
import threading
import time
import urllib.parse
import weakref
from collections.abc import Mapping
from typing import Any, NamedTuple

# Shorter than the 5 s after which uvicorn closes an idle connection, so that a request is never
# sent down a connection the server is closing.
IDLE_SECONDS = 2.0

SCIM_JSON = "application/scim+json"


class Answer(NamedTuple):
    """What the server said: `(status, headers, json)`.

    `headers` have lower-case names; `json` is the parsed body, None where the body is empty, and
    the text itself where it is not JSON.
    """

    status: int
    headers: dict[str, str]
    json: Any


class Scim:
    """Requests below one base URL with one bearer token. Safe to share between threads.

    `base` is a realm's SCIM base such as `http://127.0.0.1:8000/realms/acme/scim/v2`; every `path`
    and its query are appended to it as they stand. `token=None` sends no Authorization header.
    """

    def __init__(self, base: str, token: str | None, timeout: float = 30.0) -> None:
        self.base = base.rstrip("/")
        self.token = token
        self.timeout = timeout
        self._thread = threading.local()

    def get(self, path: str, **options: Any) -> Answer:
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.send("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.send("PUT", path, body, **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.send("PATCH", path, body, **options)

    def delete(self, path: str, **options: Any) -> Answer:
        return self.send("DELETE", path, **options)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        base: str | None = None,
    ) -> Answer:
        """Send one request and read its answer.

        `body` is sent as it is where it is bytes, else as JSON; `query` is percent-encoded and
        appended; `headers` win over the ones made here; `base` replaces the client's own.

        Raises OSError or http.client.HTTPException where the server hangs up.
        """
        url = urllib.parse.urlsplit(base or self.base)
        target = url.path + path
        if query:
            target += "?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
        sent = {"Accept": SCIM_JSON}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent["Content-Type"] = f"{SCIM_JSON}; charset=utf-8"
        for name, value in (headers or {}).items():
            sent = {other: kept for other, kept in sent.items() if other.lower() != name.lower()}
            sent[name] = value
        connection = self._connection(url.hostname or "127.0.0.1", url.port or 80)
        try:
            connection.request(method, target, body, sent)
            response = connection.getresponse()
            raw = response.read()
        except BaseException:
            self._thread.connection = None
            connection.close()
            raise
        self._thread.used_at = time.monotonic()
        lower = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, lower, _parsed(raw))

    def _connection(self, host: str, port: int) -> http.client.HTTPConnection:
        kept: http.client.HTTPConnection | None = getattr(self._thread, "connection", None)
        if kept is not None:
            recent = time.monotonic() - self._thread.used_at < IDLE_SECONDS
            if recent and (kept.host, kept.port) == (host, port):
                return kept
            kept.close()
        fresh = http.client.HTTPConnection(host, port, timeout=self.timeout)
        self._thread.connection = fresh
        weakref.finalize(self, fresh.close)  # also where its thread has ended
        self._thread.used_at = time.monotonic()
        return fresh


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace")
