"""kill -9 in the middle of writes (ABUSE I1): what was answered stays, the rest is whole or not."""

import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.user import User
from tests.abuse.dying import Writer, assert_kept, writers
from tests.abuse.evidence import Evidence
from tests.abuse.racing import KILLS
from tests.scim import Scim
from tests.serving import RunningServer

LIVES = 10
"""How often one server is killed before the next database begins."""
SIDE_BY_SIDE = 2
"""Servers at a time: one starts again while the other is written to."""
THREADS = 4
MOST_WRITES = 60
"""A server dies after at most so many answered writes: a fraction of a second."""


@pytest.mark.parametrize("number", range(KILLS // (LIVES * SIDE_BY_SIDE)))
def test_i1_what_was_answered_survives_a_kill(
    tmp_path_factory: pytest.TempPathFactory, number: int
) -> None:
    directories = [tmp_path_factory.mktemp(f"kill-{number}") for _ in range(SIDE_BY_SIDE)]
    chances = [random.Random(f"{number} {side}") for side in range(SIDE_BY_SIDE)]  # noqa: S311
    with ThreadPoolExecutor(SIDE_BY_SIDE) as sides:
        struck = list(sides.map(_live_and_die, directories, chances))
    assert struck == [LIVES * THREADS] * SIDE_BY_SIDE, "a writer was not interrupted"


def _live_and_die(directory: Path, chance: random.Random) -> int:
    """Kill one server again and again; return how many requests stayed without an answer."""
    struck = 0
    with RunningServer(directory, realms=("acme",)) as server:
        evidence = Evidence(server.database_path, "acme")
        for _ in range(LIVES):
            mortals, acknowledged = writers(server.scim(), THREADS)
            for mortal in mortals:
                mortal.start()
            for _ in range(chance.randint(1, MOST_WRITES)):
                assert acknowledged.acquire(timeout=30), [m.failure for m in mortals]
            server.kill()
            for mortal in mortals:
                mortal.join(30)
                assert not mortal.is_alive()
                assert mortal.failure is None, mortal.failure
            struck += sum(mortal.unanswered for mortal in mortals)
            _assert_nothing_is_lost(evidence, mortals)
            server.start()
            _assert_it_serves(server.scim(), mortals)
    return struck


def _assert_nothing_is_lost(evidence: Evidence, mortals: list[Writer]) -> None:
    evidence.assert_sound()
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
    rows = evidence.select("SELECT position, correlation_id, topic FROM events ORDER BY position")
    for _, correlation, topic in rows:
        by_write[correlation].append(topic)
    for topics in by_write.values():
        if "user.renamed" in topics or "user.deactivated" in topics:
            assert topics == ["user.renamed", "user.deactivated"]
        if "user.deleted" in topics:
            assert topics == ["user.deleted", "group.members-removed"]
    positions = [row[0] for row in rows]
    assert positions == list(range(1, len(rows) + 1)), "a gap in the log"


def _assert_it_serves(scim: Scim, mortals: list[Writer]) -> None:
    """The restarted server shows what was answered, and takes the next write."""
    for mortal in mortals:
        for id_ in [*mortal.promise.user_names][-2:]:
            if id_ not in mortal.promise.unsure:
                assert scim.get(f"/Users/{id_}").status == 200
        for id_ in [*mortal.promise.deleted][-1:]:
            assert scim.get(f"/Users/{id_}").status == 404
