"""Documents: what a resource says, as the client's own JSON values.

A document holds the attributes a client may write, under their canonical names: no ``id``,
``meta``, ``schemas``, ``groups`` or ``members``. Unassigned attributes are absent (RFC 7643 §2.5).

Changes between two documents are named by **schema paths**: an attribute (``title``), a
sub-attribute of a singular complex one (``name.givenName``), qualified by its URN in an extension
(``urn:…:User:department``). A multi-valued attribute is recorded whole; a path is never a filter.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

Document = Mapping[str, Any]
"""A JSON object; treated as immutable once it is part of an event or a state."""


class Change(NamedTuple):
    """What stood at a schema path and what stands there now; ``None`` means unassigned."""

    old: Any
    new: Any


Changes = Mapping[str, Change]
"""Changes by schema path."""


def by_path(document: Document) -> dict[str, Any]:
    """Return the values of a document by schema path."""
    values: dict[str, Any] = {}
    for name, value in document.items():
        if not isinstance(value, dict):
            values[name] = value
        elif not name.startswith("urn:"):
            values.update({f"{name}.{sub}": item for sub, item in value.items()})
        else:
            for attribute, item in value.items():
                if isinstance(item, dict):
                    path = f"{name}:{attribute}"
                    values.update({f"{path}.{sub}": part for sub, part in item.items()})
                else:
                    values[f"{name}:{attribute}"] = item
    return values


def keys_of_path(path: str) -> list[str]:
    """Split a schema path into the keys that lead to its value in a document."""
    urn, colon, rest = path.rpartition(":")
    attribute, _, sub_attribute = rest.partition(".")
    return [key for key in (urn if colon else "", attribute, sub_attribute) if key]


def changes_between(old: Document, new: Document) -> dict[str, Change]:
    """Return the changes that turn ``old`` into ``new``, by path; empty when they agree."""
    differing = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    before = by_path({name: old[name] for name in differing if name in old})
    after = by_path({name: new[name] for name in differing if name in new})
    return {
        path: Change(before.get(path), after.get(path))
        for path in {**before, **after}
        if before.get(path) != after.get(path)
    }


def changed(document: Document, changes: Changes) -> dict[str, Any]:
    """Return the document as it stands after ``changes``; empty containers disappear."""
    result: dict[str, Any] = dict(document)
    for path, change in changes.items():
        *parents, last = keys_of_path(path)
        node, trail = result, []
        for key in parents:
            trail.append((node, key))
            node[key] = dict(node.get(key) or {})
            node = node[key]
        if change.new is None:
            node.pop(last, None)
        else:
            node[last] = change.new
        for parent, key in reversed(trail):
            if not parent[key]:
                del parent[key]
    return result
