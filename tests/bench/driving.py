"""Many conversations at a time: one thread, one selector, a clock around them.

The servers share the machine with this client, so each microsecond spent here is taken from what
is measured; its own cost is reported with the result.
"""

import selectors
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httptools

from .wire import SILENCE_SECONDS, Answer, Connection, Conversation, Target, WrongAnswer


class ServerSilent(Exception):
    """No connection heard anything for `SILENCE_SECONDS`, or the server hung up."""


@dataclass(slots=True)
class Measured:
    """One drive: request latencies in seconds; around them the seconds of the clock, of the
    client's and of the server's processor.
    """

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    client_seconds: float = 0.0
    server_seconds: float = 0.0
    failures: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.latencies) / self.seconds if self.seconds else 0.0


def drive(
    target: Target,
    conversations: Iterator[Conversation],
    concurrency: int,
    seconds: float | None = None,
) -> Measured:
    """Hold the conversations, `concurrency` at a time, until they or the seconds run out.

    Connections are made before the clock starts. A wrong answer or a lost connection ends its
    conversation and is kept as a failure. Raises `ServerSilent` when nothing is heard any more.
    """
    measured = Measured()
    try:
        connections = [Connection(target) for _ in range(concurrency)]
    except OSError as error:
        raise ServerSilent(f"{target.name}: {error}") from error
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        client_started, started = time.process_time(), time.perf_counter()
        deadline = started + seconds if seconds is not None else float("inf")
        busy = sum(_take_next(c, conversations, deadline, measured) for c in connections)
        while busy:
            ready = selector.select(SILENCE_SECONDS)
            if not ready:
                raise ServerSilent(f"{target.name}: nothing heard for {SILENCE_SECONDS:.0f} s")
            for key, _ in ready:
                connection = key.data
                try:
                    answer = connection.receive()
                    if answer is None:
                        continue
                    measured.latencies.append(time.perf_counter() - connection.sent_at)
                    if not connection.stays_open():
                        _reopen(connection, selector, target)
                except (ConnectionError, httptools.HttpParserError) as error:
                    measured.failures.append(str(error))
                    connection.conversation = None
                    _reopen(connection, selector, target)
                    answer = None
                if not (
                    _continue(connection, answer, measured)
                    or _take_next(connection, conversations, deadline, measured)
                ):
                    busy -= 1
        measured.seconds = time.perf_counter() - started
        measured.client_seconds = time.process_time() - client_started
    for connection in connections:
        connection.socket.close()
    return measured


def _take_next(
    connection: Connection,
    conversations: Iterator[Conversation],
    deadline: float,
    measured: Measured,
) -> bool:
    while time.perf_counter() < deadline:
        connection.conversation = next(conversations, None)
        if connection.conversation is None:
            return False
        if _advance(connection, None, measured):
            return True
    return False


def _continue(connection: Connection, answer: Answer | None, measured: Measured) -> bool:
    return answer is not None and _advance(connection, answer, measured)


def _advance(connection: Connection, answer: Answer | None, measured: Measured) -> bool:
    """Whether the conversation asked something more."""
    conversation = connection.conversation
    if conversation is None:
        return False
    try:
        request = next(conversation) if answer is None else conversation.send(answer)
    except StopIteration:
        return False
    except WrongAnswer as wrong:
        measured.failures.append(str(wrong))
        return False
    try:
        connection.send(request)
    except OSError as error:
        raise ServerSilent(f"{error} while sending {request.method} {request.target}") from error
    return True


def _reopen(connection: Connection, selector: selectors.BaseSelector, target: Target) -> None:
    selector.unregister(connection.socket)
    connection.socket.close()
    try:
        connection.open()
    except OSError as error:
        raise ServerSilent(f"{target.name}: {error}") from error
    selector.register(connection.socket, selectors.EVENT_READ, connection)
