"""Houses whose log is audited, and a second opinion on what the audit log says.

The opinion is worked out from the states that the events leave, without looking at how the read
model is written or asked.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastapi.testclient import TestClient

from api.app import create_app
from api.composition import Service
from api.settings import Settings
from domain.cause import Actor, Cause
from domain.document import changes_between
from domain.events import RecordedEvent
from domain.group import Group
from domain.handlers.realms import change_realm, issue_token
from domain.realm import Realm
from domain.user import User
from projections.audit import Conditions
from projections.audit.g1 import AuditG1
from projections.followers.following import Following
from replay.history import AuditLog, Between
from tests.engines import Engine
from tests.houses import KEY, House, opened_house
from tests.projections.followed import following

SCOPES = ("scim.read", "scim.write", "audit.read")
ACTORS = ("scim", "hr", "SCIM")


class BusyHouse(House):
    """A house where three clients write in turn."""

    def cause(self, slug: str = "acme", *, correlation: str = "c" * 32) -> Cause:
        number = int(correlation, 16) if correlation.isdigit() else 0
        actor = Actor("client", ACTORS[number % 3], f"token {number % 2}")
        return Cause(
            self.realms[slug], actor, correlation, "PATCH /Users", "192.0.2.7", "agent", "a@1"
        )


@contextmanager
def busy_house(engine: Engine, slugs: Sequence[str]) -> Iterator[tuple[BusyHouse, Following]]:
    """Open a house with an audit follower that has not run yet."""
    with opened_house(engine, slugs=slugs) as house:
        yield BusyHouse(house.engine, house.log, house.realms), following(house.log, AuditG1())


@dataclass
class Said:
    """An event as a witness remembers it."""

    position: int
    recorded: RecordedEvent[Any]
    kind: str
    name: str | None
    changes: Mapping[str, Any]

    @property
    def attributes(self) -> set[str]:
        topic = self.recorded.event.topic
        if topic in ("group.members-added", "group.members-removed"):
            return {"members"}
        found = set()
        for path in self.changes:
            found.add(path.lower())
            if path.startswith("urn:"):
                urn, _, rest = path.lower().rpartition(":")
                found |= {urn, f"{urn}:{rest.split('.')[0]}"}
            else:
                found.add(path.lower().split(".")[0])
        return found

    def meets(self, wanted: Conditions) -> bool:
        cause = self.recorded.cause
        facts: list[tuple[Any, Any]] = [
            (wanted.resource_type, self.kind),
            (wanted.resource_id, self.recorded.stream_id),
            (wanted.actor, cause.actor.id),
            (wanted.action, self.recorded.event.topic),
            (wanted.correlation_id, cause.correlation_id),
        ]
        same = all(asked is None or asked == fact for asked, fact in facts)
        return same and (wanted.attribute is None or wanted.attribute in self.attributes)


def witnessed(house: House, slug: str) -> list[Said]:
    """Return what every event of a realm says, newest first."""
    states: dict[str, Any] = {}
    found = []
    for position, recorded in house.log.events.read(0, 1_000_000):
        if recorded.cause.realm != house.realms[slug]:
            continue
        kind = recorded.event.topic.split(".")[0]
        aggregate: Any = {"user": User, "group": Group, "realm": Realm}[kind]
        before = states.get(recorded.stream_id)
        after = states[recorded.stream_id] = aggregate.evolve(before, recorded.event)
        if kind == "realm":
            name = after.slug
            changes: Any = {_camel(path): None for path in recorded.event.parts()[0]}
        else:
            name = after.document.get("displayName") or after.document.get("userName")
            said_before = before.document if before and not before.deleted else {}
            changes = {} if after.deleted else changes_between(said_before, after.document)
        found.append(Said(position, recorded, kind.capitalize(), name, changes))
    return found[::-1]


@dataclass
class Auditor:
    """Asks a house by HTTP, with a token of each of its realms."""

    house: BusyHouse
    follower: Following
    client: TestClient
    tokens: Mapping[str, str]

    def get(self, path: str, slug: str = "acme", method: str = "GET") -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[slug]}"}
        return self.client.request(method, f"/realms/{slug}/audit/v1{path}", headers=headers)

    def all_pages(self, query: str, slug: str = "acme") -> list[dict[str, Any]]:
        found, cursor = [], ""
        while True:
            answer = self.get(f"/events?{query}{cursor}", slug)
            assert answer.status_code == 200, answer.text
            body = answer.json()
            found += body["events"]
            if body["nextCursor"] is None:
                return found
            cursor = f"&cursor={body['nextCursor']}"


@contextmanager
def auditing(engine: Engine, slugs: Sequence[str] = ("acme", "other")) -> Iterator[Auditor]:
    """Serve a house whose audit follower has not run yet."""
    with busy_house(engine, slugs) as (house, follower):
        tokens = {}
        for slug in slugs:
            change_realm(house.cause(slug), house.log, lambda r: r.add_client("auditor", SCOPES))
            _, tokens[slug], _ = issue_token(house.cause(slug), house.log, "auditor", days=1)
        service = Service(Settings(), house.database, house.log.registry, KEY, house.log)
        with TestClient(create_app(service), raise_server_exceptions=False) as client:
            yield Auditor(house, follower, client, tokens)


def _camel(name: str) -> str:
    return name.title().replace("_", "")[:1].lower() + name.title().replace("_", "")[1:]


def asked(
    house: House, slug: str, wanted: Conditions, count: int = 3, span: Between | None = None
) -> list[dict[str, Any]]:
    """Return everything that meets the conditions, page by page."""
    audit_log = AuditLog(house.log, house.realms[slug])
    span = span or Between(0, house.database.safe_head())
    found: list[dict[str, Any]] = []
    before = None
    while True:
        page = audit_log.page(wanted, span, count, before)
        assert len(page.events) <= count
        found += page.events
        if page.rest_before is None:
            return found
        assert page.events, "a page that promises more is never empty"
        before = page.rest_before
