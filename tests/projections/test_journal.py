"""The journal's own side: batches, outages, bounds, and what is too old."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, NoReturn

import pytest
import structlog
from sqlalchemy import Connection, func, select

from domain.refusals import Unavailable
from projections.database import Database
from projections.followers.leader import Leader
from projections.journal import buffer, retention
from projections.journal.buffer import Journal
from projections.journal.reading import Wanted, list_gaps
from projections.journal.retention import Retention
from projections.journal.writing import write_entries
from projections.tables import request_gaps, requests
from tests.houses import House
from tests.projections.journal_entries import BEGAN, entry

A_DAY = 86_400_000_000
_moment = threading.Event()


def kept(house: House) -> list[int]:
    """Return the numbers of the entries that were written, oldest first."""
    with house.database.reading() as connection:
        found = connection.scalars(select(requests.c.correlation_id).order_by(requests.c.at))
        return [int(correlation, 16) for correlation in found]


@contextmanager
def gone(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Have the database gone for whoever writes beside the log; count who asks."""
    asked: list[int] = []

    def refuse(_self: Database) -> NoReturn:
        asked.append(1)
        raise Unavailable("the database is busy or gone; try again in a moment")

    with monkeypatch.context() as patched:
        patched.setattr(Database, "writing_beside", refuse)
        yield asked


@pytest.mark.parametrize("count", [0, 1, 7, 8, 63, 64, 65, 137, buffer.BATCH + 73])
def test_every_entry_is_written_once_in_few_statements(house: House, count: int) -> None:
    journal = Journal(house.database)
    for number in range(count):
        journal.append(entry(number))
    with house.statements() as seen:
        journal.flush()
    assert kept(house) == list(range(count))
    assert len(journal) == 0
    assert len(seen) <= 6 + count / 8 + 2 * 8, "a statement for each row"
    assert count or not seen


def test_what_was_committed_unnoticed_is_not_written_twice(house: House) -> None:
    entries = [entry(number) for number in range(100)]
    for _ in range(2):
        with house.database.writing_beside() as connection:
            write_entries(connection, entries, [])
            connection.commit()
    assert kept(house) == list(range(100))


