"""docs/backup.md is typed as it stands, against a private PostgreSQL: a dump, and a moment back.

What is written before and after is behind :class:`Kept`: a plain table, and Rollbook's own log.
"""

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from api.composition import known_generations
from domain.handlers.realms import create_realm
from projections.backup.soundness import check_log
from projections.database import Database
from projections.log import SqlLog
from projections.migration import migrate
from projections.realms import list_realms
from tests.conftest import SpawnCluster
from tests.docs.pages import Block, blocks
from tests.docs.test_backup import section
from tests.houses import KEY, OPERATOR
from tests.postgresql import absence
from tests.postgresql.cluster import SUPERUSER, Cluster
from tests.postgresql.installation import server_environment

DATABASE = "rollbook"
SECONDS = 300
PROGRAMS = ("psql", "createdb", "pg_dump", "pg_restore", "pg_basebackup")
VERIFIES = "pg_verifybackup"
"""Crashes in the package that carries PostgreSQL, whatever it is told; an installed one runs."""
REPLICATION = f"host replication {SUPERUSER} 127.0.0.1/32 trust\n"
"""What Debian's pg_hba.conf has for the local socket."""


class Kept(Protocol):
    """What a database is to bring back: something with names that are written one by one."""

    def make(self, cluster: Cluster) -> None:
        """Make the database :data:`DATABASE` and what it needs."""

    def write(self, cluster: Cluster, name: str) -> None:
        """Write a name, and return when the database has answered."""

    def names(self, cluster: Cluster, database: str = DATABASE) -> set[str]:
        """Return the names in a database."""


class PlainTable:
    """One table of names."""

    def make(self, cluster: Cluster) -> None:
        cluster.create_database(DATABASE)
        with cluster.connect(DATABASE) as connection:
            connection.execute("CREATE TABLE kept (name text PRIMARY KEY)")

    def write(self, cluster: Cluster, name: str) -> None:
        with cluster.connect(DATABASE) as connection:
            connection.execute("INSERT INTO kept VALUES (%s)", [name])

    def names(self, cluster: Cluster, database: str = DATABASE) -> set[str]:
        with cluster.connect(database) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM kept")}


class RollbookLog:
    """Realms in the log of Rollbook, which must be whole wherever it is read."""

    def make(self, cluster: Cluster) -> None:
        cluster.create_database(DATABASE)
        with self._opened(cluster, DATABASE) as log:
            migrate(log.database, log.registry)

    def write(self, cluster: Cluster, name: str) -> None:
        with self._opened(cluster, DATABASE) as log:
            create_realm(OPERATOR, log, name)

    def names(self, cluster: Cluster, database: str = DATABASE) -> set[str]:
        with self._opened(cluster, database) as log, log.database.reading() as connection:
            check_log(connection, database)
            return {row.slug for row in list_realms(connection)}

    @contextmanager
    def _opened(self, cluster: Cluster, database: str) -> Iterator[SqlLog]:
        opened = Database(cluster.url(database))
        try:
            yield SqlLog(opened, known_generations(), KEY)
        finally:
            opened.close()


each_kept = pytest.mark.parametrize(
    "kept", [PlainTable(), RollbookLog()], ids=lambda kept: type(kept).__name__
)


