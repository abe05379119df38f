"""Many want one name at once (ABUSE H1 to H3): one gets it, the others hear 409."""

from collections import Counter
from functools import partial

import pytest
from sqlalchemy import select

from projections.directory.g1.tables import users
from tests.abuse.evidence import Evidence
from tests.abuse.racing import ROUNDS, race, statuses
from tests.abuse.resources import assert_refused, created, group, replace, unique, user
from tests.engines import Engine
from tests.scim import Scim
from tests.serving import RunningServer

Side = tuple[Scim, Evidence]


@pytest.fixture(scope="module", params=["one worker", "two workers"])
def side(engine: Engine, request: pytest.FixtureRequest) -> Side:
    """A realm to race in, and what its database holds."""
    if request.param == "two workers":
        running: RunningServer = request.getfixturevalue("two_workers")
        return running.scim(), Evidence(running.database_url, "acme")
    return request.getfixturevalue("scim"), request.getfixturevalue("evidence")


def _spellings(name: str, *, mixed: bool) -> list[str]:
    return [name.upper() if mixed and number % 2 else name for number in range(50)]


@pytest.mark.parametrize("mixed", [False, True], ids=["same case", "25 in each case"])
def test_h1_fifty_creates_of_one_user_name(side: Side, mixed: bool) -> None:
    scim, evidence = side
    for _ in range(ROUNDS):
        name = unique("race")
        bodies = [user(userName=spelling) for spelling in _spellings(name, mixed=mixed)]
        with evidence.new_events(1):
            answers = race([partial(scim.post, "/Users", body) for body in bodies])
        assert statuses(answers) == {201: 1, 409: 49}
        for answer in answers:
            if answer.status == 409:
                assert_refused(answer, 409, "uniqueness")
        [winner] = [answer.json["id"] for answer in answers if answer.status == 201]
        assert evidence.owners("userName")[name] == winner
        rows = evidence.select(select(users.c.id).where(users.c.user_name_key == name))
        assert rows == [(winner,)]
    evidence.assert_consistent()


def test_h1_fifty_creates_of_one_group_name(side: Side) -> None:
    scim, evidence = side
    for _ in range(ROUNDS):
        name = unique("race")
        bodies = [group(displayName=spelling) for spelling in _spellings(name, mixed=True)]
        with evidence.new_events(1):
            answers = race([partial(scim.post, "/Groups", body) for body in bodies])
        assert statuses(answers) == {201: 1, 409: 49}
    evidence.assert_consistent()


def test_h2_a_name_is_free_exactly_when_its_owner_is_deleted(side: Side) -> None:
    scim, evidence = side
    for _ in range(ROUNDS):
        name = unique("race")
        first = created(scim, user(userName=name))["id"]
        writers = [partial(scim.post, "/Users", user(userName=name)) for _ in range(15)]
        writers.insert(7, partial(scim.delete, f"/Users/{first}"))
        answers = race(writers)
        counted = statuses(answers)
        assert counted[204] == 1
        assert counted[201] + counted[409] == 15
        assert counted[201] <= 1
        last = scim.post("/Users", user(userName=name))
        assert last.status == (409 if counted[201] else 201)
        _assert_one_at_a_time(evidence, name)
    evidence.assert_consistent()


def _assert_one_at_a_time(evidence: Evidence, name: str) -> None:
    """In the order of the log, the name is taken and given up in turns."""
    mine = [
        r.stream_id
        for r in evidence.events()
        if r.event.topic == "user.created" and r.event.document["userName"] == name
    ]
    turns = [
        r.event.topic
        for r in evidence.events()
        if r.stream_id in mine and r.event.topic in ("user.created", "user.deleted")
    ]
    assert turns == ["user.created", "user.deleted", "user.created"]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_h3_two_users_renamed_to_one_name(side: Side, method: str) -> None:
    scim, evidence = side
    for _ in range(ROUNDS):
        before = [created(scim, user(title="old")) for _ in range(2)]
        name = unique("race")
        body = replace("userName", name) if method == "PATCH" else user(userName=name, title="new")
        answers = race([partial(scim.send, method, f"/Users/{u['id']}", body) for u in before])
        assert statuses(answers) == {200: 1, 409: 1}
        for was, answer in zip(before, answers, strict=True):
            now = scim.get(f"/Users/{was['id']}").json
            if answer.status == 409:
                assert_refused(answer, 409, "uniqueness")
                assert now == was, "the loser was changed"
                assert evidence.topics(was["id"]) == ["user.created"]
            else:
                assert (now["userName"], now) == (name, answer.json)
                assert evidence.owners("userName")[name] == was["id"]
    evidence.assert_consistent()


def test_h3_two_users_that_swap_their_names_never_share_one(side: Side) -> None:
    scim, evidence = side
    for _ in range(ROUNDS):
        a, b = (created(scim, user()) for _ in range(2))
        answers = race(
            [
                partial(scim.patch, f"/Users/{a['id']}", replace("userName", b["userName"])),
                partial(scim.patch, f"/Users/{b['id']}", replace("userName", a["userName"])),
            ]
        )
        assert statuses(answers) == Counter({409: 2})
    evidence.assert_consistent()
