"""`python -m tests.bench`: arguments, the parts of a run, the exit status."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import FrameType

from . import audit
from .audit_report import audit_verdicts
from .conditions import Conditions, read_pragmas
from .driving import ServerSilent
from .growth import Growth, measure_growth
from .leaver import measure_leavers
from .on_postgresql import compare_on_postgresql
from .parallel_writers import measure_writers
from .postgresql_report import Postgresql, postgresql_verdicts
from .rebuild_report import rebuild_verdicts
from .rebuilds import measure_rebuilds
from .report import print_audit, print_report, write_json
from .rounds import Contender, Scale, run_rounds, say
from .servers import ServerFailed, rollbook, scim2_server
from .steps import STEPS
from .targets import judge
from .two_sizes import measure_two_sizes

EXAMPLES = """\
examples:
  python -m tests.bench                        everything, under 25 minutes
  python -m tests.bench --quick                the same with few and short rounds, under 2 minutes
  python -m tests.bench --json bench.json      keep every figure
  python -m tests.bench --strict               exit with 1 when a target is missed
  python -m tests.bench --only rollbook        one server alone, without ratios
  python -m tests.bench --only postgresql      the rows of PostgreSQL alone
  python -m tests.bench --audit                an auditor's rows, on a log of a million events:
                                               6 GB of disk; minutes to fill it, minutes to measure
  python -m tests.bench --audit pages export --store DIR
                                               some of them; the logs stay in DIR for the next run
  python -m tests.bench --only rebuilds        rebuilds of a read model alone

