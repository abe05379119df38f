"""Which attributes of a resource an answer holds (RFC 7644 §3.9, RFC 7643 §7 "returned")."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from api.targets import ExtensionTarget, Target, resolve
from domain.refusals import InvalidPath, InvalidValue
from domain.schemas import ResourceSchema

MAX_NAMES = 100
_ALWAYS = ("schemas", "id")


@dataclass(frozen=True, slots=True)
class Selection:
    """The attributes asked for, and those asked to be left out; empty: the default ones."""

    schema: ResourceSchema
    wanted: tuple[Target | ExtensionTarget, ...] = ()
    unwanted: tuple[Target | ExtensionTarget, ...] = ()
    asked: bool = field(default=False)
    """Whether the client named attributes at all, be they unknown."""

    def includes(self, name: str) -> bool:
        """Whether an answer holds (some of) a top-level attribute."""
        if self.asked and not any(_head(target) == name for target in self.wanted):
            return False
        return not any(_head(t) == name and _is_whole(t) for t in self.unwanted)

    @property
    def of_derived_only(self) -> bool:
        """Whether the stored document goes out whole."""
        derived = ("groups", "members")
        return not self.asked and all(_head(t) in derived and _is_whole(t) for t in self.unwanted)

    def apply(self, resource: dict[str, Any]) -> dict[str, Any]:
        """Return the resource with the selected attributes; ``schemas`` and ``id`` always stay."""
        chosen = resource
        if self.asked:
            chosen = {name: resource[name] for name in _ALWAYS if name in resource}
            for target in self.wanted:
                _copy(resource, chosen, target)
        for target in self.unwanted:
            if _head(target) not in _ALWAYS:
                chosen = _without(chosen, target)
        return chosen


def read_selection(
    schema: ResourceSchema, attributes: Iterable[str], excluded: Iterable[str]
) -> Selection:
    """Return the selection that lists of names spell; unknown names select nothing.

    Raises:
        InvalidValue: more than :data:`MAX_NAMES` names.
    """
    wanted, unwanted = list(attributes), list(excluded)
    if len(wanted) + len(unwanted) > MAX_NAMES:
        raise InvalidValue(f"attributes and excludedAttributes may name {MAX_NAMES} at most")
    return Selection(
        schema, _targets(schema, wanted), _targets(schema, unwanted), asked=bool(wanted)
    )


def split_names(text: str | None) -> list[str]:
    """Return the names of a comma-separated list."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _targets(schema: ResourceSchema, names: Iterable[str]) -> tuple[Target | ExtensionTarget, ...]:
    found = []
    for name in names:
        try:
            target = resolve(schema, name)
        except InvalidPath:
            continue
        if target is not None:
            found.append(target)
    return tuple(found)


def _head(target: Target | ExtensionTarget) -> str:
    return target.urn or target.attribute.name if isinstance(target, Target) else target.urn


def _is_whole(target: Target | ExtensionTarget) -> bool:
    if isinstance(target, ExtensionTarget):
        return True
    return not (target.urn or target.sub_attribute or target.filter is not None)


def _keys(target: Target | ExtensionTarget) -> list[str]:
    if isinstance(target, ExtensionTarget):
        return [target.urn]
    sub = target.sub_attribute
    return [k for k in (target.urn, target.attribute.name, sub.name if sub else None) if k]


def _copy(source: Any, into: dict[str, Any], target: Target | ExtensionTarget) -> None:
    *parents, last = _keys(target)
    for key in parents:
        source = source.get(key) if isinstance(source, dict) else None
        if isinstance(source, list):
            kept = into.setdefault(key, [{} for _ in source])
            for item, copy in zip(source, kept, strict=True):
                if last in item:
                    copy[last] = item[last]
            return
        if source is None:
            return
        into = into.setdefault(key, {})
    if last in source:
        into[last] = source[last]


def _without(resource: dict[str, Any], target: Target | ExtensionTarget) -> dict[str, Any]:
    first, *rest = _keys(target)
    if first not in resource:
        return resource
    if not rest:
        return {name: value for name, value in resource.items() if name != first}
    inner = resource[first]
    if isinstance(inner, list):
        pruned: Any = [{k: v for k, v in item.items() if k != rest[-1]} for item in inner]
    elif len(rest) == 1:
        pruned = {name: value for name, value in inner.items() if name != rest[0]}
    else:
        part = {k: v for k, v in inner.get(rest[0], {}).items() if k != rest[1]}
        pruned = {**inner, rest[0]: part} if rest[0] in inner else inner
    return {**resource, first: pruned}
