"""What stood at an instant beside what stands now: over HTTP, one connection, in turn."""

import http.client
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from sqlalchemy import bindparam, select

from domain.handlers.realms import change_realm, issue_token
from domain.instants import instant
from projections.tables import events

from .audit_store import Store
from .rounds import say
from .servers import REALM, served

SCOPES = ("scim.read", "scim.write", "audit.read")
TURNS = 61
CLIENT = "auditor"


@dataclass(slots=True)
class States:
    """Milliseconds: a user and the large group, at an instant and now."""

    members: int
    user: tuple[float, float] = (0.0, 0.0)
    group: tuple[float, float] = (0.0, 0.0)
    failures: list[str] = field(default_factory=list)


def instant_at(store: Store, share: float) -> str:
    """The instant of the event that stands so far into the log."""
    statement = select(events.c.recorded_at).where(events.c.position == bindparam("at"))
    with store.service.database.reading() as connection:
        at = connection.scalar(statement, {"at": int(store.shape.events * share)})
    return instant(at or 0)


def token_of(store: Store) -> str:
    """A token that may read, write and audit; its client is made where it is missing."""
    realm = store.service.log.realm(store.cause.realm).state
    if CLIENT not in realm.clients:
        change_realm(store.cause, store.service.log, lambda r: r.add_client(CLIENT, SCOPES))
    store.service.log.clock = lambda: time.time_ns() // 1000
    _, token, _ = issue_token(store.cause, store.service.log, CLIENT, days=3_650)
    return token


def measure_states(store: Store) -> States:
    """A user of some twenty events half-way through the log, and who was in the group then."""
    measured = States(store.shape.members)
    at, user, group = instant_at(store, 0.5), store.users[7], store.group
    headers = {"Authorization": f"Bearer {token_of(store)}"}
    with served(store.file.parent, store.file.stem) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port)

        def get(path: str) -> float:
            began = time.perf_counter()
            connection.request("GET", f"/realms/{REALM}{path}", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
            taken = (time.perf_counter() - began) * 1000
            if answer.status != 200:
                measured.failures.append(f"GET {path}: {answer.status} {body[:200]!r}")
            return taken

        def pair(then: str, now: str) -> tuple[float, float]:
            taken: Sequence[list[float]] = ([], [])
            for turn in range(TURNS):
                for place in (0, 1) if turn % 2 else (1, 0):
                    taken[place].append(get((then, now)[place]))
            return median(taken[0]), median(taken[1])

        measured.user = pair(f"/audit/v1/Users/{user}?at={at}", f"/scim/v2/Users/{user}")
        measured.group = pair(
            f"/audit/v1/Groups/{group}/members?at={at}", f"/scim/v2/Groups/{group}"
        )
        connection.close()
    say(f"audit: a user then {measured.user}, members then {measured.group}")
    return measured
