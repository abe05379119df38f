"""Every payload ever written can be read for ever (ADR 0005).

``golden/<topic>.v<version>.json`` holds one payload, byte for byte as the log keeps it, and one
line break. A file is never edited: a new shape is a new version with a file of its own, and an
upcaster for the old one.
"""

from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from eventsourcing.persistence import StoredEvent

from domain.document import by_path
from domain.events import RecordedEvent, WithChanges, WithDocument, WithMembers
from domain.group import Group
from domain.topics import EVENTS
from projections.audit.entries import attributes_of
from projections.audit.said import said_in
from projections.mapper import UPCASTERS, EventFromTheFuture, EventMapper
from tests.history.examples import CAUSE, EXAMPLES, RECORDED_AT, STREAM, VERSION, WARNINGS

GOLDEN = Path(__file__).with_name("golden")
FILES = sorted(GOLDEN.glob("*.json"))
MAPPER = EventMapper()


def example(topic: str) -> RecordedEvent[Any]:
    return RecordedEvent(UUID(STREAM), VERSION, EXAMPLES[topic], RECORDED_AT, CAUSE, WARNINGS)


def named(file: Path) -> tuple[str, int]:
    topic, _, version = file.name.removesuffix(".json").rpartition(".v")
    return topic, int(version)


@pytest.mark.parametrize("topic", EVENTS)
def test_an_event_is_written_as_its_golden_payload(topic: str) -> None:
    written = MAPPER.to_stored_event(example(topic)).state
    file = GOLDEN / f"{topic}.v{EVENTS[topic].schema_version}.json"
    if not file.exists():
        pytest.fail(f"add {file.name} with this line:\n{written.decode()}")
    if written + b"\n" != file.read_bytes():
        pytest.fail(
            f"{topic} is written in another shape than {file.name} has; give it a new "
            f"schema_version, an upcaster, and a further golden file:\n{written.decode()}"
        )


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_golden_payload_is_read_as_the_event_it_was(file: Path) -> None:
    topic, version = named(file)
    state = file.read_bytes().removesuffix(b"\n")
    assert orjson.loads(state)["clear"]["schema_version"] == version
    read = MAPPER.to_domain_event(StoredEvent(UUID(STREAM), VERSION, topic, state))
    assert read == example(topic)
    if version == EVENTS[topic].schema_version:
        assert MAPPER.to_stored_event(read).state == state


@pytest.mark.parametrize("topic", EVENTS)
def test_every_version_up_to_the_present_one_has_a_payload_and_a_way_forward(topic: str) -> None:
    present = EVENTS[topic].schema_version
    versions = sorted(version for name, version in map(named, FILES) if name == topic)
    assert versions == list(range(1, present + 1))
    assert all((topic, version) in UPCASTERS for version in range(1, present))


def test_no_golden_payload_is_of_a_forgotten_topic() -> None:
    assert {topic for topic, _ in map(named, FILES)} == EVENTS.keys()


@pytest.mark.parametrize("topic", EVENTS)
def test_no_value_of_a_person_stands_in_the_clear_part(topic: str) -> None:
    clear = orjson.loads((GOLDEN / f"{topic}.v1.json").read_bytes())["clear"]
    text = orjson.dumps(clear).decode()
    for value in ("Änne", "Anne", "EXAMPLE", "Dr", "Staff"):
        assert value not in text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_golden_payload_is_told_to_auditors_as_the_event_it_was(file: Path) -> None:
    topic, _ = named(file)
    said, event = said_in(topic, file.read_bytes()), EXAMPLES[topic]
    changes = [(each["path"], each["before"], each["after"]) for each in said.changes]
    match event:
        case WithChanges(changed):
            assert changes == [(path, each.old, each.new) for path, each in changed.items()]
        case WithDocument(document):
            assert changes == [(path, None, value) for path, value in by_path(document).items()]
        case _:
            told = {path.lower() for path, *_ in changes}
            assert told == (set() if isinstance(event, WithMembers) else attributes_of(event))
    members = event.members if isinstance(event, WithMembers) else ()
    joined = topic == Group.MembersAdded.topic
    assert (tuple(said.added), tuple(said.removed)) == ((members, ()) if joined else ((), members))
    assert [tuple(each) for each in said.warnings] == list(WARNINGS)


def test_what_a_newer_release_wrote_is_not_told() -> None:
    payload = {"clear": {"schema_version": 9, "warnings": {}}, "personal": []}
    for topic in ("user.beamed-up", *EVENTS):
        with pytest.raises(EventFromTheFuture):
            said_in(topic, orjson.dumps(payload))
