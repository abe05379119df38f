"""What could not be kept: counted, so that a journal says where it has gaps."""

from collections.abc import Sequence
from threading import Lock

from projections.journal.entries import Entry, Gap

_MOST = 1_000
"""Realms whose gaps are told apart in one process; of further ones only the total is known."""
_Of = tuple[str | None, str | None]


class Losses:
    """Entries that were dropped and are not noted in the database yet."""

    def __init__(self) -> None:
        self.total = 0
        """Since the process began."""
        self.told = 0
        """How many of them the log knows of."""
        self._gaps: dict[_Of, Gap] = {}
        self._lock = Lock()

    def __bool__(self) -> bool:
        return bool(self._gaps)

    def note(self, entry: Entry) -> None:
        """Count an entry that is dropped."""
        of, at = (entry.realm, entry.slug), entry.at
        with self._lock:
            self.total += 1
            gap = self._gaps.get(of)
            if gap is not None:
                first, last = min(gap.first_at, at), max(gap.last_at, at)
                self._gaps[of] = Gap(*of, first, last, gap.requests + 1)
            elif len(self._gaps) < _MOST:
                self._gaps[of] = Gap(*of, at, at, 1)

    def gaps(self) -> Sequence[Gap]:
        """Return what is to be noted."""
        with self._lock:
            return list(self._gaps.values())

    def written(self, gaps: Sequence[Gap]) -> None:
        """Forget what has been noted; what was dropped meanwhile is noted next."""
        with self._lock:
            for gap in gaps:
                of = (gap.realm, gap.slug)
                newer = self._gaps.pop(of)
                if newer.requests > gap.requests:
                    more = newer.requests - gap.requests
                    self._gaps[of] = Gap(*of, gap.last_at, newer.last_at, more)