exit status: 0 when every answer was right (with --strict: and every target met), else 1.
Only servers this program starts itself, on loopback, are put under load.
"""

FULL = Scale(
    users=500,
    rounds=5,
    seconds=1.0,
    concurrency=8,
    batch=300,
    growth_users=(1_000, 10_000),
    growth_groups=(100, 10_000),
    growth_lookups=500,
    growth_adds=100,
    sizes=(1_000, 50_000),
    sizes_lookups=1_000,
    leaver_groups=5_000,
    leaver_runs=5,
    writing_seconds=2.0,
    rebuilt_users=100_000,
    runner_events=4_000,
    memory_events=(100_000, 1_000_000),
)
QUICK = Scale(
    users=500,
    rounds=2,
    seconds=0.2,
    concurrency=8,
    batch=40,
    growth_users=(500, 1_000),
    growth_groups=(100, 1_000),
    growth_lookups=100,
    growth_adds=60,
    sizes=(500, 2_000),
    sizes_lookups=200,
    leaver_groups=1_000,
    leaver_runs=2,
    writing_seconds=0.5,
    rebuilt_users=3_000,
    runner_events=1_000,
    memory_events=(4_000, 20_000),
)


PARTS = ("rollbook", "peer", "postgresql", "rebuilds")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Rollbook (one worker) beside in-memory scim2-server, in one run.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="short rounds, small growth")
    parser.add_argument("--strict", action="store_true", help="a missed target is a failure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to FILE")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument(
        "--audit", nargs="*", choices=audit.PARTS, metavar="PART",
        help=f"an auditor's rows alone: {', '.join(audit.PARTS)}; all of them without a word",
    )  # fmt: skip
    parser.add_argument("--store", type=Path, metavar="DIR", help="where --audit keeps its logs")
    parser.add_argument("--rounds", type=int, metavar="N", help="paired rounds (5; --quick: 2)")
    parser.add_argument("--concurrency", type=int, metavar="N", help="connections (8)")
    parser.add_argument("--no-growth", action="store_true", help="leave out the growth rows")
    parser.add_argument("--no-postgresql", action="store_true", help="leave out those rows")
    parser.add_argument("--no-rebuilds", action="store_true", help="leave out those rows")
    return parser


def scale_of(options: argparse.Namespace) -> Scale:
    changes = {n: getattr(options, n) for n in ("rounds", "concurrency") if getattr(options, n)}
    return replace(QUICK if options.quick else FULL, **changes)


def compare(only: str | None, scale: Scale, logs: Path, conditions: Conditions) -> list[Contender]:
    """Both servers up at once, Rollbook first; the idle one costs nothing."""
    contenders = list[Contender]()
    if only in {"postgresql", "rebuilds"}:
        return contenders
    with ExitStack() as stack:
        if only != "peer":
            contenders.append(Contender(stack.enter_context(rollbook(logs))))
        if only != "rollbook":
            contenders.append(Contender(stack.enter_context(scim2_server(logs))))
        run_rounds(contenders, STEPS, scale)
        database = contenders[0].server.database
        if database is not None:
            conditions.pragmas = read_pragmas(database)
    return contenders


def grow(scale: Scale, logs: Path, ours: Contender) -> Growth:
    """On a fresh database; its wrong answers count as any others."""
    with rollbook(logs, "growth") as running:
        alone = Contender(running)
        growth = measure_growth(alone, scale)
    ours.failures += alone.failures
    return growth


def on_postgresql(scale: Scale, logs: Path) -> Postgresql:
    """Each row on a cluster of its own, with the settings that the row is about."""
    return Postgresql(
        compare_on_postgresql(scale, logs),
        measure_writers(scale.rounds, scale.writing_seconds),
        measure_two_sizes(scale.sizes, scale.sizes_lookups, logs),
        measure_leavers(scale.leaver_groups, scale.leaver_runs, logs),
    )


def run(options: argparse.Namespace, logs: Path) -> int:
    scale = scale_of(options)
    conditions = Conditions(scale)
    if options.audit is not None:
        return run_audit(options, scale, logs, conditions)
    contenders = compare(options.only, scale, logs, conditions)
    growth, postgresql, rebuilds = None, None, None
    if options.only in (None, "rollbook") and not options.no_growth:
        growth = grow(scale, logs, contenders[0])
    if options.only in (None, "postgresql") and not options.no_postgresql:
        postgresql = on_postgresql(scale, logs)
    if options.only in (None, "rebuilds") and not options.no_rebuilds:
        rebuilds = measure_rebuilds(
            scale.rebuilt_users, scale.runner_events, scale.memory_events, logs
        )
    conditions.load_at_end = os.getloadavg()
    verdicts = judge(contenders, growth) if contenders else []
    wrong = any(contender.failures for contender in contenders)
    if postgresql is not None:
        verdicts += postgresql_verdicts(postgresql)
        wrong = wrong or bool(postgresql.failures)
    if rebuilds is not None:
        verdicts += rebuild_verdicts(rebuilds)
        wrong = wrong or any(each.run.get("differences") for each in rebuilds.engines)
    print_report(contenders, growth, postgresql, verdicts, conditions, rebuilds=rebuilds)
    if options.json is not None:
        write_json(
            options.json,
            contenders,
            growth,
            postgresql,
            verdicts=verdicts,
            conditions=conditions,
            rebuilds=rebuilds,
        )
    missed = any(not verdict.met for verdict in verdicts)
    return 1 if wrong or (options.strict and missed) else 0


def run_audit(options: argparse.Namespace, scale: Scale, logs: Path, conditions: Conditions) -> int:
    folder = options.store or logs
    folder.mkdir(parents=True, exist_ok=True)
    measured = audit.measure_audit(scale, folder, options.audit or audit.PARTS, quick=options.quick)
    conditions.load_at_end = os.getloadavg()
    verdicts = list(audit_verdicts(measured))
    print_audit(measured, verdicts, conditions)
    missed = any(not verdict.met for verdict in verdicts)
    return 1 if measured.failures or (options.strict and missed) else 0


def main(argv: Sequence[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    # A plain SIGTERM would leave the servers behind: turned into an exit, it ends them too.
    signal.signal(signal.SIGTERM, _leave)
    logs = Path(tempfile.mkdtemp(prefix="rollbook-bench-"))
    try:
        status = run(options, logs)
    except (ServerFailed, ServerSilent) as failure:
        print(failure, file=sys.stderr)
        status = 1
    except KeyboardInterrupt:
        shutil.rmtree(logs, ignore_errors=True)
        return 130
    if status and any(logs.glob("*.log")):
        say(f"the servers' logs and databases are in {logs}")
    else:
        shutil.rmtree(logs)
    return status


def _leave(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
