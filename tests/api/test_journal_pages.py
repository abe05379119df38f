"""Asking the journal: filters, pages that stay, cursors that belong to one question."""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.instants import instant
from projections.journal.reading import Wanted, list_requests
from projections.journal.writing import write_entries
from tests.api.journaled import Journaled, journaled_on
from tests.engines import Engine
from tests.projections.journal_entries import BEGAN, entry

MINUTE = 60_000_000


@pytest.fixture(scope="module")
def journaled(engine: Engine) -> Iterator[Journaled]:
    """A hundred requests of a minute each, and some of another realm's."""
    with journaled_on(engine) as opened:
        realm, other = opened.house.realms["acme"], opened.house.realms["other"]
        entries = [
            entry(
                number,
                realm=other if number % 10 == 7 else realm,
                at=BEGAN + number // 2 * MINUTE,  # two at each instant
                client_id="hr" if number % 4 == 0 else "scim",
                method="PATCH" if number % 5 == 0 else "GET",
                status=404 if number % 25 == 0 else 200,
                resource_type="Group" if number % 3 == 0 else "User",
                resource_id=f"id-{number % 20}",
            )
            for number in range(100)
        ]
        with opened.house.database.writing_beside() as connection:
            write_entries(connection, entries, [])
            connection.commit()
        yield opened


def numbers(rows: list[dict[str, Any]]) -> list[int]:
    return [int(row["correlationId"], 16) for row in rows]


def expected(condition: Any) -> list[int]:
    return [n for n in reversed(range(100)) if n % 10 != 7 and condition(n)]


UP_TO = f"to={instant(BEGAN + 49 * MINUTE)}"


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("", lambda _: True),
        ("client=hr", lambda n: n % 4 == 0),
        ("client=nobody", lambda _: False),
        ("method=PATCH", lambda n: n % 5 == 0),
        ("status=404", lambda n: n % 25 == 0),
        ("status=200", lambda n: n % 25 != 0),
        ("status=failed", lambda n: n % 25 == 0),
        ("resourceType=Group", lambda n: n % 3 == 0),
        ("resourceId=id-4", lambda n: n % 20 == 4),
        ("resourceId=id-4&client=hr&method=GET", lambda n: n % 20 == 4 and n % 5 != 0),
        (f"correlationId={42:032x}", lambda n: n == 42),
        (f"from={instant(BEGAN + 40 * MINUTE)}", lambda n: n // 2 >= 40),
    ],
)
def test_every_question_is_answered_page_by_page(
    journaled: Journaled, query: str, condition: Any
) -> None:
    found: list[int] = []
    whole, cursor = f"?{query}&{UP_TO}&count=7", ""
    while True:
        answer = journaled.audit(whole + cursor).json()
        found += numbers(answer["requests"])
        if "nextCursor" not in answer:
            break
        assert len(answer["requests"]) == 7
        cursor = f"&cursor={answer['nextCursor']}"
    assert found == expected(condition)


def test_pages_stay_while_requests_come_in(journaled: Journaled) -> None:
    first = journaled.audit(f"?{UP_TO}&count=10").json()
    journaled.rows()
    later = entry(500, realm=journaled.house.realms["acme"], at=BEGAN + 49 * MINUTE + 1)
    with journaled.house.database.writing_beside() as connection:
        write_entries(connection, [later], [])
        connection.commit()
    second = journaled.audit(f"?{UP_TO}&count=10&cursor={first['nextCursor']}").json()
    found = numbers(first["requests"]) + numbers(second["requests"])
    assert found == expected(lambda _: True)[:20]