def test_an_outage_loses_nothing_within_the_bound(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(house.database, bound=2_000)
    with gone(monkeypatch) as asked:
        for number in range(1_200):
            journal.append(entry(number))
            if number % 300 == 0:
                with pytest.raises(Unavailable):
                    journal.flush()
        assert asked, "the fault did not fire"
    assert kept(house) == []
    journal.flush()
    assert kept(house) == list(range(1_200))
    assert journal.dropped == 0


def test_beyond_the_bound_the_oldest_go_and_are_counted(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, now = Journal(house.database, bound=600, clock=lambda: now), 0.0
    with gone(monkeypatch), structlog.testing.capture_logs() as told:
        for number in range(3_000):
            journal.append(entry(number, slug="acme" if number % 2 else "other"))
            assert len(journal) <= 600
            if number % 100 == 99:
                journal._turn()
    drops = [line for line in told if line["event"] == "journal.dropped"]
    assert len(drops) == 1, "once a minute"
    assert len([line for line in told if line["event"] == "journal.waiting"]) == 1
    # A batch that was being written is not taken away again: it is of the oldest.
    now = 61.0
    with structlog.testing.capture_logs() as told:
        journal._turn()
    written = kept(house)
    assert written[-100:] == list(range(2_900, 3_000)), "the newest stay"
    assert len(written) + journal.dropped == 3_000
    assert sum(line["requests"] for line in [*drops, *told] if "requests" in line) == (
        journal.dropped
    )
    with house.database.reading() as connection:
        gaps = {
            slug: list_gaps(connection, house.realms[slug], Wanted()) for slug in ("acme", "other")
        }
        later = Wanted(from_at=BEGAN + 10_000)
        assert list_gaps(connection, house.realms["acme"], later) == []
    assert sum(gap.requests for of_realm in gaps.values() for gap in of_realm) == journal.dropped
    for [gap] in gaps.values():
        assert BEGAN <= gap.first_at < gap.last_at < BEGAN + 3_000


def test_a_flood_takes_bounded_memory(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(house.database, bound=500)
    with gone(monkeypatch):
        for number in range(20_000):
            journal.append(entry(number, slug=f"slug-{number}"))
    assert len(journal) == 500
    assert journal.dropped == 19_500
    assert len(journal._losses.gaps()) == 1_000, "a stranger may name as many realms as it likes"
    journal.flush()
    assert kept(house) == []
    assert not journal._losses


def test_an_entry_that_cannot_be_written_stops_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(connection: Connection, entries: Any, gaps: Any) -> None:
        if any(each.correlation_id == f"{5:032x}" for each in entries):
            raise ValueError("cannot be written")
        write_entries(connection, entries, gaps)

    monkeypatch.setattr(buffer, "write_entries", picky)
    journal = Journal(house.database)
    for number in range(10):
        journal.append(entry(number))
    journal.flush()
    assert kept(house) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
    assert journal.dropped == 1


def test_what_no_database_can_hold_is_replaced(house: House) -> None:
    journal = Journal(house.database)
    bad = "a\x00b\ud800c"
    journal.append(entry(1, detail=bad, resource_id=bad, user_agent=bad, scim_type=bad))
    journal.append(entry(2, client_id=None, claimed=bad))
    journal.flush()
    with house.database.reading() as connection:
        [row, other] = connection.execute(select(requests).order_by(requests.c.at))
    assert {row.detail, row.resource_id, row.user_agent, row.scim_type} == {"a�b�c"}
    assert other.client_id is None


def test_a_client_that_was_only_named_is_kept_where_the_realm_has_it(house: House) -> None:
    journal = Journal(house.database)
    for number, (slug, claimed) in enumerate(
        [("acme", "scim"), ("acme", "nobody"), ("nowhere", "scim"), ("other", "scim")]
    ):
        journal.append(entry(number, slug=slug, client_id=None, claimed=claimed))
    journal.flush()
    with house.database.reading() as connection:
        found = connection.execute(
            select(requests.c.realm, requests.c.client_id).order_by(requests.c.at)
        ).all()
    acme, other = house.realms["acme"], house.realms["other"]
    assert [tuple(row) for row in found] == [(acme, "scim"), (acme, None), (other, "scim")]


def wait_for(condition: Any) -> None:
    for _ in range(3_000):
        if condition():
            return
        _moment.wait(0.01)
    raise AssertionError("it never came to be")


def test_a_thread_writes_by_itself_and_at_the_end(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(house.database)
    journal.start()
    journal.append(entry(1))
    wait_for(lambda: kept(house) == [1])
    monkeypatch.setattr(buffer, "FLUSH_SECONDS", 1_000)
    wait_for(lambda: not journal._wake.is_set())
    for number in range(2, buffer.BATCH + 2):  # so many wake it
        journal.append(entry(number))
    wait_for(lambda: len(kept(house)) == buffer.BATCH + 1)
    journal.append(entry(9_999))
    journal.stop()
    assert kept(house)[-1] == 9_999
    assert journal._thread is not None
    assert not journal._thread.is_alive()


def test_what_cannot_be_written_at_the_end_is_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(house.database)
    journal.append(entry(1))
    with gone(monkeypatch), structlog.testing.capture_logs() as told:
        journal.stop()
    assert {"event": "journal.lost", "requests": 1, "log_level": "error"} in told


def test_no_reader_of_the_log_waits_for_the_journal(house: House) -> None:
    if house.database.backend.writers == 1:
        return  # where one writes at a time, a reader of the log takes no lock at all
    with house.database.writing_beside() as connection:
        write_entries(connection, [entry(1)], [])
        assert house.database.safe_head() > 0
        connection.commit()


def fill(house: House, ages: list[int]) -> None:
    """Write entries of so many days of age, at the instant BEGAN, in both realms."""
    entries = [
        entry(number, slug=slug, at=BEGAN - age * A_DAY - number)
        for slug in house.realms
        for number, age in enumerate(ages)
    ]
    with house.database.writing_beside() as connection:
        write_entries(connection, entries, [])
        connection.commit()


def count(house: House) -> int:
    with house.database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(requests)) or 0


def test_what_is_too_old_goes_in_small_batches(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    fill(house, [1, 89] + [91] * 34)
    now = 100.0
    step = Retention(house.database, 90, lambda: BEGAN, lambda: now).step
    left = [count(house)]
    for _ in range(20):
        step()
        step()  # not yet
        left.append(count(house))
        now += retention.PAUSE_SECONDS
    taken = [before - after for before, after in pairwise(left)]
    assert max(taken) == 10
    assert left[-1] == 2 * 2
    now += retention.IDLE_SECONDS
    fill(house, [91])
    step()
    assert count(house) <= 2 * 2 + 1


def test_keeping_nothing_deletes_what_was_kept(house: House) -> None:
    fill(house, [1, 2, 3])
    with house.database.writing_beside() as connection:
        connection.execute(
            request_gaps.insert(),
            [
                {"realm": r, "first_at": 1, "last_at": 2, "requests": 3, "noted_by": "x"}
                for r in house.realms.values()
            ],
        )
        connection.commit()
    now = 100.0
    retained = Retention(house.database, 0, lambda: BEGAN, lambda: now)
    for _ in house.realms:
        retained.step()
        now += retention.PAUSE_SECONDS
    assert house.rows()["requests"] == house.rows()["request_gaps"] == []


def test_only_the_leader_deletes_and_a_failing_chore_stops_no_follower(house: House) -> None:
    done: list[str] = []

    def fails() -> None:
        done.append("failed")
        raise ValueError("a defect")

    leaders = [Leader(house.database, lambda _pause: [], [fails, lambda: done.append("deleted")])]
    leaders.append(Leader(house.database, lambda _pause: [], [lambda: done.append("second")]))
    leaders[0].start()
    wait_for(lambda: done.count("deleted") > 1)
    leaders[1].start()
    mark = len(done)
    wait_for(lambda: len(done) > mark + 3)
    assert "second" not in done
    for leader in leaders:
        leader.stop()
    assert done.count("failed") == done.count("deleted")
