"""The directory at an instant is what the live lists answered then, filter by filter (ADR 0020)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.instants import instant
from projections.scratch import Scratch
from replay import directory_then
from replay.refill import refill
from tests.engines import Engine
from tests.properties.histories import SLUGS, Player, histories
from tests.properties.test_filters import group_filters, user_filters
from tests.properties.test_past import Witness, witnessed

NOBODY = "00000000-0000-7000-8000-000000000000"
OFTEN = {
    "Users": [
        None,
        'userName eq "ann"',
        'userName sw "S" or title pr',
        "active eq true",
        'emails[type eq "work" and value co "X"]',
        'not (displayName eq "y")',
        'department eq "x" or manager eq "Y"',
        'groups.value eq "GROUP"',
        "not (groups pr)",
        'id gt "USER" and meta.resourceType eq "User"',
    ],
    "Groups": [
        None,
        'displayName eq "ANN"',
        "externalId pr",
        'members.value eq "USER"',
        'members[type eq "Group"]',
        "not (members pr)",
        'id le "GROUP"',
    ],
}
"""USER and GROUP stand for ids that the realm has."""
LIVE, PLAIN = "", "&excludedAttributes=groups,members.display"


@dataclass
class Listed:
    """What a live list said, and when."""

    slug: str
    kind: str
    filter: str | None
    at: str
    status: int
    told: list[bytes]
    """With what other resources decide, and without; the detail where the filter was refused."""

    def query(self) -> str:
        asked = "" if self.filter is None else f"&filter={quote(self.filter)}"
        return f"?at={self.at}{asked}"


def resources_in(body: bytes) -> bytes:
    """The resources of an answer, as they stand there."""
    _, found, rest = body.partition(b'"Resources":[')
    if found:
        return rest.removesuffix(b"]}")
    _, _, rest = body.partition(b'"resources":[')
    return rest.rpartition(b'],"nextCursor":')[0]


@dataclass
class Lister:
    """Lists everything after every step, and remembers the answers."""

    witness: Witness
    filters: dict[str, list[str]]
    listed: list[Listed] = field(default_factory=list)

    def look(self, slug: str, ids: list[tuple[str, str]]) -> None:
        at = instant(self.witness.house.events()[-1].recorded_at)
        for kind, always in OFTEN.items():
            for asked in (*always, *self.filters[kind]):
                self.listed.append(self._list(slug, kind, _named(asked, ids), at))

    def _list(self, slug: str, kind: str, asked: str | None, at: str) -> Listed:
        query = "" if asked is None else f"&filter={quote(asked)}"
        path = f"/scim/v2/{kind}?count=1000{query}"
        answers = [self.witness.get(slug, path + more) for more in (LIVE, PLAIN)]
        if answers[0].status_code != 200:
            detail = answers[0].json()["detail"].encode()
            return Listed(slug, kind, asked, at, answers[0].status_code, [detail])
        told = [resources_in(answer.content) for answer in answers]
        return Listed(slug, kind, asked, at, 200, told)

    def check(self, count: int) -> int:
        """Ask for every list again; return how many resources there were."""
        checked = 0
        for listed in self.listed:
            path = f"/audit/v1/{listed.kind}{listed.query()}"
            if listed.status != 200:
                answer = self.witness.get(listed.slug, path)
                assert answer.status_code == listed.status, (listed, answer.content)
                assert answer.json()["detail"].encode() == listed.told[0]
                continue
            for derived, wanted in zip(("true", "false"), listed.told, strict=True):
                found = self._pages(listed.slug, f"{path}&derived={derived}&count={count}")
                assert found == wanted, listed
            checked += wanted.count(b'"meta":{')
        return checked

    def _pages(self, slug: str, path: str) -> bytes:
        pages, cursor, positions = list[bytes](), "", set[int]()
        while True:
            answer = self.witness.get(slug, path + cursor)
            assert answer.status_code == 200, answer.content
            body = answer.json()
            pages.append(resources_in(answer.content))
            positions.add(body["position"])
            if body["nextCursor"] is None:
                assert len(positions) == 1
                return b",".join(page for page in pages if page)
            cursor = f"&cursor={body['nextCursor']}"


def _named(asked: str | None, ids: list[tuple[str, str]]) -> str | None:
    if asked is None:
        return None
    for kind in ("User", "Group"):
        known = [id_ for each, id_ in ids if each == kind]
        asked = asked.replace(kind.upper(), known[0] if known else NOBODY)
    return asked


@contextmanager
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look at two or three resources at a time, so that pieces and pages meet every edge."""
    with monkeypatch.context() as patched:
        patched.setattr(directory_then, "_PIECE", 3)
        patched.setattr(directory_then, "_PIECE_WITH_MEMBERS", 2)
        patched.setattr(directory_then, "_PIECE_EVENTS", 4)
        patched.setattr(directory_then, "PAGE_EFFORT", 5)
        yield


def check(engine: Engine, monkeypatch: pytest.MonkeyPatch, history: list[Any], filters: Any) -> int:
    with witnessed(engine) as witness:
        lister = Lister(witness, filters)
        player = Player(witness.house)
        for number, step in enumerate(history):
            player.play([step])
            if number % 3 == 2 or number == len(history) - 1:
                for slug in SLUGS:
                    lister.look(slug, player.ids[slug])
        checked = lister.check(1000)
        with small_pieces(monkeypatch):
            assert lister.check(2) == checked
        refill(witness.house.database, witness.house.log.registry, witness.house.log.events)
        assert lister.check(1000) == checked
        return checked


few = settings(
    max_examples=3,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
filters = st.fixed_dictionaries(
    {
        "Users": st.lists(user_filters, min_size=2, max_size=2),
        "Groups": st.lists(group_filters, min_size=1, max_size=1),
    }
)


def test_a_directory_then_is_what_the_lists_answered_then(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    @few
    @given(histories, filters)
    def holds(history: list[Any], asked: Any) -> None:
        check(engine, monkeypatch, history, asked)

    holds()


STORY: list[Any] = [
    ("acme", ("create user", {"userName": "ann", "displayName": "Ann", "active": True})),
    ("acme", ("create user", {"userName": "bob", "emails": [{"value": "x", "type": "work"}]})),
    ("acme", ("create group", {"displayName": "ann"}, ("add", [0, 1]))),
    ("other", ("create user", {"userName": "ann"})),
    ("acme", ("create group", {"displayName": "Y"}, ("add", [0, 2]))),
    ("acme", ("put user", 0, {"userName": "Stra\u00dfe", "displayName": "y"})),
    ("acme", ("patch group", 0, [], ("remove", [1]))),
    ("acme", ("delete", 0)),
    ("acme", ("create user", {"userName": "ann", "title": "x"})),
    ("acme", ("delete", 2)),
    ("acme", ("restore", 0)),
    ("acme", ("restore", 2)),
]
NONE: dict[str, list[str]] = {"Users": [], "Groups": []}


def test_a_story_is_listed_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(engine, monkeypatch, STORY, NONE) > 40


def test_a_twin_that_trusts_the_live_rows_is_found_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_then._Look, "_is_folded", lambda _self, _stream: False)
    with pytest.raises(AssertionError):
        check(engine, monkeypatch, STORY, NONE)


def test_a_twin_without_the_memberships_of_then_is_found_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Scratch.filled
    monkeypatch.setattr(
        Scratch, "filled", lambda self, events, realm, _: whole(self, events, realm)
    )
    with pytest.raises(AssertionError):
        check(engine, monkeypatch, STORY, NONE)
