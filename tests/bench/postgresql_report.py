"""What was measured on PostgreSQL, in words and ratios; each row with its conditions."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from .leaver import Leaver
from .on_postgresql import PAIRED, OnPostgresql, processor_microseconds
from .parallel_writers import WRITERS, Writers
from .rounds import ratios
from .targets import Verdict, verdict
from .two_sizes import TwoSizes


@dataclass(frozen=True, slots=True)
class Postgresql:
    """The four measurements; the leaver's first is SQLite's."""

    paired: OnPostgresql
    writers: Writers
    sizes: TwoSizes
    leavers: list[Leaver]

    @property
    def failures(self) -> list[str]:
        found = [text for contender in self.paired.contenders for text in contender.failures]
        return found + self.sizes.failures


def postgresql_verdicts(measured: Postgresql) -> Iterator[Verdict]:
    for name, workload, wanted in (("lookups", "lookup", 1.2), ("creates", "create", 1.0)):
        got = _paired(measured.paired, workload)
        yield verdict(f"PostgreSQL: {name}", got, at_least=wanted, reason=measured.paired.reason)
    yield verdict(
        f"PostgreSQL: {WRITERS} writers, events a second",
        measured.writers.ratio,
        at_least=5.0,
        reason=measured.writers.reason,
    )
    small, large = measured.sizes.sizes
    yield verdict(
        f"PostgreSQL: lookup at {large:,} users / at {small:,}",
        measured.sizes.ratio,
        at_most=1.3,
        reason=measured.sizes.reason,
    )


def _paired(paired: OnPostgresql, workload: str) -> float | None:
    steps = [step for step in PAIRED if step.workload == workload]
    seen = ratios(paired.contenders[0], paired.contenders[1], steps) if paired.contenders else []
    return median(seen) if seen else None


def postgresql_lines(measured: Postgresql) -> Iterator[str]:
    yield from _paired_lines(measured.paired)
    yield from _writer_lines(measured.writers)
    yield from _size_lines(measured.sizes)
    yield from _leaver_lines(measured.leavers)


def _shown(settings: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in settings.items())


def _paired_lines(paired: OnPostgresql) -> Iterator[str]:
    if paired.reason:
        yield f"beside the peer: not measured: {paired.reason}"
        return
    ours, theirs = paired.contenders
    yield f"one worker beside the peer; read back from the server: {_shown(paired.settings)}"
    yield f"{'step':<20}{'ratio':>8}  {'lowest-highest':<16}worker's processor time, ratio"
    for step in PAIRED:
        seen = ratios(ours, theirs, [step])
        used = [processor_microseconds(one, [step.name]) for one in (ours, theirs)]
        if seen and all(used):
            span = f"{min(seen):.2f}-{max(seen):.2f}"
            yield f"{step.name:<20}{median(seen):>7.2f}x  {span:<16}{used[0] / used[1]:.2f}"


def _writer_lines(writers: Writers) -> Iterator[str]:
    yield ""
    if writers.reason:
        yield f"{WRITERS} writers: not measured: {writers.reason}"
        return
    without, with_delay = writers.commit_ms
    yield f"{WRITERS} writers; read back from the server: {_shown(writers.settings)}"
    yield (
        f"one connection's commit takes {with_delay:.1f} ms, and with commit_delay=0"
        f" {without:.1f} ms: the delay fires"
    )
    pairs = zip(writers.ours, writers.stock, strict=True)
    shown = " ".join(f"{ours / stock:.1f}" for ours, stock in pairs)
    yield f"events a second, by the library's own recorder for PostgreSQL: {shown}"


def _size_lines(sizes: TwoSizes) -> Iterator[str]:
    yield ""
    small, large = sizes.sizes
    if sizes.reason or sizes.ratio is None:
        yield f"lookups at {small:,} and {large:,} users: not measured: {sizes.reason}"
        return
    yield f"lookup by userName, one connection, median at {large:,} users by that at {small:,}:"
    yield f"{sizes.ratio:.2f}x; filled in process, 500 users a transaction, then ANALYZE;"
    yield f"read back from the server: {_shown(sizes.settings)}"


def _leaver_lines(leavers: list[Leaver]) -> Iterator[str]:
    yield ""
    yield "a member of many groups is deleted, by as many raw row changes:"
    yield "4 a group, one statement a row, sent together"
    for leaver in leavers:
        if leaver.ratio is None:
            yield f"{leaver.engine:<11} {leaver.groups:,} groups: not measured: {leaver.reason}"
        else:
            yield (
                f"{leaver.engine:<11} {leaver.groups:,} groups: {leaver.ratio:.2f}x,"
                f" {median(leaver.deletions):.2f} s in one transaction"
            )
