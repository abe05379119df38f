"""``given(...).when(...).then(...)``: what a decision makes of what happened before.

`given` is for one aggregate; `history` for handlers, over the in-memory log.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

import pytest

from domain.cause import Warned
from domain.events import Event, RecordedEvent
from domain.group import Group
from domain.ports import Log, Written
from domain.realm import Realm
from domain.refusals import Refusal
from domain.user import User
from tests.fakes import MemoryLog, cause_in

REALM = str(UUID(int=0xFFFF_0000))
OTHER_REALM = str(UUID(int=0xFFFF_0001))
CAUSE = cause_in(REALM, correlation=0xABCDEF01 << 96)
_AGGREGATES: Mapping[str, Any] = {"user": User, "group": Group, "realm": Realm}


def given(*events: Event) -> "Given":
    """Begin with an aggregate as these events leave it; ``None`` without any."""
    state: Any = None
    for event in events:
        state = _AGGREGATES[event.topic.partition(".")[0]].evolve(state, event)
    return Given(state)


@dataclass(frozen=True)
class Given:
    state: Any

    def when(self, decide: Callable[[Any], Sequence[Event]]) -> "Decided":
        """Ask for a decision on the state."""
        try:
            return Decided(list(decide(self.state)), None)
        except Refusal as refusal:
            return Decided([], refusal)


@dataclass(frozen=True)
class Decided:
    events: Sequence[Event]
    refusal: Refusal | None

    def then(self, *expected: Event) -> None:
        """Expect exactly these events."""
        if self.refusal is not None:
            pytest.fail(f"refused: {self.refusal!r}")
        assert list(self.events) == list(expected)

    def refused(self, kind: type[Refusal], *, saying: str = "") -> None:
        """Expect a refusal of exactly this class, whose detail holds ``saying``."""
        assert type(self.refusal) is kind, f"{self.refusal!r}, events {self.events}"
        assert saying in self.refusal.detail


@dataclass
class History:
    """Streams of two realms, then one command."""

    log: MemoryLog = field(default_factory=MemoryLog)
    written: Written | None = None
    refusal: Refusal | None = None
    new: Sequence[RecordedEvent[Any]] = ()

    def given(self, stream_id: str, *events: Event, realm: str = REALM) -> Self:
        """Record events of a stream."""
        self.log.seed(realm, stream_id, *events)
        return self

    def when(self, handler: Callable[[Any, Log], Written], command: Any) -> Self:
        """Hand the command to its handler."""
        before = list(self.log.events)
        try:
            self.written = handler(command, self.log)
        except Refusal as refusal:
            self.refusal = refusal
            assert self.log.events == before
        self.new = self.log.events[len(before) :]
        return self

    def then(self, *expected: tuple[str, Event]) -> Self:
        """Expect exactly these new events, each with its stream."""
        if self.refusal is not None:
            pytest.fail(f"refused: {self.refusal!r}")
        assert [(r.stream_id, r.event) for r in self.new] == list(expected)
        assert self.written is not None
        assert self.written.changed == bool(expected)
        return self

    def warned(self, *expected: Warned) -> Self:
        """Expect these warnings on the new events."""
        assert list(dict.fromkeys(w for r in self.new for w in r.warnings)) == list(expected)
        return self

    def refused(self, kind: type[Refusal], *, saying: str = "") -> Self:
        """Expect a refusal of exactly this class, whose detail holds ``saying``."""
        assert type(self.refusal) is kind, f"{self.refusal!r}, events {self.new}"
        assert saying in self.refusal.detail
        return self


def history() -> History:
    """Begin with an empty log."""
    return History()


def stream(number: int) -> str:
    """Return an id that the fake log does not make itself."""
    return str(UUID(int=0x1_0000 + number))
