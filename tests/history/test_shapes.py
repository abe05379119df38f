"""A shape of an event cannot change unseen: new version, upcaster, golden payload, record."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from domain.document import Document
from domain.events import Named, WithDocument
from domain.realm import Realm
from domain.topics import EVENTS
from domain.user import User
from projections.mapper import UPCASTERS
from tests.history.shapes import (
    complaints,
    envelope,
    golden_payloads,
    recorded_envelope,
    recorded_shapes,
)

HOW = "see docs/adr/0022-upcasters-and-the-golden-history.md"


def found(
    events: Mapping[str, Any] | None = None,
    upcasters: Mapping[tuple[str, int], Any] = UPCASTERS,
    golden: Mapping[tuple[str, int], bytes] | None = None,
    recorded: Mapping[tuple[str, int], Any] | None = None,
) -> list[str]:
    return list(
        complaints(
            EVENTS if events is None else events,
            upcasters,
            golden_payloads() if golden is None else golden,
            recorded_shapes() if recorded is None else recorded,
        )
    )


def test_every_event_has_the_shape_that_its_version_always_had() -> None:
    assert found() == [], HOW


def test_what_surrounds_an_event_has_the_shape_it_always_had() -> None:
    assert envelope() == recorded_envelope(), "it is part of every payload that was ever written"


@dataclass(frozen=True, slots=True)
class WiderRegistered(Named):
    slug: str
    unique_group_names: bool
    region: str

    topic = Realm.Registered.topic


class NewRegistered(WiderRegistered):
    schema_version = 2


TOPIC = Realm.Registered.topic
WIDER = {**EVENTS, TOPIC: WiderRegistered}
NEW = {**EVENTS, TOPIC: NewRegistered}


def test_sabotage_a_field_more_without_a_new_version_is_found() -> None:
    [complaint] = found(WIDER)
    assert "schema_version 2" in complaint
    assert "region" in complaint


def test_sabotage_a_field_of_another_type_is_found() -> None:
    @dataclass(frozen=True, slots=True)
    class Created(WithDocument):
        document: Document | None  # type: ignore[assignment]

        topic = User.Created.topic

    [complaint] = found({**EVENTS, Created.topic: Created})
    assert Created.topic in complaint


def test_sabotage_a_golden_payload_that_was_edited_to_fit_is_found() -> None:
    golden = golden_payloads()
    golden[TOPIC, 1] = golden[TOPIC, 1].replace(b'"slug"', b'"region":"eu","slug"')
    assert [each for each in found(golden=golden) if "was edited" in each]


def test_sabotage_a_new_version_alone_is_found_to_lack_the_rest() -> None:
    complaint = "\n".join(found(NEW))
    assert "is not recorded" in complaint
    assert f"{TOPIC}.v2.json is missing" in complaint
    assert "no upcaster from version 1" in complaint


def test_a_new_version_with_all_that_belongs_to_it_is_accepted() -> None:
    from hashlib import sha256

    from tests.history.shapes import fields_of

    payload = b'{"clear":{"schema_version":2},"personal":{}}\n'
    golden = {**golden_payloads(), (TOPIC, 2): payload}
    shape = {"fields": fields_of(NewRegistered), "golden": sha256(payload).hexdigest()}
    recorded = {**recorded_shapes(), (TOPIC, 2): shape}
    assert found(NEW, {**UPCASTERS, (TOPIC, 1): lambda payload: payload}, golden, recorded) == []


def test_sabotage_a_version_that_was_taken_back_is_found() -> None:
    class Restored(User.Restored):
        schema_version = 1

    assert [each for each in found({**EVENTS, Restored.topic: Restored}) if "does not know" in each]


@pytest.mark.parametrize("topic", EVENTS)
def test_every_golden_payload_is_recorded(topic: str) -> None:
    versions = {version for name, version in golden_payloads() if name == topic}
    assert versions == {version for name, version in recorded_shapes() if name == topic}
