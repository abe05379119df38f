"""The tables, and the same as JSON."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from .audit_report import Audit, audit_lines
from .conditions import Conditions
from .driving import Measured
from .growth import Growth
from .postgresql_report import Postgresql, postgresql_lines
from .rebuild_report import rebuild_lines
from .rebuilds import Rebuilds
from .rounds import Contender, median_rate, ratios
from .steps import STEPS, Step
from .targets import Verdict

FAILURES_SHOWN = 20


def print_report(
    contenders: Sequence[Contender],
    growth: Growth | None,
    postgresql: Postgresql | None,
    verdicts: Sequence[Verdict],
    conditions: Conditions,
    *,
    rebuilds: Rebuilds | None = None,
) -> None:
    print("\nConditions")
    for line in conditions.lines():
        print(f"  {line}")
    if contenders and contenders[0].measured:
        print("\nRequests a second (median of the rounds; p50 and p95 in ms)")
        for line in comparison_lines(contenders):
            print(f"  {line}")
        print(f"  the client's own cost: {client_microseconds(contenders):.0f} us a request")
    if growth is not None:
        print("\nRollbook as it grows (one connection, median ms)")
        for line in growth_lines(growth):
            print(f"  {line}")
    if postgresql is not None:
        print("\nRollbook on PostgreSQL")
        for line in postgresql_lines(postgresql):
            print(f"  {line}".rstrip())
    if rebuilds is not None:
        print("\nRebuilds of the directory")
        for line in rebuild_lines(rebuilds):
            print(f"  {line}")
    failures = [failure for contender in contenders for failure in contender.failures]
    failures += postgresql.failures if postgresql is not None else []
    _print_end(verdicts, failures)


def print_audit(measured: Audit, verdicts: Sequence[Verdict], conditions: Conditions) -> None:
    print("\nConditions")
    for line in conditions.lines():
        print(f"  {line}")
    print("\nAn auditor's questions, on SQLite")
    for line in audit_lines(measured):
        print(f"  {line}")
    _print_end(verdicts, measured.failures)


def _print_end(verdicts: Sequence[Verdict], failures: Sequence[str]) -> None:
    print("\nTargets")
    for verdict in verdicts:
        got = "-" if verdict.got is None else f"{verdict.got:.2f}x"
        print(f"  {verdict.target:<48} {verdict.wanted:>8} {got:>9}  {verdict.word}")
    print(f"\n{len(failures)} wrong answers")
    for failure in failures[:FAILURES_SHOWN]:
        print(f"  {failure}")


def comparison_lines(contenders: Sequence[Contender]) -> Iterator[str]:
    """One line a workload of several steps, one a step; the ratio is the median of the rounds'."""
    heads = "".join(f"{c.name + '/s':>16}{'p50':>9}{'p95':>9}" for c in contenders)
    pair = len(contenders) > 1
    yield f"{'step':<22}{heads}" + (f"{'ratio':>9}  lowest-highest" if pair else "")
    for workload, steps in _by_workload():
        if len(steps) > 1 and workload != "group":
            yield _line(f"{workload} (all alike)", steps, contenders)
        for step in steps:
            yield _line(f"  {step.name}", [step], contenders)


def _line(title: str, steps: Sequence[Step], contenders: Sequence[Contender]) -> str:
    text = f"{title:<22}"
    for contender in contenders:
        text += f"{median_rate(contender, steps):>16.1f}"
        rounds = contender.measured[steps[0].name] if len(steps) == 1 else []
        for share in (0.5, 0.95):
            text += f"{median(percentile(m, share) for m in rounds):>9.2f}" if rounds else " " * 9
    if len(contenders) > 1:
        seen = ratios(contenders[0], contenders[1], steps)
        if seen:
            text += f"{median(seen):>8.2f}x  {min(seen):.2f}-{max(seen):.2f}"
    return text


def growth_lines(growth: Growth) -> Iterator[str]:
    for row in growth.lookups:
        shown = "  ".join(f"{name} {value:.2f}" for name, value in row.medians.items())
        yield f"{row.users:>7,} users   {shown}"
    add = growth.add
    if add is None:
        yield "adding one member: not measured, the directory could not be filled in time"
    else:
        yield (
            f"adding one member: {add.medians[0]:.2f} at {add.sizes[0]:,},"
            f" {add.medians[1]:.2f} at {add.sizes[1]:,} ({add.adds} adds each, alternated)"
        )


def percentile(measured: Measured, share: float) -> float:
    """Milliseconds; 0 when nothing was answered."""
    ordered = sorted(measured.latencies)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0


def client_microseconds(contenders: Sequence[Contender]) -> float:
    drives = [m for c in contenders for rounds in c.measured.values() for m in rounds]
    requests = sum(len(m.latencies) for m in drives)
    return sum(m.client_seconds for m in drives) / requests * 1e6 if requests else 0.0


def write_json(
    file: Path,
    contenders: Sequence[Contender],
    growth: Growth | None,
    postgresql: Postgresql | None,
    *,
    verdicts: Sequence[Verdict],
    conditions: Conditions,
    rebuilds: Rebuilds | None = None,
) -> None:
    """Everything the tables are made of; latencies as p50 and p95 of each round."""
    everything: dict[str, Any] = {
        "conditions": conditions.as_json(),
        "servers": {c.name: _as_json(c) for c in contenders},
        "ratios": {s.name: ratios(contenders[0], contenders[1], [s]) for s in STEPS}
        if len(contenders) > 1
        else {},
        "growth": growth,
        "postgresql": _postgresql_as_json(postgresql) if postgresql is not None else None,
        "rebuilds": rebuilds,
        "targets": [
            {"target": v.target, "wanted": v.wanted, "got": v.got, "verdict": v.word}
            for v in verdicts
        ],
        "client_microseconds_a_request": client_microseconds(contenders) if contenders else None,
    }
    file.write_bytes(orjson.dumps(everything, option=orjson.OPT_INDENT_2))


def _postgresql_as_json(postgresql: Postgresql) -> dict[str, Any]:
    paired = postgresql.paired
    return {
        "reason": paired.reason,
        "settings": paired.settings,
        "servers": {contender.name: _as_json(contender) for contender in paired.contenders},
        "writers": postgresql.writers,
        "sizes": postgresql.sizes,
        "leavers": postgresql.leavers,
    }


def _as_json(contender: Contender) -> dict[str, Any]:
    rounds = {
        name: [
            {
                "requests": len(m.latencies),
                "seconds": m.seconds,
                "requests_per_second": m.rate,
                "p50_ms": percentile(m, 0.5),
                "p95_ms": percentile(m, 0.95),
            }
            for m in measured
        ]
        for name, measured in contender.measured.items()
    }
    return {"rounds": rounds, "wrong_answers": contender.failures}


def _by_workload() -> Iterator[tuple[str, list[Step]]]:
    names = dict.fromkeys(step.workload for step in STEPS)
    for workload in names:
        yield workload, [step for step in STEPS if step.workload == workload]
