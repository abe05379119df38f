"""How much to do in one transaction, so that those of others go on beside it."""

from threading import Lock

_FIRST, _LEAST, _MOST = 50, 1, 5_000
_CHANGE = 2.0
"""The most that one piece changes the size of the next: a slow moment is no slow machine."""


class Pace:
    """Sizes pieces of work by the time that the last ones took; shared by threads."""

    def __init__(self, seconds: float) -> None:
        """Take how long a transaction may hold what others wait for."""
        self._seconds = seconds
        self._size = float(_FIRST)
        self._lock = Lock()

    @property
    def size(self) -> int:
        """How many events, or rows, the next piece should have."""
        return max(_LEAST, int(self._size))

    def took(self, size: int, seconds: float) -> None:
        """Learn how long a piece took."""
        if not size:
            return
        fits = size * self._seconds / max(seconds, 1e-6)
        with self._lock:
            changed = min(max(fits, self._size / _CHANGE), self._size * _CHANGE)
            self._size = min(max(changed, _LEAST), _MOST)
