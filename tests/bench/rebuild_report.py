"""What rebuilds showed, in words and ratios."""

from collections.abc import Iterator
from statistics import median

from .rebuilds import Rebuilds, Rebuilt, milliseconds, p99
from .targets import Verdict, verdict


def rebuild_verdicts(measured: Rebuilds) -> Iterator[Verdict]:
    embedded, served = measured.engines
    got = served.rate / served.runner if served.runner else None
    yield verdict("rebuild by the library's runner", got, at_least=8.0, reason=served.reason)
    yield verdict("rebuild by raw inserts on SQLite", _by_raw(embedded), at_least=0.25)
    for each in measured.engines:
        yield from _of_engine(each)
    small, large = measured.memory
    got = large / small if small else None
    name = f"memory at {measured.events[1]:,} events / {measured.events[0]:,}"
    yield verdict(name, got, at_most=1.2)


def _of_engine(each: Rebuilt) -> Iterator[Verdict]:
    run, writes, held = None, None, None
    if each.run:
        run = each.run["verify"] / each.run["fill"]
        writes = p99(each.busy) / p99(each.quiet) if not each.refused else None
        held = each.held_ms / (median(each.quiet) * 1_000)
    for name, got, at_most in (
        ("verification by the filling", run, 1.0),
        ("p99 of a write beside a rebuild", writes, 5.0),
        ("the switch by a median write", held, 10.0),
    ):
        yield verdict(f"{each.engine}: {name}", got, at_most=at_most, reason=each.reason)


def _by_raw(each: Rebuilt) -> float | None:
    return each.raw / each.run["fill"] if each.raw else None


def rebuild_lines(measured: Rebuilds) -> Iterator[str]:
    for each in measured.engines:
        if each.reason:
            yield f"{each.engine}: not measured: {each.reason}"
            continue
        yield (
            f"{each.engine}: {each.users:,} users, {each.run['events']:,.0f} events:"
            f" {each.rate:,.0f} events/s, filled in {each.run['fill']:.1f} s,"
            f" verified in {each.run['verify']:.1f} s"
        )
        yield (
            f"  writes at 25 a second, median/p99 ms: {milliseconds(each.quiet)} without a rebuild,"
            f" {milliseconds(each.busy)} beside one ({len(each.busy)} writes, {each.refused}"
            f" refused); the switch held them {each.held_ms:.0f} ms"
        )
        if each.runner:
            yield f"  the library's ProjectionRunner: {each.runner:,.0f} events/s"
        if each.raw:
            yield f"  the same rows inserted raw, in batches: {each.raw:.1f} s"
    shown = " and ".join(f"{each / 1024:.0f} MiB" for each in measured.memory)
    yield f"most memory at {measured.events[0]:,} and {measured.events[1]:,} events: {shown}"
