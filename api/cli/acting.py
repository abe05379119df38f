"""An operator at the command line: opens the service, acts under their login name."""

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import uuid4

from api.auth import Caller
from api.composition import Service, open_service
from api.settings import read_settings
from domain.cause import Actor, Cause
from projections.log import SqlLog
from projections.realms import RealmRow, get_realm
from replay.moments import Moment, moment_at, parse_instant

R = TypeVar("R")


@contextmanager
def opened(*, may_migrate: bool = False) -> Iterator[Service]:
    """Open the service of this process's settings, and close it after the block.

    Raises:
        BadSetting, WrongSchema, WrongKey
    """
    service = open_service(read_settings(), may_migrate=may_migrate)
    try:
        yield service
    finally:
        service.close()


def operator() -> Actor:
    """Return who acts: the login name, or the number of a user who has none."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container without an entry for its user
        name = f"uid {os.getuid()}"
    return Actor(kind="operator", id=name)


def cause_of(operation: str, realm: str = "") -> Cause:
    """Return the cause of what an operator does.

    ``operation`` is a command such as ``realm create``; ``realm`` is an id, empty only where the
    realm is about to be made.
    """
    return Cause(
        realm=realm,
        actor=operator(),
        correlation_id=uuid4().hex,
        operation=f"rollbook {operation}",
    )


def reading_as_operator(realm: RealmRow) -> Caller:
    """Return an operator in a realm, as what answers requests wants its caller."""
    return Caller(realm.realm, realm.slug, "", "", frozenset(), None, None)


def moment_named(service: Service, text: str, option: str) -> Moment:
    """Return the moment that an option names. Raises InvalidValue."""
    return moment_at(service.database, parse_instant(text, option, service.log.has_happened))


def realm_named(service: Service, name: str) -> RealmRow:
    """Return a realm by its name. Raises NoSuchRealm."""
    with service.database.reading() as connection:
        return get_realm(connection, name)


def act(service: Service, realm: str, operation: str, handler: Callable[[Cause, SqlLog], R]) -> R:
    """Run a handler in the realm of that name, again where somebody else wrote meanwhile.

    Raises:
        NoSuchRealm, or what the handler raises
    """
    cause = cause_of(operation, realm_named(service, realm).realm)
    return service.log.handle(handler, cause)
