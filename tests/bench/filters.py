"""Filters with the answer each must give, worked out from the known directory before the clock."""

from collections.abc import Callable, Iterator
from itertools import cycle, pairwise
from random import Random
from typing import NamedTuple

from .answers import expect_found, expect_user
from .directory import Directory, instant
from .entra_users import EntraUser, by_filter
from .wire import Conversation, Request

SHOWN = 20
EXPRESSIONS = 12


class Expectation(NamedTuple):
    expression: str
    ids: frozenset[str]


def contains_and_active(directory: Directory, rng: Random) -> Expectation:
    part = f"{rng.choice(directory.users).number // 10:05d}"
    return _expect(
        directory,
        f'displayName co "{part}" and active eq true',
        lambda u: part in u.display_name and u.active,
    )


def starts_with(directory: Directory, rng: Random) -> Expectation:
    start = f"bench-{rng.choice(directory.users).number // 10:05d}"
    return _expect(directory, f'userName sw "{start}"', lambda u: u.user_name.startswith(start))


def either_name(directory: Directory, rng: Random) -> Expectation:
    one, other = rng.choice(directory.users).user_name, rng.choice(directory.users).user_name
    return _expect(
        directory,
        f'userName eq "{one}" or userName eq "{other}"',
        lambda u: u.user_name in (one, other),
    )


def work_email(directory: Directory, rng: Random) -> Expectation:
    part = f"{rng.choice(directory.users).number:06d}@corp"
    return _expect(
        directory, f'emails[type eq "work" and value co "{part}"]', lambda u: part in u.email
    )


def modified_after(directory: Directory, rng: Random) -> Expectation:
    """The middle of one of the widest pauses in the directory's history.

    A dateTime is shown with milliseconds at least, so an instant amid a pause has one right answer
    whatever precision the server keeps.
    """
    instants = sorted({instant(user.modified) for user in directory.users})
    pauses = sorted(pairwise(instants), key=lambda pair: pair[0] - pair[1])[:8]
    if not pauses:
        return _expect(directory, 'meta.lastModified gt "2001-01-01T00:00:00Z"', lambda _: True)
    before, after = rng.choice(pauses)
    middle = before + (after - before) / 2
    stamp = middle.strftime("%Y-%m-%dT%H:%M:%S.") + f"{middle.microsecond // 1000:03d}Z"
    return _expect(
        directory,
        f'meta.lastModified gt "{stamp}"',
        lambda u: instant(u.modified) >= after,
    )


def ask(directory: Directory, expectation: Expectation) -> Conversation:
    target = by_filter(expectation.expression, f"&startIndex=1&count={SHOWN}")
    found = expect_found((yield Request("GET", target)), expectation.ids, SHOWN)
    for resource in found:
        expect_user(resource, directory.by_id[resource["id"]])


def filtering(
    kind: Callable[[Directory, Random], Expectation],
) -> Callable[[Directory, int], Iterator[Conversation]]:
    """A step's `begin` that asks a dozen filters of the kind in turn, without end."""

    def begin(directory: Directory, size: int) -> Iterator[Conversation]:
        rng = Random(size)  # noqa: S311 - a repeatable order, no secret
        expectations = [kind(directory, rng) for _ in range(EXPRESSIONS)]
        return (ask(directory, expectation) for expectation in cycle(expectations))

    return begin


def _expect(
    directory: Directory, expression: str, matches: Callable[[EntraUser], bool]
) -> Expectation:
    return Expectation(expression, frozenset(u.id for u in directory.users if matches(u)))
