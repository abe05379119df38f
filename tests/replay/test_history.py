"""The audit interface: what happened, by HTTP (ADR 0014; ABUSE C, L)."""

import threading
from typing import Any

import pytest

from domain.instants import instant
from projections.audit import keys
from projections.audit.g1 import AuditG1, audit
from projections.engines.backend import WAIT_SECONDS
from projections.tables import events
from replay import difference
from tests.audited import Auditor, auditing
from tests.engines import Engine
from tests.projections.commands import add_members, new_group, new_user
from tests.properties.histories import Player
from tests.properties.test_audit import STORY

CURSOR = "the cursor is malformed or belongs to another realm or query"


def told(auditor: Auditor) -> list[Any]:
    Player(auditor.house).play(STORY)
    return auditor.all_pages("count=1000")


def test_an_event_says_who_did_what_from_where_and_to_whom(engine: Engine) -> None:
    with auditing(engine) as auditor:
        Player(auditor.house).play(STORY)
        [ann] = auditor.all_pages("action=user.created&attribute=title")
        [left] = auditor.all_pages("action=group.members-removed&actor=scim&count=1")[-1:]
    assert ann | {"position": 0, "recordedAt": "", "resourceId": "", "changes": []} == {
        "position": 0,
        "recordedAt": "",
        "action": "user.created",
        "operation": "PATCH /Users",
        "resourceType": "User",
        "resourceId": "",
        "resourceName": "Ann",
        "version": 1,
        "actor": {"kind": "client", "id": "scim", "tokenId": "token 0"},
        "sourceAddress": "192.0.2.7",
        "userAgent": "agent",
        "correlationId": "0" * 32,
        "causationId": "a@1",
        "changes": [],
        "membersAdded": [],
        "membersRemoved": [],
        "warnings": [],
    }
    assert {"path": "title", "before": None, "after": "x"} in ann["changes"]
    assert left["membersAdded"] == []
    assert [each["display"] for each in left["membersRemoved"]] == [None], "bob has no displayName"


def test_members_have_the_names_of_that_time_even_where_they_were_deleted(engine: Engine) -> None:
    with auditing(engine) as auditor:
        told(auditor)
        joined = auditor.all_pages("action=group.members-added")
        left = auditor.all_pages("action=group.members-removed&attribute=members")
    names = {each["display"] for event in joined for each in event["membersAdded"]}
    assert "Ann" in names
    assert "Anna" not in names
    assert "Anna" in {each["display"] for event in left for each in event["membersRemoved"]}


def test_an_attribute_is_found_by_each_of_its_spellings(engine: Engine) -> None:
    with auditing(engine) as auditor:
        told(auditor)
        for follows in (False, True):
            if follows:
                auditor.follower.catch_up()
            same = [
                auditor.all_pages(f"attribute={name}")
                for name in ("name.givenName", "NAME.givenname", "name")
            ]
            assert [len(found) for found in same] == [2, 2, 2]
            urn = "urn:ietf:params:scim:schemas:core:2.0:User:userName"
            assert auditor.all_pages(f"attribute={urn}") == auditor.all_pages("attribute=username")
            assert len(auditor.all_pages("attribute=clientId&resourceType=Realm")) > 2


