"""Interleaved paired rounds: each step goes to one server, then at once to the other."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from statistics import median

from .directory import Directory
from .driving import Measured, drive
from .servers import Running
from .steps import Step, posts
from .workloads import read_back

SEED_CONCURRENCY = 8
WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: users in the directory, rounds, seconds of one endless step."""

    users: int
    rounds: int
    seconds: float
    concurrency: int
    batch: int
    growth_users: tuple[int, ...]
    growth_groups: tuple[int, int]
    growth_lookups: int
    growth_adds: int
    sizes: tuple[int, int]
    """Users of the two directories on PostgreSQL whose lookups are compared."""
    sizes_lookups: int
    leaver_groups: int
    leaver_runs: int
    writing_seconds: float
    rebuilt_users: int
    """Two events each."""
    runner_events: int
    memory_events: tuple[int, int]


@dataclass(slots=True)
class Contender:
    """A server, what it was told so far, and what was measured: step name to one drive a round."""

    server: Running
    directory: Directory = field(default_factory=Directory)
    measured: dict[str, list[Measured]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.server.target.name

    def fill(self, users: int, seconds: float | None = None) -> None:
        """POST users, the first one alone (everybody's manager), until so many are there."""
        for concurrency in (1, SEED_CONCURRENCY):
            missing = (1 if concurrency == 1 else users) - len(self.directory.users)
            conversations = posts(self.directory, max(0, missing))
            done = drive(self.server.target, conversations, concurrency, seconds)
            self.keep_failures("fill", done)

    def warm_up(self, steps: Sequence[Step], scale: Scale) -> None:
        """A few requests of each kind that needs no group: caches fill before the clock."""
        for step in steps:
            if step.endless and step.workload != "group":
                conversations = islice(step.begin(self.directory, scale.batch), WARM_UP)
                done = drive(self.server.target, conversations, scale.concurrency)
                self.keep_failures(f"warm-up {step.name}", done)
                self._read_back(f"warm-up {step.name}", scale)

    def take(self, step: Step, scale: Scale) -> Measured:
        conversations = step.begin(self.directory, scale.batch)
        seconds = scale.seconds if step.endless else None
        before = self.server.processor_seconds()
        measured = drive(self.server.target, conversations, scale.concurrency, seconds)
        measured.server_seconds = self.server.processor_seconds() - before
        self.measured.setdefault(step.name, []).append(measured)
        self.keep_failures(step.name, measured)
        self._read_back(step.name, scale)
        return measured

    def _read_back(self, step: str, scale: Scale) -> None:
        done = drive(self.server.target, read_back(self.directory), scale.concurrency)
        self.keep_failures(f"{step}, read back", done)

    def keep_failures(self, step: str, measured: Measured) -> None:
        self.failures += [f"{self.name} {step}: {text}" for text in measured.failures]


def run_rounds(contenders: Sequence[Contender], steps: Sequence[Step], scale: Scale) -> None:
    """Fill both directories, warm both servers, then measure.

    Every second round takes the servers in the other order: whatever the first of a pair does to
    the second (a hot cache, a raised clock, pages still being written) meets both.
    """
    for contender in contenders:
        say(f"{contender.name}: creating {scale.users} users")
        contender.fill(scale.users)
        contender.warm_up(steps, scale)
    for number in range(1, scale.rounds + 1):
        in_turn = contenders if number % 2 else contenders[::-1]
        for step in steps:
            for contender in in_turn:
                measured = contender.take(step, scale)
                say(
                    f"round {number}/{scale.rounds} {step.name} {contender.name}:"
                    f" {measured.rate:.0f}/s"
                )


def ratios(ours: Contender, theirs: Contender, steps: Sequence[Step]) -> list[float]:
    """Requests a second, ours divided by theirs, round by round.

    Several steps count alike, whatever number of requests each fitted into its time: their ratio
    is that of the time one request of each kind takes.
    """
    pairs = zip(_round_costs(ours, steps), _round_costs(theirs, steps), strict=True)
    return [their_cost / our_cost for our_cost, their_cost in pairs if our_cost and their_cost]


def _round_costs(contender: Contender, steps: Sequence[Step]) -> Iterator[float]:
    rows = [contender.measured[step.name] for step in steps]
    for row in zip(*rows, strict=True):
        yield sum(1 / m.rate for m in row if m.rate)


def median_rate(contender: Contender, steps: Sequence[Step]) -> float:
    """Requests a second over the steps, each kind once, the median round."""
    costs = [cost for cost in _round_costs(contender, steps) if cost]
    return median(len(steps) / cost for cost in costs) if costs else 0.0


def say(text: str) -> None:
    """A progress line: overwritten on a terminal, one line each in a file."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    else:
        print(text, file=sys.stderr, flush=True)
