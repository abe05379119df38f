"""The client against a socket that says the same to everybody."""

import socket
import threading
from collections.abc import Callable, Iterator

import orjson
import pytest

from .driving import Measured, drive
from .wire import Conversation, NotLoopback, Request, Target, WrongAnswer

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def accepted() -> list[socket.socket]:
    """The connections that were made to the canned server."""
    return []


@pytest.fixture
def serve(accepted: list[socket.socket]) -> Iterator[Callable[[bytes], Target]]:
    """A socket that gives one canned answer to whatever it hears."""
    listener = socket.create_server(("127.0.0.1", 0))
    canned = b""

    def answer(connection: socket.socket) -> None:
        with connection:
            while connection.recv(65536):
                connection.sendall(canned)
                if canned in (CLOSING, b""):
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            accepted.append(connection)
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    def start(wire: bytes) -> Target:
        nonlocal canned
        canned = wire
        threading.Thread(target=accept, daemon=True).start()
        return Target("canned", f"http://127.0.0.1:{listener.getsockname()[1]}/v2", "token")

    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def expecting(status: int, body: bytes) -> Conversation:
    answer = yield Request("GET", "/Users")
    if answer != (status, body):
        raise WrongAnswer(f"{answer}")


@pytest.mark.parametrize(
    ("wire", "status", "body"),
    [(WHOLE, 200, b"{}"), (CHUNKED, 200, b"{}"), (EMPTY, 204, b""), (CLOSING, 200, b"{}")],
    ids=["length", "chunked", "no content", "closing"],
)
def test_each_framing_of_an_answer_is_understood(
    wire: bytes, status: int, body: bytes, serve: Callable[[bytes], Target]
) -> None:
    conversations = (expecting(status, body) for _ in range(12))
    measured = drive(serve(wire), conversations, concurrency=3)
    assert measured.failures == []
    assert len(measured.latencies) == 12


@pytest.mark.parametrize("wire", [WHOLE, CHUNKED], ids=["length", "chunked"])
def test_connections_are_kept(
    wire: bytes, serve: Callable[[bytes], Target], accepted: list[socket.socket]
) -> None:
    drive(serve(wire), (expecting(200, b"{}") for _ in range(12)), concurrency=3)
    assert len(accepted) == 3


def test_a_connection_that_the_server_closes_is_made_anew(
    serve: Callable[[bytes], Target], accepted: list[socket.socket]
) -> None:
    drive(serve(CLOSING), (expecting(200, b"{}") for _ in range(12)), concurrency=3)
    assert len(accepted) >= 12


def test_a_wrong_answer_is_counted_and_the_rest_goes_on(serve: Callable[[bytes], Target]) -> None:
    conversations = (expecting(200, wanted) for wanted in (b"{}", b"[]", b"{}"))
    measured = drive(serve(WHOLE), conversations, concurrency=1)
    assert len(measured.failures) == 1
    assert len(measured.latencies) == 3


def test_a_connection_hung_up_is_a_failure(serve: Callable[[bytes], Target]) -> None:
    measured = drive(serve(b""), iter([expecting(200, b"{}")]), concurrency=1)
    assert len(measured.failures) == 1
    assert measured.latencies == []


def test_a_request_carries_the_token_and_the_length_of_its_body() -> None:
    body = orjson.dumps({"a": "ä"})
    wire = Target("x", "http://127.0.0.1:9/v2", "secret").encode(Request("POST", "/Users", body))
    assert wire.startswith(b"POST /v2/Users HTTP/1.1\r\nHost: 127.0.0.1:9\r\n")
    assert b"Authorization: Bearer secret\r\n" in wire
    assert wire.endswith(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))


@pytest.mark.parametrize("base", ["http://192.0.2.1/v2", "https://127.0.0.1/v2"])
def test_only_plain_http_on_this_machine_is_a_target(base: str) -> None:
    with pytest.raises(NotLoopback):
        Target("elsewhere", base)


def test_a_rate_is_requests_by_seconds() -> None:
    assert Measured(latencies=[0.1] * 10, seconds=2.0).rate == 5.0
