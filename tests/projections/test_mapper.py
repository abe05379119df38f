"""Between events and the bytes of the log (ADR 0005)."""

from typing import Any
from uuid import UUID

import orjson
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from domain.cause import Actor, Cause, Warned
from domain.document import Change
from domain.events import RecordedEvent
from domain.topics import EVENTS
from domain.user import User
from projections import mapper
from projections.mapper import EventFromTheFuture, EventMapper, upcast
from tests.history.examples import CAUSE, EXAMPLES, RECORDED_AT, WARNINGS

MAPPER = EventMapper()
STREAM = UUID(int=9)


@pytest.mark.parametrize("topic", EVENTS)
@pytest.mark.parametrize("warnings", [(), WARNINGS])
def test_an_event_comes_back_as_it_was(topic: str, warnings: tuple[Warned, ...]) -> None:
    recorded = RecordedEvent(STREAM, 3, EXAMPLES[topic], RECORDED_AT, CAUSE, warnings)
    assert MAPPER.to_domain_event(MAPPER.to_stored_event(recorded)) == recorded


def test_a_cause_that_says_little_comes_back_as_it_was() -> None:
    cause = Cause("r", Actor("system", "rollbook"), "c", "test")
    recorded = RecordedEvent(STREAM, 1, User.Deleted(), 1, cause)
    assert MAPPER.to_domain_event(MAPPER.to_stored_event(recorded)) == recorded


json_values = st.recursive(
    st.none() | st.booleans() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_values, max_size=4), st.text())
def test_any_values_come_back_as_they_were(document: dict[str, Any], agent: str) -> None:
    cause = Cause("r", Actor("client", agent), "c", agent, user_agent=agent)
    for event in (
        User.Created(document),
        User.AttributesChanged({path: Change(agent, value) for path, value in document.items()}),
    ):
        recorded = RecordedEvent(STREAM, 1, event, 1, cause, (Warned(agent, agent),))
        assert MAPPER.to_domain_event(MAPPER.to_stored_event(recorded)) == recorded


def test_an_unknown_topic_is_an_event_from_the_future() -> None:
    state = MAPPER.to_stored_event(RecordedEvent(STREAM, 1, User.Deleted(), 1, CAUSE)).state
    with pytest.raises(EventFromTheFuture, match=r"user\.promoted"):
        MAPPER.to_domain_event(StoredEvent(STREAM, 1, "user.promoted", state))


def test_f9_a_topic_is_never_looked_for_among_modules() -> None:
    with pytest.raises(EventFromTheFuture):
        MAPPER.to_domain_event(StoredEvent(STREAM, 1, "os:system", b'{"clear":{},"personal":{}}'))


def test_a_newer_version_is_an_event_from_the_future() -> None:
    stored = MAPPER.to_stored_event(RecordedEvent(STREAM, 1, User.Deleted(), 1, CAUSE))
    payload = orjson.loads(stored.state)
    payload["clear"]["schema_version"] = 2
    newer = StoredEvent(STREAM, 1, stored.topic, orjson.dumps(payload))
    with pytest.raises(EventFromTheFuture, match="version 2"):
        MAPPER.to_domain_event(newer)


def test_an_old_version_is_brought_forward_one_version_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Deleted(User.Deleted):
        schema_version = 3

    monkeypatch.setitem(EVENTS, "user.deleted", Deleted)
    steps = {
        ("user.deleted", number): lambda payload, number=number: {
            **payload,
            "seen": [*payload.get("seen", []), number],
        }
        for number in (1, 2)
    }
    monkeypatch.setattr(mapper, "UPCASTERS", steps)
    payload = upcast("user.deleted", {"clear": {"schema_version": 1}, "personal": {}})
    assert payload["seen"] == [1, 2]
