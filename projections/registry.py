"""The generations that this code knows, and which of them are written and read (ADR 0021)."""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from time import monotonic

from sqlalchemy import Connection, or_, select

from domain.refusals import Unavailable
from projections.generations import CACHE_SECONDS, READ, WRITTEN, Generation, Written, unknown
from projections.prepared import Prepared
from projections.spares import Spare
from projections.tables import generations


class Registry:
    """The generations this code knows, each declaration with its spare."""

    def __init__(self, known: Sequence[Generation], followed: Sequence[Generation] = ()) -> None:
        """Take the generations written inline, and those that follow the log."""
        self.declared = (*known, *followed)
        self.followed = tuple(followed)
        self.known: Mapping[tuple[str, int], Generation] = {
            (each.read_model, each.number): each for each in known
        }
        self._inline = _with_spares(known)
        self.every: Mapping[tuple[str, int], Generation] = {
            **self._inline,
            **_with_spares(followed),
        }
        self._lock = Lock()
        self._live: tuple[float, dict[str, int]] = (0.0, {})

    @property
    def read_models(self) -> Sequence[str]:
        """The names of all read models, in the order of their declaration."""
        return tuple(dict.fromkeys(each.read_model for each in self.declared))

    def follows(self, read_model: str) -> bool:
        """Whether a read model is built behind the log."""
        return any(each.read_model == read_model for each in self.followed)

    def newest(self, read_model: str) -> Generation:
        """Return the newest declaration of a read model."""
        own = (each for each in self.declared if each.read_model == read_model)
        return max(own, key=lambda each: each.number)

    def written(self, connection: Connection) -> list[Written]:
        """Return the generations a write must project into. Raises as :meth:`asked`."""
        return self.asked(connection)()

    def asked(self, connection: Connection) -> Callable[[], list[Written]]:
        """Ask which generations a write must project into; return what gives them when needed.

        The answer raises:
            Unavailable: one is unknown here: another release is at work, this process may only read
        """
        answer = _WRITTEN.later(connection)

        def written() -> list[Written]:
            found = []
            for read_model, number, state in answer():
                if (read_model, number) not in self._inline:
                    raise unknown(read_model, number)
                found.append(Written(self._inline[read_model, number], state))
            return found

        return written

    def live(self, connection: Connection, read_model: str) -> Generation:
        """Return the generation to read, at most :data:`CACHE_SECONDS` old.

        Raises:
            Unavailable: there is none, or it is unknown here.
        """
        read_at, numbers = self._live
        if monotonic() - read_at > CACHE_SECONDS:
            numbers = dict(map(tuple, _LIVE.rows(connection)))
            with self._lock:
                self._live = (monotonic(), numbers)
        if read_model not in numbers:
            raise Unavailable(f"read model {read_model} has no live generation")
        found = self.known.get((read_model, numbers[read_model]))
        if found is None:
            raise unknown(read_model, numbers[read_model])
        return found


def _with_spares(declared: Sequence[Generation]) -> Mapping[tuple[str, int], Generation]:
    both = [each for own in declared for each in (own, Spare(own))]
    return {(each.read_model, each.number): each for each in both}


_NAMED = select(generations.c.read_model, generations.c.generation)
_IS_WRITTEN = or_(*(generations.c.state == state for state in WRITTEN))
_WRITTEN = Prepared(_NAMED.add_columns(generations.c.state).where(_IS_WRITTEN))
_LIVE = Prepared(_NAMED.where(generations.c.state == READ))
