"""The operators of RFC 7644 §3.4.2.2 as conditions on one place.

A condition may be NULL where it means false. ``AND`` and ``OR`` keep it from becoming true; whoever
negates one goes through :func:`negated`.
"""

from collections.abc import Callable, Mapping
from operator import ge, gt, le, lt
from typing import Any

from scim2_models.path import STRING_OPERATORS, CompareOperator
from sqlalchemy import ColumnElement, and_, false, func, literal, not_

from domain.refusals import InvalidFilter
from projections.directory.g1.places import Place
from projections.engines.spelling import contains, ends_with

Condition = ColumnElement[bool]

_ORDERINGS: Mapping[CompareOperator, Callable[[Any, Any], Any]] = {
    CompareOperator.gt: gt,
    CompareOperator.ge: ge,
    CompareOperator.lt: lt,
    CompareOperator.le: le,
}
_LAST_CHARACTER = chr(0x10FFFF)
_BEFORE_SURROGATES, _AFTER_SURROGATES = chr(0xD7FF), chr(0xE000)


def negated(condition: Condition) -> Condition:
    """Return the opposite of a condition, of which NULL is the same as false."""
    return not_(func.coalesce(condition, false()))


def compared(name: str, place: Place, op: CompareOperator, operand: Any) -> Condition:
    """Return whether what stands at ``place`` compares with a filter's ``operand``.

    Raises:
        InvalidFilter: the operator or the operand does not fit the attribute ``name``.
    """
    key = operand_key(name, place, op, operand)
    if op == CompareOperator.ne:
        return negated(compared(name, place, CompareOperator.eq, operand))
    if key is None:
        return place.value.is_(None) if op == CompareOperator.eq else false()
    if op == CompareOperator.eq:
        return place.value == literal(key)
    if op in _ORDERINGS:
        ordered: Condition = _ORDERINGS[op](place.value, key)
        return ordered
    return _substring(place, op, key)


def present(place: Place) -> Condition:
    """Return whether a value stands at ``place``: ``pr``, which asks for more than empty text."""
    return place.value != "" if place.is_text else place.value.is_not(None)


def operand_key(name: str, place: Place, op: CompareOperator, operand: Any) -> Any:
    """Return what ``operand`` is compared as; ``None`` for null.

    Raises:
        InvalidFilter: the operator or the operand does not fit the attribute ``name``.
    """
    if not place.is_text and op in STRING_OPERATORS:
        raise InvalidFilter(f'operator "{op.value}" compares text, which {name} is not')
    if operand is None:
        return None
    try:
        return place.key(operand)
    except (ValueError, OverflowError):
        kind = 'text, in double quotes: "…"' if place.is_text else "a value of its type"
        raise InvalidFilter(f"{name} can only be compared with {kind}") from None


def _substring(place: Place, op: CompareOperator, needle: str) -> Condition:
    # No LIKE: its wildcards and its idea of case are not those of the comparison key.
    if not needle:
        return place.value.is_not(None)
    if op == CompareOperator.co:
        return contains(place.value, needle)
    if op == CompareOperator.ew:
        return ends_with(place.value, needle)
    starts = func.substr(place.value, 1, len(needle)) == needle
    if not place.has_index:
        return starts
    end = _successor(needle)
    return and_(starts, place.value >= needle, *([place.value < end] if end else []))


def _successor(prefix: str) -> str | None:
    """Return the first text, in the order of code points, after all that begin with ``prefix``."""
    kept = prefix.rstrip(_LAST_CHARACTER)
    if not kept:
        return None
    last = kept[-1]
    return kept[:-1] + (_AFTER_SURROGATES if last == _BEFORE_SURROGATES else chr(ord(last) + 1))
