"""Listening: before anything is opened, printed or made."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from api.cli.endpoints import address
from api.cli.failures import CannotListen
from api.logs import configure
from api.settings import Settings, listen_address, read_settings

_BACKLOG = 2048


class Listening(NamedTuple):
    """The sockets of a server, and the address at which clients reach it from this machine."""

    clients: socket.socket
    operators: socket.socket | None
    url: str


@contextmanager
def listening(host: str, port: int) -> Iterator[Listening]:
    """Configure the log and listen, for operators too where the settings name a place for them.

    The address becomes the public one of this process and its workers where none is set.

    Raises:
        BadSetting: one clear line.
        CannotListen: as :func:`listen`.
    """
    settings = read_settings()
    configure(settings.log_level)
    with listen(host, port) as clients, listen_for_operators(settings) as operators:
        url = address(host, clients.getsockname()[1])
        os.environ.setdefault("ROLLBOOK_PUBLIC_URL", url)
        yield Listening(clients, operators, url)


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