def test_a_cursor_belongs_to_one_realm_and_one_question(journaled: Journaled) -> None:
    cursor = journaled.audit(f"?{UP_TO}&count=5").json()["nextCursor"]
    assert journaled.audit(f"?{UP_TO}&count=9&cursor={cursor}").status_code == 200
    flipped = ("B" if cursor[0] == "A" else "A") + cursor[1:]
    for query, slug in (
        (f"?{UP_TO}&cursor={cursor}", "other"),
        (f"?{UP_TO}&status=404&cursor={cursor}", "acme"),
        (f"?cursor={cursor}", "acme"),
        (f"?{UP_TO}&cursor={flipped}", "acme"),
        (f"?{UP_TO}&cursor={cursor}x", "acme"),
        (f"?{UP_TO}&cursor=", "acme"),
        (f"?{UP_TO}&cursor=%C3%A9.%C3%A9", "acme"),
        (f"?{UP_TO}&cursor={'x' * 5_000}", "acme"),
    ):
        answer = journaled.audit(query, slug)
        assert answer.status_code == 400, query
        assert "cursor" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("from=yesterday", "from is no instant"),
        ("from=2026-03-03T12:00:00", "from has no time zone"),
        ("to=2999-03-03T12:00:00Z", "to lies in the future"),
        ("from=2026-03-04T12:00:00Z&to=2026-03-03T12:00:00Z", "from lies after to"),
        ("status=ok", "status is a whole number"),
        ("status=99", "status is a whole number"),
        ("status=600", "status is an HTTP status"),
        ("method=get", "method is one of"),
        ("resourceType=users", "resourceType is one of"),
        ("client=", "client is a text"),
        ("resourceId=%00", "resourceId is a text"),
        ("correlationId=" + "x" * 200, "correlationId is a text"),
        ("count=0", "count is a whole number"),
        ("count=many", "count is a whole number"),
        ("client=a&client=b", "2 times"),
    ],
)
def test_a_bad_parameter_is_one_clear_error(journaled: Journaled, query: str, words: str) -> None:
    answer = journaled.audit(f"?{query}")
    assert answer.status_code == 400
    assert words in answer.json()["detail"]
    assert answer.json()["scimType"] == "invalidValue"


def test_a_row_cannot_be_changed_by_any_route(journaled: Journaled) -> None:
    before = numbers(journaled.audit(f"?{UP_TO}").json()["requests"])
    headers = {"Authorization": f"Bearer {journaled.tokens['acme', 'auditor']}"}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for end in ("", f"/{42:032x}"):
            path = f"/realms/acme/audit/v1/requests{end}"
            answer = journaled.http.request(method, path, headers=headers)
            assert answer.status_code in (404, 405)
    assert numbers(journaled.audit(f"?{UP_TO}").json()["requests"]) == before


def test_a_database_finds_no_more_than_it_is_asked_for(journaled: Journaled) -> None:
    with journaled.house.database.reading() as connection:
        found = list_requests(connection, journaled.house.realms["acme"], Wanted(), 3)
        assert len(found) == 3
        assert list_requests(connection, "nowhere", Wanted(), 3) == []


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({}, "requests_pk"),
        ({"client_id": "hr"}, "requests_by_client"),
        ({"resource_id": "id-4"}, "requests_by_resource"),
        ({"failed": True}, "requests_failed"),
        ({"failed": True, "correlation_id": "x"}, "requests_by_correlation"),
    ],
)
def test_what_is_asked_often_is_found_by_an_index(
    journaled: Journaled, query: Any, index: str
) -> None:
    if journaled.house.engine.name == "postgresql":
        return  # its plan depends on how many rows there are; SQLite's on the statement alone
    with journaled.house.database.reading() as connection:
        asked: list[Any] = []
        realm = journaled.house.realms["acme"]

        class Noted:
            def execute(self, statement: Any) -> list[Any]:
                asked.append(statement)
                return []

        list_requests(Noted(), realm, Wanted(**query), 10)  # type: ignore[arg-type]
        compiled = asked[-1].compile(connection.engine, compile_kwargs={"render_postcompile": True})
        plan = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {compiled}",
            tuple(compiled.params[name] for name in compiled.positiontup),
        ).all()
    told = " ".join(str(step[3]) for step in plan)
    assert index.replace("requests_pk", "sqlite_autoindex_requests_1") in told, told
    assert "TEMP B-TREE" not in told, told
