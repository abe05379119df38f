"""The client's side of HTTP/1.1: requests to bytes, bytes to answers, on raw keep-alive sockets."""

import ipaddress
import socket
import time
from collections.abc import Generator
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

import httptools

SILENCE_SECONDS = 30.0


class Request(NamedTuple):
    """`target` is relative to the SCIM base, query included and already percent-encoded."""

    method: str
    target: str
    body: bytes | None = None


class Answer(NamedTuple):
    status: int
    body: bytes


Conversation: TypeAlias = Generator[Request, Answer, None]
"""Yields requests, is sent their answers, raises `WrongAnswer` when one is not right."""


class WrongAnswer(Exception):
    """The server answered, and what it said is not true of the directory it was given."""


class NotLoopback(ValueError):
    """The bench loads servers on this machine and no others."""


class Target:
    """Where a server's SCIM endpoints are, and the headers each request carries.

    Raises `NotLoopback` for any other host than 127.0.0.0/8 and ::1.
    """

    def __init__(self, name: str, base: str, token: str | None = None) -> None:
        url = urlsplit(base)
        host = "127.0.0.1" if url.hostname in (None, "localhost") else str(url.hostname)
        if url.scheme != "http" or not ipaddress.ip_address(host).is_loopback:
            raise NotLoopback(f"{base} is not plain http on this machine")
        self.name, self.address = name, (host, url.port or 80)
        self._path = url.path.rstrip("/")
        self._headers = f"Host: {host}:{url.port or 80}\r\nAccept: application/scim+json\r\n"
        if token is not None:
            self._headers += f"Authorization: Bearer {token}\r\n"

    def encode(self, request: Request) -> bytes:
        method, target, body = request
        head = f"{method} {self._path}{target} HTTP/1.1\r\n{self._headers}"
        if body is None:
            return f"{head}\r\n".encode()
        head += f"Content-Type: application/scim+json\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


class Connection:
    """One keep-alive socket carrying one conversation at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.conversation: Conversation | None = None
        self.sent_at = 0.0
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(self._target.address, timeout=SILENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._complete, self._stays_open = False, True

    def send(self, request: Request) -> None:
        wire = self._target.encode(request)
        self.sent_at = time.perf_counter()
        self.socket.sendall(wire)

    def receive(self) -> Answer | None:
        """The answer once it is whole, None before. Raises ConnectionError when hung up."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionResetError("the server closed the connection before it answered")
        self._parser.feed_data(data)
        if not self._complete:
            return None
        answer = Answer(self._parser.get_status_code(), b"".join(self._chunks))
        self._complete, self._chunks = False, []
        return answer

    def stays_open(self) -> bool:
        """Whether the server takes the next request on the same socket."""
        return self._stays_open

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        # Only now: once a body has been read the parser says no, whatever the headers said.
        self._complete, self._stays_open = True, self._parser.should_keep_alive()
