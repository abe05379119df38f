"""Asking for the whole directory of then: pages, bad input, and what it may cost others."""

from typing import Any

import pytest

from domain.instants import instant
from replay import directory_then
from tests.audited import Auditor, auditing
from tests.engines import Engine
from tests.properties.histories import Player

STORY: list[Any] = [
    ("acme", ("create user", {"userName": f"user-{number}", "title": "x"})) for number in range(7)
]
CURSOR = "the cursor is malformed or belongs to another realm or query"


def at(auditor: Auditor) -> str:
    return instant(auditor.house.events()[-1].recorded_at)


def names(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["userName"] for each in answer.json()["resources"]]


def test_pages_are_of_one_moment_whatever_is_recorded_meanwhile(engine: Engine) -> None:
    with auditing(engine) as auditor:
        player = Player(auditor.house)
        player.play(STORY)
        then = at(auditor)
        first = auditor.get(f"/Users?at={then}&count=3")
        player.play([("acme", ("delete", 5)), ("acme", ("create user", {"userName": "late"}))])
        cursor = first.json()["nextCursor"]
        rest = auditor.get(f"/Users?at={then}&count=9&cursor={cursor}")
    assert names(first) + names(rest) == [f"user-{number}" for number in range(7)]
    assert rest.json()["nextCursor"] is None
    assert rest.json()["position"] == first.json()["position"]
    assert rest.json()["at"] == then


def test_a_filter_that_meets_few_gives_pages_that_end_early_and_go_on(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_then, "_PIECE", 2)
    monkeypatch.setattr(directory_then, "PAGE_EFFORT", 3)
    with auditing(engine) as auditor:
        Player(auditor.house).play(STORY)
        query = f"/Users?at={at(auditor)}&filter=userName eq %22user-6%22"
        answer, pages = auditor.get(query), 1
        found = names(answer)
        while cursor := answer.json()["nextCursor"]:
            answer, pages = auditor.get(f"{query}&cursor={cursor}"), pages + 1
            found += names(answer)
    assert found == ["user-6"]
    assert pages > 1


def test_a_page_of_large_resources_ends_early(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory_then, "PAGE_BYTES", 1)
    with auditing(engine) as auditor:
        Player(auditor.house).play(STORY)
        answer = auditor.get(f"/Users?at={at(auditor)}")
    assert names(answer) == ["user-0"]
    assert answer.json()["nextCursor"] is not None


def test_nobody_was_there_before_the_first_and_other_realms_stay_unseen(engine: Engine) -> None:
    with auditing(engine) as auditor:
        Player(auditor.house).play(STORY)
        before = auditor.get("/Users?at=2001-01-01T00:00:00Z")
        other = auditor.get(f"/Users?at={at(auditor)}", "other")
    assert names(before) == names(other) == []
    assert before.json()["nextCursor"] is other.json()["nextCursor"] is None


def test_a_cursor_is_good_for_its_realm_and_query_alone(engine: Engine) -> None:
    with auditing(engine) as auditor:
        Player(auditor.house).play(STORY)
        then = at(auditor)
        cursor = auditor.get(f"/Users?at={then}&count=2").json()["nextCursor"]
        refused = [
            auditor.get(f"/Users?at={then}&cursor={cursor}", "other"),
            auditor.get(f"/Groups?at={then}&cursor={cursor}"),
            auditor.get(f"/Users?at={then}&derived=true&cursor={cursor}"),
            auditor.get(f"/Users?at={then}&filter=title pr&cursor={cursor}"),
            auditor.get(f"/Users?at=2026-01-01T00:00:00Z&cursor={cursor}"),
            auditor.get(f"/events?cursor={cursor}"),
            *(
                auditor.get(f"/Users?at={then}&cursor={bad}")
                for bad in ("", "x", "%00", "%C3%A9.%C3%A9", "A" * 5_000)
            ),
        ]
    for answer in refused:
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidCursor")
        assert answer.json()["detail"].startswith(CURSOR)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "at is missing"),
        ("?at=2026-03-03T12:00:00", "at has no time zone"),
        ("?at=2999-03-03T12:00:00Z", "at lies in the future"),
        ("?at=soon", "at is no instant"),
        ("?at=2026-03-03T12:00:00Z&at=2026-03-03T12:00:00Z", "2 times"),
        ("?at=2026-03-03T12:00:00Z&count=0", "count is a whole number"),
        ("?at=2026-03-03T12:00:00Z&derived=yes", "derived is true or false"),
        ("?at=2026-03-03T12:00:00Z&version=1", "version is no parameter here"),
        ("?at=2026-03-03T12:00:00Z&Filter=title pr", "Filter is no parameter here"),
        ("?at=2026-03-03T12:00:00Z&filter=title", "the filter cannot be read"),
        ("?at=2026-03-03T12:00:00Z&filter=shoeSize pr", 'has no attribute "shoeSize"'),
        ("?at=2026-03-03T12:00:00Z&filter=password pr", "password"),
        ("?at=2026-03-03T12:00:00Z&filter=" + "(" * 30 + "title pr" + ")" * 30, "nests deeper"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_error(engine: Engine, query: str, words: str) -> None:
    with auditing(engine) as auditor:
        before = auditor.house.rows()
        answer = auditor.get(f"/Users{query}")
        after = auditor.house.rows()
    assert answer.status_code == 400, answer.text
    assert words in answer.json()["detail"]
    assert before == after


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/Users", "/Groups"])
def test_the_past_cannot_be_written_to(engine: Engine, method: str, path: str) -> None:
    with auditing(engine) as auditor:
        assert auditor.get(path, method=method).status_code == 405
