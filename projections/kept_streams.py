"""Streams a process has folded, each read on from where it was left (ADR 0011).

A user patched dozens of times has dozens of events, and each decision would decode them all. What
is kept is never an answer by itself: every time, the database is asked for the last event that was
folded and for all that followed. Another process's write is therefore seen, and where the log holds
another history than the one that was folded, as after a backup was restored, it is folded anew.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from threading import Lock
from typing import Any, Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

import orjson

from domain.document import Document
from domain.events import Stream
from projections.event_store import EventLog, Projector

MAX_BYTES = 8 * 1_048_576
"""JSON of what is kept, at most."""
ENTRY_BYTES = 512
"""What keeping a stream costs besides its JSON."""


class HasDocument(Protocol):
    """The state of a resource."""

    @property
    def document(self) -> Document:
        """What the resource says."""
        ...


S = TypeVar("S", bound=HasDocument)
S_co = TypeVar("S_co", bound=HasDocument, covariant=True)


class Begun(Protocol[S_co]):
    """What reads a stream that nobody here has folded yet."""

    def __call__(self, stream_id: UUID) -> tuple[Stream[S_co] | None, Sequence[Any]]:
        """Return how far it is folded already, and the events from the last folded one on."""
        ...


class Kept(NamedTuple, Generic[S]):
    """A stream, and what tells whether the log still holds the events it was folded from."""

    stream: Stream[S]
    last: bytes
    """The last event folded, as it is stored. It tells its request, its instant and its values, so
    a log that holds it at this version holds the same events before it."""
    size: int
    """What keeping it costs, in bytes of JSON."""


class KeptStreams(Generic[S]):
    """The streams of one kind that a process folded lately; any thread may ask."""

    def __init__(
        self,
        log: EventLog,
        fold: Projector,
        max_bytes: int = MAX_BYTES,
        begun: Begun[S] | None = None,
    ) -> None:
        self._log = log
        self._begun = begun or self._from_the_first
        self._fold = fold
        self._max_bytes = max_bytes
        self._lock = Lock()
        self._kept: OrderedDict[UUID, Kept[S]] = OrderedDict()
        self.bytes = 0
        """JSON of what is kept now."""

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, stream_id: UUID) -> Stream[S] | None:
        """Return a stream as the database has it now, ``None`` when it has no event.

        Raises:
            OtherKind: the stream is not of this kind.
            EventFromTheFuture: it holds an event this code does not know.
            Unavailable: the database is busy or gone.
        """
        recorder, mapper = self._log.recorder, self._log.mapper
        kept = self._kept.get(stream_id)
        stream, stored = None, list[Any]()
        if kept is not None:
            stored = list(recorder.select_events(stream_id, gt=kept.stream.version - 1))
            if is_continued(kept, stored):
                stream = kept.stream
        if stream is None:
            stream, read = self._begun(stream_id)
            stored = list(read)
        new: Iterable[Any] = map(mapper.to_domain_event, stored if stream is None else stored[1:])
        folded: Stream[S] | None = self._fold(stream, new)
        self._keep(stream_id, folded, stored[-1].state if stored else b"")
        return folded

    def _from_the_first(self, stream_id: UUID) -> tuple[None, Sequence[Any]]:
        return None, self._log.recorder.select_events(stream_id)

    def _keep(self, stream_id: UUID, stream: Stream[S] | None, last: bytes) -> None:
        """Keep a stream as it was just read, and give up the longest unused ones for it."""
        size = ENTRY_BYTES + len(last)
        if stream is not None:
            size += len(orjson.dumps(stream.state.document))
        with self._lock:
            before = self._kept.pop(stream_id, None)
            self.bytes -= before.size if before is not None else 0
            if stream is None or size > self._max_bytes:
                return
            self._kept[stream_id] = Kept(stream, last, size)
            self.bytes += size
            while self.bytes > self._max_bytes:
                _, unused = self._kept.popitem(last=False)
                self.bytes -= unused.size


def is_continued(kept: Kept[Any], stored: Sequence[Any]) -> bool:
    """Whether stored events begin with the last one that was folded, and so continue it."""
    if not stored:
        return False
    first = stored[0]
    return bool(first.originator_version == kept.stream.version and first.state == kept.last)
