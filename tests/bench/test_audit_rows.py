"""An auditor's rows on a log of some hundred events: what is asked is answered, and judged."""

from pathlib import Path

from .audit_pages import measure_pages
from .audit_reading import measure_listing
from .audit_report import Audit, audit_lines, audit_verdicts
from .audit_states import measure_states
from .audit_store import Shape, store_at

SMALL = Shape(events=700, users=30, members=20)


def test_a_store_is_filled_once_and_asked_about(tmp_path: Path) -> None:
    measured = Audit()
    for _ in range(2):
        with store_at(tmp_path, SMALL) as store:
            assert store is not None
            assert len(store.users) == SMALL.users
            measured.pages.append(measure_pages(store))
            held = store.service.database.safe_head()
            assert held == SMALL.events
    with store_at(tmp_path, SMALL) as store:
        assert store is not None
        measured.listings = [measure_listing(store, share) for share in (0.2, 1.0)]
        measured.states = measure_states(store)
    early, late = measured.listings
    assert (early.touched, late.touched) == (1.0, 0.0)
    assert early.found == late.found > 0
    assert measured.failures == []
    assert len(list(audit_verdicts(measured))) == 6
    assert sum("and time" in line for line in audit_lines(measured)) == 14


def test_a_store_that_takes_too_long_is_none(tmp_path: Path) -> None:
    with store_at(tmp_path, SMALL, seconds=0) as store:
        assert store is None
