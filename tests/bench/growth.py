"""Rollbook alone, as the directory grows: what a request costs must not follow the size."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from statistics import median

from .driving import Measured, drive
from .entra_users import EntraGroup
from .group_workloads import add_to_group, create_group, get_group
from .rounds import Contender, Scale, say
from .steps import LOOKUPS
from .wire import Conversation

BATCH = 100
FILL_STEP = 1000
FILL_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class LookupRow:
    """Median latencies in milliseconds over one connection, by lookup step, at a size."""

    users: int
    medians: dict[str, float]


@dataclass(frozen=True, slots=True)
class AddRow:
    """Latencies in milliseconds of adding one member to the small and to the large group."""

    sizes: tuple[int, int]
    medians: tuple[float, float]
    adds: int

    @property
    def ratio(self) -> float:
        return self.medians[1] / self.medians[0]


@dataclass(frozen=True, slots=True)
class Growth:
    lookups: list[LookupRow]
    add: AddRow | None


def measure_growth(rollbook: Contender, scale: Scale) -> Growth:
    """Lookups at each size of the directory, then adds alternated between two groups in it.

    A size that could not be reached within `FILL_SECONDS` is left out; its targets are then
    reported as not measured.
    """
    lookups: list[LookupRow] = []
    for users in scale.growth_users:
        if not _fill(rollbook, users):
            return Growth(lookups, None)
        lookups.append(_look_up_at(rollbook, users, scale.growth_lookups))
    return Growth(lookups, _alternate_adds(rollbook, scale))


def _fill(rollbook: Contender, users: int) -> bool:
    """Whether the directory holds so many users after at most `FILL_SECONDS`."""
    deadline = time.monotonic() + FILL_SECONDS
    while (held := len(rollbook.directory.users)) < users and not rollbook.failures:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        say(f"growth: {held} of {users} users created")
        rollbook.fill(min(held + FILL_STEP, users), left)
    return held >= users


def _look_up_at(rollbook: Contender, users: int, times: int) -> LookupRow:
    medians = {}
    for step in LOOKUPS:
        conversations = islice(step.begin(rollbook.directory, users), times)
        done = _alone(rollbook, f"growth {step.name}", conversations)
        medians[step.name] = median(_milliseconds(done) or [0.0])
        say(f"growth: {step.name} at {users} users: {medians[step.name]:.2f} ms")
    return LookupRow(users, medians)


def _alternate_adds(rollbook: Contender, scale: Scale) -> AddRow | None:
    """Small, large, small, large, …: whatever the machine does meanwhile meets both."""
    small, large = scale.growth_groups
    if not _fill(rollbook, large + scale.growth_adds):
        return None
    ids = [user.id for user in rollbook.directory.users]
    groups = [_group_of(rollbook, ids[:size]) for size in (small, large)]
    say(f"growth: {scale.growth_adds} adds to a group of {small} and to one of {large} in turn")
    spare = ids[large : large + scale.growth_adds]
    taken = _alone(rollbook, "growth add1", iter([_in_turn(groups, spare)]))
    _alone(rollbook, "growth members", (get_group(group) for group in groups))
    if taken.failures:
        return None
    in_order = _milliseconds(taken)
    medians = (median(in_order[0::2]), median(in_order[1::2]))
    return AddRow((small, large), medians, scale.growth_adds)


def _in_turn(groups: list[EntraGroup], members: list[str]) -> Conversation:
    """One conversation, so that all adds travel over one connection, warm from the first on."""
    for member in members:
        for group in groups:
            yield from add_to_group(group, [[member]])


def _group_of(rollbook: Contender, ids: list[str]) -> EntraGroup:
    _alone(rollbook, "growth group", iter([create_group(rollbook.directory)]))
    group = rollbook.directory.groups[-1]
    say(f"growth: a group of {len(ids)}")
    batches = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
    _alone(rollbook, "growth add100", iter([add_to_group(group, batches)]))
    return group


def _alone(rollbook: Contender, what: str, conversations: Iterator[Conversation]) -> Measured:
    done = drive(rollbook.server.target, conversations, concurrency=1)
    rollbook.keep_failures(what, done)
    return done


def _milliseconds(taken: Measured) -> list[float]:
    return [latency * 1000 for latency in taken.latencies]
