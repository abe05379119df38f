"""Real threads that begin together, and the counts that the normal and the long run use."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.scim import Answer

SOAK = os.environ.get("ROLLBOOK_SOAK") == "1"
ROUNDS = 100 if SOAK else 5
"""How often each race is run."""
KILLS = 200 if SOAK else 20
"""How often a server is killed while it writes."""

Attempt = Callable[[], Answer]


def race(attempts: Sequence[Attempt]) -> list[Answer]:
    """Start every attempt at one instant, each in a thread of its own; return their answers."""
    barrier = threading.Barrier(len(attempts))

    def run(attempt: Attempt) -> Answer:
        barrier.wait()
        return attempt()

    with ThreadPoolExecutor(len(attempts)) as threads:
        return list(threads.map(run, attempts))


def statuses(answers: Iterable[Answer]) -> Counter[int]:
    """Return how often each status was answered; none may be the server's own failure."""
    told = list(answers)
    failures = [answer for answer in told if answer.status >= 500]
    assert not failures, failures[0]
    return Counter(answer.status for answer in told)


def done(answers: Iterable[Answer]) -> int:
    """Return how many were answered 2xx: a large group is answered 204, a small one 200."""
    return sum(number for status, number in statuses(answers).items() if 200 <= status < 300)