class Reader:
    """Does what the page says: types `sh`, writes `ini`, starts and stops what `console` names."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.backups = cluster.folder / "backups"
        self.backups.mkdir()
        cluster._account.own(self.backups)
        with absence.skipping():
            for name in PROGRAMS:
                cluster.binaries.program(name)
        self._verifies = cluster.binaries.origin == "installed"

    def follow(self, found: Sequence[Block], **instead: str) -> str:
        """Follow blocks in their order, with words of the page replaced; return what is printed."""
        printed = ""
        for block in found:
            text = self._here(block.text, instead)
            match block.language:
                case "sh" if VERIFIES in text and not self._verifies:
                    assert text.split() == [VERIFIES, str(self.backups / "base")], "nothing else"
                case "sh":
                    printed += self._type(text)
                case "ini":
                    settings = re.findall(r"^(\w+) = '?(.*?)'?$", text, re.MULTILINE)
                    self.cluster.settings.update(settings)
                case "console":
                    self._serve(text)
        return printed

    def _here(self, text: str, instead: dict[str, str]) -> str:
        text = text.replace("/var/lib/postgresql/15/main", str(self.cluster.data))
        text = text.replace("/srv/backups", str(self.backups))
        for word, other in instead.items():
            assert word in text or "recovery_target_time =" not in text
            text = text.replace(word, other)
        return text

    def _type(self, script: str) -> str:
        done = subprocess.run(
            ["sh", "-eu", "-c", script],
            cwd=self.backups,
            env=server_environment()
            | {
                "PATH": f"{self.cluster._programs}{os.pathsep}{os.environ['PATH']}",
                "PGHOST": "127.0.0.1",
                "PGPORT": str(self.cluster.port),
                "PGUSER": SUPERUSER,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            **self.cluster._account.options,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return str(done.stdout)

    def _serve(self, text: str) -> None:
        for line in text.splitlines():
            _, program, verb, unit = line.split()
            assert program == "systemctl"
            if unit == "postgresql":
                {
                    "start": self.cluster.start,
                    "stop": self.cluster.stop,
                    "restart": self.cluster.restart,
                }[verb]()


@each_kept
def test_a_dump_is_restored_beside_the_database(spawn_cluster: SpawnCluster, kept: Kept) -> None:
    cluster = spawn_cluster()
    reader = Reader(cluster)
    kept.make(cluster)
    kept.write(cluster, "before")
    dump, back = blocks(section("### A dump"))
    reader.follow([dump])
    kept.write(cluster, "after")
    reader.follow([back])
    assert kept.names(cluster, "rollbook_restored") == {"before"}
    assert kept.names(cluster) == {"before", "after"}


@each_kept
def test_a_cluster_is_brought_back_to_a_moment(spawn_cluster: SpawnCluster, kept: Kept) -> None:
    cluster = spawn_cluster(durable=True)
    reader = Reader(cluster)
    with (cluster.data / "pg_hba.conf").open("a") as access:
        access.write(REPLICATION)
    kept.make(cluster)
    kept.write(cluster, "before-base")
    printed = reader.follow(blocks(section("### Point-in-time recovery: prepare")))
    assert "last_archived_time" in printed
    kept.write(cluster, "after-base")
    moment = _now(cluster)
    kept.write(cluster, "by-mistake")
    steps = blocks(section("### Point-in-time recovery: go back"))
    reader.follow(steps, **{"2026-11-24 14:05:00+00": moment})
    assert kept.names(cluster) == {"before-base", "after-base"}
    kept.write(cluster, "since")
    cluster.restart()
    assert kept.names(cluster) == {"before-base", "after-base", "since"}
    assert _archived(reader.backups / "wal"), "nothing was archived: the page was not followed"


@each_kept
def test_a_cluster_that_is_gone_comes_back_to_the_end_of_its_archive(
    spawn_cluster: SpawnCluster, kept: Kept
) -> None:
    cluster = spawn_cluster(durable=True)
    reader = Reader(cluster)
    with (cluster.data / "pg_hba.conf").open("a") as access:
        access.write(REPLICATION)
    kept.make(cluster)
    reader.follow(blocks(section("### Point-in-time recovery: prepare")))
    kept.write(cluster, "archived")
    archive = reader.backups / "wal"
    with cluster.connect() as connection:
        [(segment,)] = connection.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchall()
        while not (archive / segment).exists():
            connection.execute("SELECT pg_sleep(0.05)")
    cluster.kill()
    for old in (cluster.data / "pg_wal").glob("0*"):
        old.unlink()  # what was on the disk alone is gone with it
    steps = blocks(section("### Point-in-time recovery: go back"))
    whole = [Block(b.language, _without_a_moment(b.text)) for b in steps]
    reader.follow([block for block in whole if "stop postgresql" not in block.text])
    assert kept.names(cluster) == {"archived"}


def _without_a_moment(text: str) -> str:
    return re.sub(r"^recovery_target_time = .*\n", "", text, flags=re.MULTILINE)


def _now(cluster: Cluster) -> str:
    """Return a moment after all that was written, and before what is written next."""
    with cluster.connect() as connection:
        [(moment,)] = connection.execute("SELECT clock_timestamp()::text").fetchall()
    return str(moment)


def _archived(archive: Path) -> list[Path]:
    return [path for path in archive.iterdir() if re.fullmatch(r"[0-9A-F]{24}", path.name)]
