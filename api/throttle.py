"""Throttling of failed authentication at the token endpoint (ABUSE A3).

Only failures count, and only against the address they come from: whoever guesses at a client
cannot lock it out of another address. The windows are one process's own; with N workers a guesser
gets at most N times as many attempts at 256 random bits.
"""

import math
import time
from bisect import bisect_right
from collections.abc import Callable

from limits import RateLimitItemPerMinute
from limits.storage import MovingWindowSupport, Storage
from limits.strategies import MovingWindowRateLimiter

PER_CLIENT = RateLimitItemPerMinute(10)
"""Failures of one client of one realm from one address."""
PER_ADDRESS = RateLimitItemPerMinute(30)
"""Failures from one address, whatever it tries."""
MAX_WINDOWS = 20_000
_NAME = 64

Monotonic = Callable[[], float]
"""Returns seconds on a clock nobody sets."""


class MonotonicWindows(Storage, MovingWindowSupport):
    """Moving windows in memory for ``limits``, on a monotonic clock and bounded in number.

    The library's own storage reads the wall clock, so that setting it back prolongs a refusal,
    and keeps a key for every name ever tried. Used by the event loop alone: it takes no lock.
    """

    STORAGE_SCHEME = None

    def __init__(self, clock: Monotonic = time.monotonic) -> None:
        super().__init__()
        self.clock = clock
        self._windows: dict[str, list[float]] = {}

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count ``amount`` under ``key`` unless that exceeds the limit; return whether it did."""
        now = self.clock()
        window = self._within(key, now - expiry)
        if len(window) + amount > limit:
            return False
        # The least recently used window goes first: it is the nearest to being over.
        self._windows.pop(key, None)
        while len(self._windows) >= MAX_WINDOWS:
            del self._windows[next(iter(self._windows))]
        self._windows[key] = [*window, *[now] * amount]
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002  # the library's contract
        """Return when the oldest entry of the window was counted, and how many there are."""
        now = self.clock()
        window = self._within(key, now - expiry)
        return (window[0] if window else now), len(window)

    def _within(self, key: str, since: float) -> list[float]:
        window = self._windows.get(key, [])
        return window[bisect_right(window, since) :]

    def clear(self, key: str) -> None:
        """Forget what was counted under ``key``."""
        self._windows.pop(key, None)

    def reset(self) -> int:
        """Forget everything; return how many windows there were."""
        count = len(self._windows)
        self._windows.clear()
        return count

    def check(self) -> bool:
        """Memory is always there."""
        return True

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may go wrong in this storage: nothing of its own."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Belongs to the library's other strategies."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Belongs to the library's other strategies."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Belongs to the library's other strategies."""
        raise NotImplementedError


class FailureThrottle:
    """Counts failed authentications and says when the next may be tried."""

    def __init__(self, clock: Monotonic = time.monotonic) -> None:
        self._windows = MonotonicWindows(clock)
        self._limiter = MovingWindowRateLimiter(self._windows)

    def wait(self, realm: str, client_id: str, address: str) -> int:
        """Return for how many whole seconds nothing is accepted; 0 when it may be tried now."""
        waits = [0.0]
        for limit, names in _limits(realm, client_id, address):
            if not self._limiter.test(limit, *names):
                reset = self._limiter.get_window_stats(limit, *names).reset_time
                waits.append(max(1.0, reset - self._windows.clock()))
        return math.ceil(max(waits))

    def failed(self, realm: str, client_id: str, address: str) -> None:
        """Count a failure."""
        for limit, names in _limits(realm, client_id, address):
            self._limiter.hit(limit, *names)


def _limits(
    realm: str, client_id: str, address: str
) -> list[tuple[RateLimitItemPerMinute, tuple[str, ...]]]:
    names = (realm[:_NAME], client_id[:_NAME], address)
    return [(PER_CLIENT, ("client", *names)), (PER_ADDRESS, ("address", address))]
