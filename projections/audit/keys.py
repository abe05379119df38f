"""The keys by which attributes are looked for, and how somebody may spell them.

An attribute's key is its path in lower case. An event that changes ``name.givenName`` changes
``name`` too. What an event about a realm names counts as its attributes.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from domain.schemas import GROUP, USER, AttributeDefinition, ResourceSchema
from domain.topics import AGGREGATE_OF, EVENTS
from projections.audit import MEMBERS

OF_REALMS: Mapping[str, Any] = {
    topic: kind for topic, kind in EVENTS.items() if AGGREGATE_OF[topic] == "Realm"
}
"""The events about a realm, by topic."""


def key_of_attribute(text: str) -> str | None:
    """Return the key of an attribute as somebody spells it; ``None`` when there is none.

    An attribute of an extension may go without its URN; a sub-attribute of a multi-valued one
    stands for the whole, which is recorded whole.
    """
    return _SPELLINGS.get(text.lower())


@lru_cache(1_024)
def keys_of(changed: tuple[str, ...]) -> frozenset[str]:
    """Return the keys of changed paths."""
    return frozenset(key for path in changed for key in _keys(path))


def _keys(path: str) -> list[str]:
    urn, colon, rest = path.lower().rpartition(":")
    attribute, dot, _ = rest.partition(".")
    keys = [path.lower(), f"{urn}{colon}{attribute}"] if dot else [path.lower()]
    return [*keys, urn] if colon else keys


def camel(name: str) -> str:
    """Return the name of a field as JSON has it."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _spelled(attributes: Mapping[str, AttributeDefinition], prefix: str = "") -> dict[str, str]:
    found = {}
    for name, attribute in attributes.items():
        if attribute.read_only and name != MEMBERS:
            continue
        key = found[prefix + name] = prefix + name
        for sub in attribute.sub_attributes:
            found[f"{key}.{sub}"] = key if attribute.multi_valued else f"{key}.{sub}"
    return found


def _spellings(schema: ResourceSchema) -> dict[str, str]:
    core = _spelled(schema.attributes)
    found = {**core, **{f"{schema.urn.lower()}:{name}": key for name, key in core.items()}}
    for urn, attributes in schema.extensions.items():
        qualified = f"{urn.lower()}:"
        extension = _spelled(attributes, qualified)
        found |= {name.removeprefix(qualified): key for name, key in extension.items()} | extension
        found[urn.lower()] = urn.lower()
    return found | core


def _fields_of_realms() -> dict[str, str]:
    named = [name for kind in OF_REALMS.values() for name in getattr(kind, "__slots__", ())]
    return {camel(name).lower(): camel(name).lower() for name in named}


_SPELLINGS = {**_fields_of_realms(), **_spellings(USER), **_spellings(GROUP)}
