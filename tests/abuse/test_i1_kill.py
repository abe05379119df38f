"""kill -9 in the middle of writes (ABUSE I1): what was answered stays, the rest is whole or not.

Where the database is a server of its own, it is killed with Rollbook every other time.
"""

import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select

from domain.user import User
from projections.tables import events
from tests.abuse.dying import Writer, assert_kept, writers
from tests.abuse.evidence import Evidence
from tests.abuse.racing import KILLS
from tests.conftest import SpawnCluster
from tests.engines import Engine, PostgresqlEngine, SqliteEngine
from tests.scim import Scim
from tests.serving import RunningServer

LIVES = 10
"""How often one server is killed before the next database begins."""
SIDE_BY_SIDE = 2
"""Servers at a time: one starts again while the other is written to."""
THREADS = 4
MOST_WRITES = 60
"""A server dies after at most so many answered writes: a fraction of a second."""


@pytest.fixture
def engines(engine: Engine, spawn_cluster: SpawnCluster) -> list[Engine]:
    """The engine of each side, waiting for the disk as it does by itself."""
    if isinstance(engine, SqliteEngine):
        return [engine] * SIDE_BY_SIDE
    return [PostgresqlEngine(spawn_cluster(durable=True)) for _ in range(SIDE_BY_SIDE)]


@pytest.mark.parametrize("number", range(KILLS // (LIVES * SIDE_BY_SIDE)))
def test_i1_what_was_answered_survives_a_kill(
    engines: list[Engine], tmp_path_factory: pytest.TempPathFactory, number: int
) -> None:
    directories = [tmp_path_factory.mktemp(f"kill-{number}") for _ in range(SIDE_BY_SIDE)]
    chances = [random.Random(f"{number} {side}") for side in range(SIDE_BY_SIDE)]  # noqa: S311
    with ThreadPoolExecutor(SIDE_BY_SIDE) as sides:
        struck = list(sides.map(_live_and_die, engines, directories, chances))
    assert struck == [LIVES * THREADS] * SIDE_BY_SIDE, "a writer was not interrupted"


def _live_and_die(engine: Engine, directory: Path, chance: random.Random) -> int:
    """Kill one server again and again; return how many requests stayed without an answer."""
    struck = 0
    with engine.empty() as url, RunningServer(directory, url, realms=("acme",)) as server:
        evidence = Evidence(url, "acme")
        for life in range(LIVES):
            mortals, acknowledged = writers(server.scim(), THREADS)
            for mortal in mortals:
                mortal.start()
            for _ in range(chance.randint(1, MOST_WRITES)):
                assert acknowledged.acquire(timeout=30), [m.failure for m in mortals]
            server.kill()
            if isinstance(engine, PostgresqlEngine):
                engine.die(url, whole=life % 2 == 1)
            for mortal in mortals:
                mortal.join(30)
                assert not mortal.is_alive()
                assert mortal.failure is None, mortal.failure
            struck += sum(mortal.unanswered for mortal in mortals)
            engine.assert_sound(url)
            _assert_nothing_is_lost(evidence, mortals)
            if isinstance(engine, SqliteEngine):
                _assert_no_gap(evidence)
            server.start()
            _assert_it_serves(server.scim(), mortals)
    return struck


def _assert_nothing_is_lost(evidence: Evidence, mortals: list[Writer]) -> None:
    said = evidence.assert_consistent()
    living = {
        id_: state.document
        for (_, id_), state in said.states.items()
        if isinstance(state, User) and not state.deleted
    }
    for mortal in mortals:
        assert_kept(mortal, living, evidence.members(mortal.team))
    _assert_writes_are_whole(evidence)


def _assert_writes_are_whole(evidence: Evidence) -> None:
    """A rename with its deactivation is one write of two events, and never half of it."""
    by_write: dict[str, list[str]] = defaultdict(list)
    in_order = select(events.c.correlation_id, events.c.topic).order_by(events.c.position)
    for correlation, topic in evidence.select(in_order):
        by_write[correlation].append(topic)
    for topics in by_write.values():
        if "user.renamed" in topics or "user.deactivated" in topics:
            assert topics == ["user.renamed", "user.deactivated"]
        if "user.deleted" in topics:
            assert topics == ["user.deleted", "group.members-removed"]


def _assert_no_gap(evidence: Evidence) -> None:
    """Where one writes at a time, a position is drawn and committed, or neither."""
    positions = evidence.select(select(events.c.position).order_by(events.c.position))
    assert positions == [(number,) for number in range(1, len(positions) + 1)], "a gap in the log"


def _assert_it_serves(scim: Scim, mortals: list[Writer]) -> None:
    """The restarted server shows what was answered, and takes the next write."""
    for mortal in mortals:
        for id_ in [*mortal.promise.user_names][-2:]:
            if id_ not in mortal.promise.unsure:
                assert scim.get(f"/Users/{id_}").status == 200
        for id_ in [*mortal.promise.deleted][-1:]:
            assert scim.get(f"/Users/{id_}").status == 404
