"""The mass-change guard of a realm: how many may leave within a while (ABUSE G16).

A leaked token or a wrong scoping rule deactivates or deletes everybody in minutes. Where a realm
has a guard, a client gets no further than its limit until an operator lifts it. It is off by
default, a part of the Realm aggregate, and counts users and groups apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from domain.events import Bare, Named
from domain.refusals import InvalidValue

MICROSECONDS_A_MINUTE = 60_000_000
MAX_MINUTES = 10_080
"""A week: the longest window, and the longest lift."""
MAX_MINIMUM = 1_000_000


@dataclass(frozen=True)
class Guard:
    """A limit: more than ``percent`` of all, and at least ``minimum``, within the window."""

    percent: int
    minimum: int
    window_minutes: int
    lifted_until: int = 0
    """Instants are microseconds since 1970 (UTC)."""
    tripped_until: int = 0

    @dataclass(frozen=True, slots=True)
    class Set(Named):
        """The realm has this limit from now on."""

        percent: int
        minimum: int
        window_minutes: int

        topic = "realm.guard-set"

    class Removed(Bare):
        """The realm has no limit any more."""

        topic = "realm.guard-removed"

    @dataclass(frozen=True, slots=True)
    class Tripped(Named):
        """Changes were refused, for the first time in a window; ``cause`` says whose."""

        resource_type: str
        changed: int
        """Deactivated or deleted within the window, without the one that was refused."""
        total: int
        """Of how many."""
        until: int
        """Refusals before this instant belong to the same trip."""

        topic = "realm.guard-tripped"

    @dataclass(frozen=True, slots=True)
    class Lifted(Named):
        """An operator lets everything through until an instant."""

        until: int

        topic = "realm.guard-lifted"

    @property
    def window(self) -> int:
        """The window in microseconds."""
        return self.window_minutes * MICROSECONDS_A_MINUTE

    def refuses(self, changed: int, total: int) -> bool:
        """Whether so many changes are too many, of ``total`` that there were."""
        return changed >= self.minimum and changed * 100 > self.percent * total

    def enough(self, changed: int) -> int:
        """Return the smallest total of which so many changes are not too many."""
        return -(-changed * 100 // self.percent)

    @staticmethod
    def setting(
        guard: "Guard | None", percent: int, minimum: int, window_minutes: int
    ) -> "Sequence[GuardEvent]":
        """Decide the limit of a realm; nothing when it has that one.

        Raises:
            InvalidValue: a number is out of its range.
        """
        for name, value, least, most in (
            ("percent", percent, 1, 100),
            ("minimum", minimum, 1, MAX_MINIMUM),
            ("window", window_minutes, 1, MAX_MINUTES),
        ):
            if not least <= value <= most:
                raise InvalidValue(f"{name} is a whole number from {least} to {most}")
        limit = (percent, minimum, window_minutes)
        if guard and (guard.percent, guard.minimum, guard.window_minutes) == limit:
            return []
        return [Guard.Set(*limit)]

    @staticmethod
    def removing(guard: "Guard | None") -> "Sequence[GuardEvent]":
        """Decide that the realm has no limit; nothing when it has none."""
        return [Guard.Removed()] if guard else []

    @staticmethod
    def lifting(guard: "Guard | None", now: int, minutes: int) -> "Sequence[GuardEvent]":
        """Decide to let everything through for some minutes.

        Raises:
            InvalidValue: the realm has no guard, or the minutes are out of their range.
        """
        if guard is None:
            raise InvalidValue("the realm has no mass-change guard to lift")
        if not 1 <= minutes <= MAX_MINUTES:
            raise InvalidValue(f"minutes is a whole number from 1 to {MAX_MINUTES}")
        return [Guard.Lifted(now + minutes * MICROSECONDS_A_MINUTE)]

    @staticmethod
    def tripping(
        guard: "Guard | None", now: int, resource_type: str, changed: int, total: int
    ) -> "Sequence[GuardEvent]":
        """Decide to record a refusal; nothing when the guard has tripped within its window."""
        if guard is None or now < max(guard.tripped_until, guard.lifted_until):
            return []
        return [Guard.Tripped(resource_type, changed, total, now + guard.window)]

    @staticmethod
    def evolve(guard: "Guard | None", event: "GuardEvent") -> "Guard | None":
        """Return the guard as ``event`` leaves it."""
        match event:
            case Guard.Set(percent, minimum, window_minutes):
                return Guard(percent, minimum, window_minutes)
            case Guard.Removed():
                return None
            case Guard.Tripped(until=until):
                return replace(guard, tripped_until=until) if guard else None
            case Guard.Lifted(until=until):
                return replace(guard, lifted_until=until, tripped_until=0) if guard else None
            case _:
                assert_never(event)


GuardEvent = Guard.Set | Guard.Removed | Guard.Tripped | Guard.Lifted
