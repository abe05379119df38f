"""An only log must be restorable: a backup under load, and what a restore of it brings back."""

from pathlib import Path
from threading import Semaphore

import pytest
from sqlalchemy import text

from tests.abuse.dying import Promise, Writer, writers
from tests.abuse.evidence import Evidence
from tests.abuse.racing import SOAK
from tests.abuse.resources import created, replace, user
from tests.engines import looking_at, url_of
from tests.scim import Scim
from tests.serving import RunningServer, ServerFailed

THREADS = 4
WRITES = 200 if SOAK else 40
"""Answered before the backup, and again after it."""


def promised(writer: Writer) -> Promise:
    """Return what a writer was answered until now, while it goes on."""
    told = writer.promise
    return Promise(dict(told.user_names), set(told.members), set(told.inactive), set(told.deleted))


def answered(told: Promise) -> dict[str, set[str]]:
    """Return the topics that the answers speak of, by the stream of the user."""
    topics = {id_: {"user.created"} for id_ in (*told.user_names, *told.deleted)}
    for id_ in told.inactive:
        topics[id_] |= {"user.renamed", "user.deactivated"}
    for id_ in told.deleted:
        topics[id_].add("user.deleted")
    return topics


def await_writes(mortals: list[Writer], acknowledged: Semaphore, count: int) -> None:
    for _ in range(count):
        assert acknowledged.acquire(timeout=30), [m.failure for m in mortals]


def test_every_write_answered_before_a_backup_is_there_after_a_restore(tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with RunningServer(
        tmp_path, url_of(tmp_path / "rollbook.db"), realms=("acme",), workers=2
    ) as server:
        scim, evidence = server.scim(), Evidence(server.database_url)
        known = f"/Users/{created(scim, user())['id']}"
        mortals, acknowledged = writers(scim, THREADS)
        for mortal in mortals:
            mortal.start()
        await_writes(mortals, acknowledged, WRITES)
        before = [promised(mortal) for mortal in mortals]
        while acknowledged.acquire(blocking=False):
            pass
        said = server.cli("backup", str(copy))
        assert acknowledged.acquire(blocking=False), "nobody wrote during the backup"
        await_writes(mortals, acknowledged, WRITES)
        forgotten = scim.patch(known, replace("title", "forgotten")).headers["etag"]
        with pytest.raises(ServerFailed, match="open in another process: stop the service first"):
            server.command("restore", str(copy), "--force")
        server.stop()
        for mortal in mortals:
            mortal.join(30)
            assert not mortal.is_alive()
            assert mortal.failure is None, mortal.failure
        count = evidence.event_count()
        assert count > said["events"], "nothing was written after the backup"

        restored = server.cli("restore", str(copy), "--force")

        assert restored["key_fits"] is True
        for mortal, told in zip(mortals, before, strict=True):
            for id_, topics in answered(told).items():
                assert topics <= set(evidence.topics(id_)), "an answered write is lost"
            gone = {id_ for id_ in told.members if "user.deleted" in evidence.topics(id_)}
            assert told.members - gone <= evidence.members(mortal.team), "a membership is lost"
        assert evidence.event_count() == said["events"]
        _assert_in_order(evidence)
        kept = Evidence(url_of(Path(restored["kept"])))
        assert kept.event_count() == count, "the database that was replaced is kept whole"
        _assert_in_order(kept)
        server.start()
        _assert_it_serves_and_writes(scim, evidence, before)
        _assert_matches_nothing(forgotten, scim, known, evidence)


def _assert_in_order(evidence: Evidence) -> None:
    with looking_at(evidence.url) as connection:
        assert connection.scalar(text("PRAGMA integrity_check")) == "ok"
    evidence.assert_consistent()


def _assert_it_serves_and_writes(scim: Scim, evidence: Evidence, before: list[Promise]) -> None:
    """The token of before the backup opens what was there, and the log goes on."""
    for told in before:
        for id_ in told.user_names:
            assert scim.get(f"/Users/{id_}").status in (200, 404)  # deleted before the backup ended
        for id_ in told.deleted:
            assert scim.get(f"/Users/{id_}").status == 404
    with evidence.new_events(1):
        created(scim, user())
    _assert_in_order(evidence)


def _assert_matches_nothing(forgotten: str, scim: Scim, path: str, evidence: Evidence) -> None:
    """The stream reaches the version of the tag again, by another write (ADR 0004)."""
    present = scim.patch(path, replace("title", "another")).headers["etag"]
    version = present.partition("-")[0]
    assert version == forgotten.partition("-")[0], "the same version of the stream"
    with evidence.nothing_happens():
        refused = scim.patch(path, replace("title", "x"), headers={"If-Match": forgotten})
    assert refused.status == 412
    assert scim.patch(path, replace("title", "x"), headers={"If-Match": present}).status < 300
