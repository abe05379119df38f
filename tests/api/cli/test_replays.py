"""`rollbook replay`."""

from tests.api.cli.conftest import Rollbook


def test_a_refill_reads_every_event_and_leaves_what_was_there(rollbook: Rollbook) -> None:
    rollbook("realm", "create", "acme")
    before = rollbook("realm", "list", "--json").out
    refilled = rollbook("replay", "refill")
    assert refilled.status == 0
    assert refilled.out == "The read models were filled again from 3 events.\n"
    assert rollbook("replay", "refill", "--json").out == '{"events": 3}\n'
    assert rollbook("realm", "list", "--json").out == before