def test_never_stale_whether_the_follower_ran_lags_or_has_parked(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(self: AuditG1, connection: Any, found: Any) -> None:
        if any(each.recorded.event.topic == "group.created" for each in found):
            raise ValueError("cannot take it")
        project(self, connection, found)

    project = AuditG1.project
    with auditing(engine) as auditor:
        never = told(auditor)
        with monkeypatch.context() as patched:
            patched.setattr(AuditG1, "project", fails)
            auditor.follower.catch_up()
        with auditor.house.database.reading() as connection:
            parked = auditor.follower.checkpoint.parked(connection)
        assert {each.topic for each in parked} >= {"group.created", "group.members-added"}
        for count in (1, 2, 7, 1000):
            assert auditor.all_pages(f"count={count}") == never
        counted = auditor.get("/summary?by=action").json()
        assert counted["totalEvents"] == len(never)
        assert auditor.follower.retry_parked().left == 0
        assert auditor.all_pages("count=2") == never
        assert auditor.get("/summary?by=action").json() == counted


def test_sabotage_without_the_rest_of_the_log_an_answer_is_stale(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.audit.reading.untaken", lambda *_: iter(()))
    with auditing(engine) as auditor:
        assert told(auditor) == []


def test_pages_have_no_gaps_and_no_doubles_while_others_write(engine: Engine) -> None:
    with auditing(engine) as auditor:
        for number in range(40):
            new_user(auditor.house, f"before {number}")
        stop, failures = threading.Event(), list[BaseException]()

        def write(name: str) -> None:
            number = 0
            try:
                while not stop.is_set():
                    new_user(auditor.house, f"{name} {number}")
                    auditor.follower.step()
                    number += 1
            except BaseException as failure:  # noqa: BLE001  # told to the test below
                failures.append(failure)

        writers = [threading.Thread(target=write, args=(name,)) for name in ("x", "y")]
        for writer in writers:
            writer.start()
        walks = [auditor.all_pages("count=7&action=user.created") for _ in range(4)]
        stop.set()
        for writer in writers:
            writer.join(WAIT_SECONDS * 10)
        assert not failures
        whole = [e["position"] for e in auditor.all_pages("count=1000&action=user.created")]
    for walk in walks:
        found = [event["position"] for event in walk]
        assert found == whole[whole.index(found[0]) :]


@pytest.mark.parametrize("follows", [False, True])
def test_a_large_page_ends_early_and_the_next_goes_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, follows: bool
) -> None:
    with auditing(engine) as auditor:
        whole = told(auditor)
        if follows:
            auditor.follower.catch_up()
        monkeypatch.setattr("projections.audit.reading.PAGE_BYTES", 2_000)
        assert len(auditor.get("/events?count=1000").json()["events"]) < 8
        assert auditor.all_pages("count=1000") == whole
        monkeypatch.setattr("projections.audit.reading.PAGE_BYTES", 1)
        assert auditor.all_pages("count=3") == whole


def test_a_cursor_is_good_for_its_realm_and_query_alone(engine: Engine) -> None:
    with auditing(engine) as auditor:
        told(auditor)
        cursor = auditor.get("/events?count=1&action=user.created").json()["nextCursor"]
        good = auditor.get(f"/events?count=5&action=user.created&cursor={cursor}")
        other = [
            auditor.get(f"/events?count=2&action=user.created&cursor={cursor}", "other"),
            auditor.get(f"/events?count=2&cursor={cursor}"),
            auditor.get(f"/events?action=user.renamed&cursor={cursor}"),
            auditor.get(f"/events?action=user.created&actor=scim&cursor={cursor}"),
            auditor.get(f"/events?action=user.created&cursor={'B' if cursor[0] == 'A' else 'A'}"),
            auditor.get(f"/events?action=user.created&cursor=B{cursor[1:]}"),
            *(
                auditor.get(f"/events?action=user.created&cursor={bad}")
                for bad in ("", "x", "%00", "%F0%9F%98%80", "A" * 5_000, "=" * 9)
            ),
        ]
    assert good.status_code == 200
    assert len(good.json()["events"]) > 0
    for answer in other:
        assert answer.status_code == 400
        assert answer.json()["scimType"] == "invalidCursor"
        assert answer.json()["detail"].startswith(CURSOR)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/events?from=2026-03-03T12:00:00", "from has no time zone"),
        ("/events?to=2999-03-03T12:00:00Z", "to lies in the future"),
        ("/events?to=soon", "to is no instant"),
        ("/events?from=2026-03-04T12:00:00Z&to=2026-03-03T12:00:00Z", "from lies after to"),
        ("/events?count=0", "count is a whole number"),
        ("/events?count=-1", "count is a whole number"),
        ("/events?count=ten", "count is a whole number"),
        ("/events?count=1&count=2", "2 times"),
        ("/events?action=user.exploded", "action is one of user.created"),
        ("/events?resourceType=Robot", "resourceType is one of Group, Realm, User"),
        ("/events?resourceId=x", "resourceId is no id"),
        ("/events?attribute=shoeSize", "attribute names none"),
        ("/events?attribute=password", "attribute names none"),
        ("/events?actor=", "actor is 1 to 256"),
        ("/events?actor=a%00b", "actor is 1 to 256"),
        ("/events?correlationId=" + "a" * 300, "correlationId is 1 to 256"),
        ("/events?resourceID=x", "resourceID is no parameter here"),
        ("/diff", "from is missing"),
        ("/diff?from=2026-03-04T12:00:00Z&to=2026-03-03T12:00:00Z", "from lies after to"),
        ("/summary?by=hour", "by is one of day, action, client"),
    ],
)
def test_what_cannot_be_asked_is_one_clear_error(engine: Engine, path: str, words: str) -> None:
    with auditing(engine, ("acme",)) as auditor:
        answer = auditor.get(path)
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["detail"]


