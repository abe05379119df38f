"""What every version of every event looked like: recorded once, and never changed.

`shapes.json` holds, by topic and version, the fields of the event's class and the SHA-256 of its
golden payload. A shape that changes without a new version, or a payload that is edited to fit,
differs from what is recorded; a new version without a payload, an upcaster or a record is missed.
"""

import dataclasses
import inspect
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from domain.cause import Actor, Cause, Warned
from domain.events import RecordedEvent

GOLDEN = Path(__file__).with_name("golden")
RECORDED = Path(__file__).with_name("shapes.json")
Version = tuple[str, int]
Shape = Mapping[str, Any]


def fields_of(kind: type) -> dict[str, str]:
    """The fields of a class and what they hold, as they are declared."""
    if hasattr(kind, "_fields"):
        return {name: inspect.formatannotation(kind.__annotations__[name]) for name in kind._fields}
    if not dataclasses.is_dataclass(kind):
        return {}
    return {f.name: inspect.formatannotation(f.type) for f in dataclasses.fields(kind)}


def envelope() -> dict[str, dict[str, str]]:
    """The fields of what surrounds every event."""
    return {kind.__name__: fields_of(kind) for kind in (RecordedEvent, Cause, Actor, Warned)}


def golden_payloads() -> dict[Version, bytes]:
    """The golden payloads by topic and version."""
    found = {}
    for file in sorted(GOLDEN.glob("*.json")):
        topic, _, version = file.name.removesuffix(".json").rpartition(".v")
        found[topic, int(version)] = file.read_bytes()
    return found


def recorded_shapes() -> dict[Version, Shape]:
    """What is recorded, by topic and version."""
    read = orjson.loads(RECORDED.read_bytes())["events"]
    return {(topic, int(v)): shape for topic, own in read.items() for v, shape in own.items()}


def recorded_envelope() -> Any:
    """What is recorded of what surrounds every event."""
    return orjson.loads(RECORDED.read_bytes())["envelope"]


def complaints(
    events: Mapping[str, Any],
    upcasters: Collection[Version],
    golden: Mapping[Version, bytes],
    recorded: Mapping[Version, Shape],
) -> Iterator[str]:
    """What is missing or was changed, one sentence each; nothing when the history is whole."""
    for topic, kind in events.items():
        present = kind.schema_version
        shape = recorded.get((topic, present))
        if shape is None:
            yield (
                f"{topic} version {present} is not recorded: add to shapes.json "
                f'"{present}": {{"fields": {orjson.dumps(fields_of(kind)).decode()}, …}}'
            )
        elif shape["fields"] != fields_of(kind):
            yield (
                f"{topic} has the fields {fields_of(kind)}, and version {present} had "
                f"{shape['fields']}: give it schema_version {present + 1}, an upcaster from "
                f"version {present}, and a golden payload of its own"
            )
        for version in range(1, present + 1):
            if (topic, version) not in golden:
                yield f"{topic}.v{version}.json is missing among the golden payloads"
            if version < present and (topic, version) not in upcasters:
                yield f"{topic} has no upcaster from version {version}"
    for (topic, version), shape in recorded.items():
        if topic not in events or version > events[topic].schema_version:
            yield f"{topic} version {version} was written once, and this code does not know it"
        payload = golden.get((topic, version))
        if payload is not None and sha256(payload).hexdigest() != shape["golden"]:
            yield f"{topic}.v{version}.json was edited: a golden payload never is"
