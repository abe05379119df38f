"""A rebuild under live writes, killed at random moments: it goes on, and nobody notices."""

import multiprocessing
import random
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.composition import Service, known_generations, open_service
from api.settings import Settings
from projections.credentials import HashKey
from projections.database import Database
from projections.log import SqlLog
from projections.realms import get_realm
from projections.states import states_of
from replay.rebuilding.rebuild import Rebuild
from replay.verify import verify
from tests.abuse.dying import Writer, assert_kept, writers
from tests.bench.directory import Directory
from tests.bench.filling import cause_in, fill_users
from tests.conftest import SpawnServer
from tests.engines import Engine
from tests.houses import all_rows

KILLS = 30
USERS = 1_500
LONGEST_LIFE = 0.25
"""Seconds after which a rebuild is killed at the latest: less than it takes."""
PACE = 0.04
"""Seconds between two requests: 25 a second."""


def run(url: str, begun: Any) -> None:
    """Rebuild the directory, in a process of its own."""
    database = Database(url)
    log = SqlLog(database, known_generations(), HashKey(b"k" * 32))
    begun.set()
    outcome = Rebuild(log, "directory").run()
    raise SystemExit(0 if outcome.state == "live" else 1)


class Calm(Writer):
    """A writer that takes its time, until it is told to stop."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.over = threading.Event()
        self.sent = 0

    def _send(self, *arguments: Any, **named: Any) -> Any:
        if self.over.wait(PACE):
            raise SystemExit
        self.sent += 1
        return super()._send(*arguments, **named)


@pytest.fixture
def processes() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def test_a_rebuild_is_killed_thirty_times_under_writes_and_loses_nothing(
    engine: Engine, spawn_server: SpawnServer, processes: Any, tmp_path: Path
) -> None:
    server = spawn_server(realms=("acme",))
    chance = random.Random("thirty lives")  # noqa: S311  # a repeatable order, no secret
    settings = Settings(
        database_url=server.database_url, key_file=Path(server.env["ROLLBOOK_KEY_FILE"])
    )
    service = open_service(settings)
    fill_users(service, cause_in(service, "acme"), Directory(), USERS)
    [plain], acknowledged = writers(server.scim(), 1)
    writer = Calm(server.scim(), plain.team, acknowledged)
    writer.start()
    killed, struck = 0, Counter[str | None]()
    state: str | None = None
    while killed < KILLS:
        begun = processes.Event()
        process = processes.Process(target=run, args=(server.database_url, begun))
        process.start()
        begun.wait(30)
        # From shadow it is a short way to the end: every other one may go it, to fill once more.
        spared = state == "shadow" and chance.random() < 1 / 2
        process.join(30 if spared else chance.uniform(0, LONGEST_LIFE))
        if process.exitcode is None:
            process.kill()
            process.join()
            killed += 1
            with service.database.reading() as connection:
                state = states_of(connection, "directory").get(-1)
            struck[state] += 1
        else:
            state = None
            assert process.exitcode == 0, "a rebuild found differences, or could not begin"
    Rebuild(service.log, "directory").run()
    writer.over.set()
    writer.join()
    assert writer.failure is None or isinstance(writer.failure, SystemExit), writer.failure
    assert not writer.unanswered
    assert writer.sent > KILLS
    assert struck["filling"] >= KILLS / 4, f"the kills did not strike the filling: {struck}"
    assert list(verify(service.log)) == []
    check(service, writer)
    service.close()
    engine.assert_sound(server.database_url)


def check(service: Service, writer: Writer) -> None:
    """Everything answered is there, and both generations hold the same."""
    with service.database.reading() as connection:
        rows = all_rows(connection)
        realm = get_realm(connection, "acme").realm
    for name in ("users_g1", "user_emails_g1", "groups_g1"):
        assert rows[name] == rows[f"{name}_spare"], name
    assert len(rows["users_g1"]) >= USERS
    documents = {
        row[1]: orjson.loads(next(each for each in row if str(each).startswith('{"schemas"')))
        for row in rows["users_g1"]
        if row[0] == realm
    }
    joined = {row[2] for row in rows["members"] if row[1] == writer.team}
    assert_kept(writer, documents, joined)
