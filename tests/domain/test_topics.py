"""One search for a topic finds its class, its payload, its projection function and its test."""

import dataclasses
from pathlib import Path

import pytest

from domain.events import Event
from domain.topics import AGGREGATE_OF, EVENTS
from projections.directory.g1.rows import FUNCTIONS
from projections.realms import record_realm_events
from tests.history.examples import EXAMPLES

GOLDEN = Path(__file__).parents[1] / "history" / "golden"
NOT_PROJECTED = {
    "realm.registered": "realms are rows of their own: projections.realms",
    "realm.suspended": "as realm.registered",
    "realm.resumed": "as realm.registered",
    "realm.client-added": "as realm.registered",
    "realm.client-disabled": "as realm.registered",
    "realm.client-enabled": "as realm.registered",
    "realm.secret-issued": "its hash is in no event: projections.credentials",
    "realm.secret-retired": "as realm.secret-issued",
    "realm.token-issued": "as realm.secret-issued",
    "realm.token-revoked": "as realm.secret-issued",
    "realm.guard-set": "a limit is a row of its own: projections.departures",
    "realm.guard-removed": "as realm.guard-set",
    "realm.guard-tripped": "it is for the history alone",
    "realm.guard-lifted": "as realm.guard-set",
}


@pytest.mark.parametrize("topic", EVENTS)
def test_a_topic_has_a_projection_function_or_a_reason_for_none(topic: str) -> None:
    assert (topic in FUNCTIONS) != (topic in NOT_PROJECTED)


def test_no_projection_function_is_for_a_topic_that_does_not_exist() -> None:
    assert FUNCTIONS.keys() | NOT_PROJECTED.keys() == EVENTS.keys()
    assert callable(record_realm_events)


@pytest.mark.parametrize(("topic", "kind"), EVENTS.items())
def test_a_topic_has_an_example_and_a_golden_payload(topic: str, kind: type[Event]) -> None:
    assert isinstance(EXAMPLES[topic], kind)
    assert (GOLDEN / f"{topic}.v{kind.schema_version}.json").is_file()


@pytest.mark.parametrize("topic", EVENTS)
def test_a_topic_names_its_aggregate_and_says_what_happened(topic: str) -> None:
    aggregate, _, what = topic.partition(".")
    assert AGGREGATE_OF[topic] == aggregate.capitalize()
    assert what
    assert what == what.lower()
    assert what.endswith(("ed", "-set"))


@pytest.mark.parametrize("kind", EVENTS.values())
def test_an_event_cannot_be_changed_after_the_fact(kind: type[Event]) -> None:
    event = EXAMPLES[kind.topic]
    for field in dataclasses.fields(event):  # type: ignore[arg-type]
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(event, field.name, None)
    clear, personal = event.parts()
    assert type(event).from_parts(clear, personal) == event


@pytest.mark.parametrize("topic", EVENTS)
def test_the_tests_of_its_aggregate_name_the_event(topic: str) -> None:
    kind = EVENTS[topic]
    tests = Path(__file__).with_name(f"test_{AGGREGATE_OF[topic].lower()}.py").read_text()
    assert kind.__qualname__ in tests