def test_ranges_that_meet_share_no_event_and_leave_none_out(engine: Engine) -> None:
    with auditing(engine) as auditor:
        whole = told(auditor)
        middle = whole[len(whole) // 2]["recordedAt"]
        early, late = (auditor.all_pages(f"{name}={middle}") for name in ("to", "from"))
        ends = auditor.get(f"/events?count=5000&to={whole[0]['recordedAt']}").json()["events"]
    assert late + early == whole
    assert middle in {event["recordedAt"] for event in early}
    assert ends == whole


def test_l6_nothing_of_another_realm_is_ever_in_an_answer(engine: Engine) -> None:
    canary = "canary-5e2f"
    with auditing(engine) as auditor:
        foreign = new_user(auditor.house, canary, "other")
        own = new_user(auditor.house, "ann")
        new_group(auditor.house, f"{canary}-group", [foreign], "other")
        add_members(auditor.house, new_group(auditor.house, "team"), own, foreign)
        [correlation] = {"c" * 32}
        for _ in range(2):
            answers = [
                auditor.get(f"/events?{query}")
                for query in (
                    "",
                    f"resourceId={foreign}",
                    f"correlationId={correlation}",
                    "actor=scim",
                    "attribute=userName",
                    "attribute=members",
                    f"resourceId={foreign}&action=user.created",
                )
            ]
            answers += [auditor.get("/diff?from=2020-01-01T00:00:00Z"), auditor.get("/summary")]
            for answer in answers:
                assert answer.status_code == 200
                assert canary not in answer.text
                assert foreign not in answer.text
            mine = auditor.get(f"/events?resourceId={own}").json()["events"]
            assert {event["resourceId"] for event in mine} == {own}
            auditor.follower.catch_up()


def test_l2_no_secret_is_in_any_answer(engine: Engine) -> None:
    with auditing(engine) as auditor:
        told(auditor)
        texts = [
            auditor.get(path).text
            for path in ("/events?count=1000", "/diff?from=2020-01-01T00:00:00Z", "/summary")
        ]
        issued = auditor.all_pages("action=realm.token-issued")
        hashes = [row[5] for row in auditor.house.rows()["credentials"]]
    assert len(issued) == 1
    named = {change["path"] for change in issued[0]["changes"]}
    assert named == {"clientId", "tokenId", "scopes", "expiresAt"}
    for secret in [*auditor.tokens.values(), *hashes]:
        assert all(str(secret) not in text for text in texts)


def test_l7_nothing_changes_or_deletes_what_was_audited(engine: Engine) -> None:
    with auditing(engine) as auditor:
        before = told(auditor)
        for path in ("/events", "/diff", "/summary"):
            for method in ("POST", "PUT", "PATCH", "DELETE"):
                answer = auditor.get(path, method=method)
                assert answer.status_code == 405
                assert answer.headers["allow"] in ("GET", "GET, HEAD")
        assert auditor.get(f"/events/{before[0]['position']}", method="DELETE").status_code == 404
        assert auditor.all_pages("count=1000") == before


def test_a_difference_too_large_for_an_answer_says_what_to_do(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with auditing(engine) as auditor:
        told(auditor)
        path = "/diff?from=2020-01-01T00:00:00Z"
        assert auditor.get(path).status_code == 200
        for name, limit in (("MAX_EVENTS", 5), ("MAX_MEMBERS", 1)):
            with monkeypatch.context() as patched:
                patched.setattr(difference, name, limit)
                answer = auditor.get(path)
            assert (answer.status_code, answer.json()["scimType"]) == (400, "tooMany")
            assert "narrow the range" in answer.json()["detail"]


def test_a_difference_is_net(engine: Engine) -> None:
    with auditing(engine) as auditor:
        Player(auditor.house).play(STORY[:7])
        middle = instant(auditor.house.events()[-1].recorded_at)
        played = Player(auditor.house)
        played.ids = {"acme": [], "other": []}
        played.play(
            [("acme", ("create user", {"userName": "short lived"})), ("acme", ("delete", 0))]
        )
        nothing = auditor.get(f"/diff?from={middle}").json()
        whole = auditor.get("/diff?from=2020-01-01T00:00:00Z").json()
    assert nothing["uptoPosition"] > nothing["afterPosition"]
    lists = ("created", "changed", "deleted", "joined", "left")
    assert [nothing[name] for name in lists] == [[]] * 5
    assert [each["resourceName"] for each in whole["created"]] == ["Anna", "bob", "x", "Y"]
    assert {(each["groupName"], each["display"]) for each in whole["joined"]} == {
        ("x", "Anna"),
        ("Y", "Anna"),
        ("Y", "x"),
    }


def test_a_summary_counts_every_event_once(engine: Engine) -> None:
    with auditing(engine) as auditor:
        whole = told(auditor)
        for _ in range(2):
            by = {
                name: auditor.get(f"/summary?by={name}").json()
                for name in ("day", "action", "client")
            }
            assert {found["totalEvents"] for found in by.values()} == {len(whole)}
            for event in whole:
                assert event["recordedAt"][:10] in [e["day"] for e in by["day"]["counts"]]
            for counted in by["action"]["counts"]:
                same = [e for e in whole if e["action"] == counted["action"]]
                assert counted["events"] == len(same)
            for counted in by["client"]["counts"]:
                same = [
                    e
                    for e in whole
                    if (e["actor"]["kind"], e["actor"]["id"])
                    == (counted["client"]["kind"], counted["client"]["id"])
                ]
                assert counted["events"] == len(same)
            auditor.follower.catch_up()


def test_values_stand_in_the_events_alone(engine: Engine) -> None:
    with auditing(engine) as auditor:
        told(auditor)
        auditor.follower.catch_up()
        rows = {n: r for n, r in auditor.house.rows().items() if n.startswith("audit_")}
    assert len(rows) == 3
    assert "Bob" not in repr(rows), "a given name"
    assert "title" in repr(rows)
    assert set(audit.c.keys()) & set(events.c.keys()) <= {
        "realm",
        "position",
        "recorded_at",
        "correlation_id",
    }


def test_an_attribute_that_is_never_recorded_has_no_key() -> None:
    assert keys.key_of_attribute("EMAILS.value") == "emails"
    assert [keys.key_of_attribute(name) for name in ("groups", "id", "password")] == [None] * 3
