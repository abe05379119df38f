"""A log with a past, in little time: users, one large group, and changes by several clients.

Filled through the transaction of ADR 0003, many events a transaction; every transaction is a second
of the log's own clock. A store that is there already is filled further.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import func, select

from api.composition import Service, followings_of
from domain.cause import Actor, Cause
from domain.document import Change
from domain.group import Group
from domain.handlers.realms import create_realm
from domain.schemas import ENTERPRISE_URN, GROUP, USER
from domain.user import User
from projections.tables import events, streams

from .directory import Directory
from .filling import AT_ONCE, as_autovacuum_would, cause_in, fill_users, service_at
from .leaver import OPERATOR
from .rounds import say
from .servers import REALM

CLIENTS = ("entra", "hr", "okta", "portal")
BUSY_SHARE = 10
"""Of the changes to one user in ten transactions."""
_SECOND = 1_000_000
_EPOCH = 1_767_225_600 * _SECOND  # 2026-01-01
DEPARTMENT = f"{ENTERPRISE_URN}:department"


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a store is; a user in ``members`` is one event of the group each."""

    events: int
    users: int
    members: int


@dataclass(frozen=True, slots=True)
class Store:
    """A filled store: its service, the realm's cause, and the ids a question may name."""

    service: Service
    cause: Cause
    shape: Shape
    users: Sequence[str]
    group: str

    @property
    def file(self) -> Path:
        file = self.service.database.file
        assert file is not None
        return file


@contextmanager
def store_at(folder: Path, shape: Shape, seconds: float = float("inf")) -> Iterator[Store | None]:
    """Open the store of a shape, filled first; ``None`` where the seconds did not suffice."""
    name = f"audit-{shape.events}"
    with service_at(f"sqlite:///{folder / name}.db", folder / f"{name}.key") as service:
        yield _filled(service, shape, time.monotonic() + seconds)


def _filled(service: Service, shape: Shape, deadline: float) -> Store | None:
    ticks = iter(range(_EPOCH + _count(service) * _SECOND, 2**62, _SECOND))
    service.log.clock = lambda: next(ticks)
    if not _count(service):
        create_realm(OPERATOR, service.log, REALM)
    cause = cause_in(service, REALM)
    users = _ids(service, cause, USER.name)
    if len(users) < shape.users:
        say(f"audit: {shape.users:,} users")
        fill_users(service, cause, Directory(), shape.users)
        users = _ids(service, cause, USER.name)
    groups = _ids(service, cause, GROUP.name)
    group = groups[0] if groups else _fill_group(service, cause, users[: shape.members])
    known = _count(service)
    while known < shape.events and time.monotonic() < deadline:
        known += _change(service, cause, users, known, min(AT_ONCE, shape.events - known))
        if known % 50_000 < AT_ONCE:
            say(f"audit: {known:,} of {shape.events:,} events")
    for following in followings_of(service):
        while time.monotonic() < deadline and following.step():
            pass
    if time.monotonic() >= deadline:
        return None
    as_autovacuum_would(service)
    return Store(service, cause, shape, users, group)


def _count(service: Service) -> int:
    with service.database.reading() as connection:
        return connection.scalar(select(func.max(events.c.position))) or 0


def _ids(service: Service, cause: Cause, kind: str) -> list[str]:
    wanted = (
        select(streams.c.id)
        .where(streams.c.realm == cause.realm, streams.c.type == kind)
        .order_by(streams.c.id)
    )
    with service.database.reading() as connection:
        return list(connection.scalars(wanted))


def _fill_group(service: Service, cause: Cause, members: Sequence[str]) -> str:
    """A group whose members joined one by one."""
    say(f"audit: a group of {len(members):,}, one event each")
    group = service.log.new_id()
    with service.log.transaction(cause) as work:
        work.append(group, GROUP.name, [Group.Created({"displayName": "everybody"})])
    for start in range(0, len(members), AT_ONCE):
        some = members[start : start + AT_ONCE]
        with service.log.transaction(cause) as work:
            work.lock(written=[group])
            work.members.add(group, dict.fromkeys(some, USER.name))
            work.append(group, GROUP.name, [Group.MembersAdded((id_,)) for id_ in some])
    return group


def _change(service: Service, cause: Cause, users: Sequence[str], number: int, count: int) -> int:
    """Change so many users, the next ones in turn, or one user as often."""
    turn = number // AT_ONCE
    actor = Actor("client", CLIENTS[turn % len(CLIENTS)], f"token-{turn % 7}")
    own = replace(
        cause, actor=actor, correlation_id=f"{turn:032x}", operation="PATCH /Users",
        source_address="192.0.2.7", user_agent="bench",
    )  # fmt: skip
    busy = turn % BUSY_SHARE == 0
    some = [users[0 if busy else (number + place) % len(users)] for place in range(count)]
    with service.log.transaction(own) as work:
        work.lock(written=set(some))
        for place, id_ in enumerate(some):
            path = DEPARTMENT if place % 4 == 0 else "title"
            change = Change(f"{path[-5:]} {number + place - 1}", f"{path[-5:]} {number + place}")
            work.append(id_, USER.name, [User.AttributesChanged({path: change})])
    return count
