"""How much to do in one transaction, so that those of others go on beside it."""

from threading import Lock

_FIRST, _LEAST, _MOST = 50, 1, 5_000
_GROWTH = 1.5


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
            self._size = min(max(_LEAST, min(fits, self._size * _GROWTH)), _MOST)
