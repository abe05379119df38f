"""PostgreSQL stuck, stopped and started again, servers killed beside each other (ABUSE H12, I3)."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import update

from domain.refusals import Unavailable
from projections.database import Database
from projections.tables import streams
from tests.abuse.dying import Writer, writers
from tests.abuse.resources import created, replace, unique, user
from tests.conftest import SpawnCluster
from tests.postgresql.cluster import Cluster
from tests.scim import Answer, Scim
from tests.serving import RunningServer

THREADS = 4
TITLE = replace("title", "x")
SECONDS = 30
_moment = threading.Event()


@pytest.fixture
def durable(spawn_cluster: SpawnCluster) -> Cluster:
    """A cluster that keeps what it was told, whatever becomes of it."""
    return spawn_cluster(durable=True)


@pytest.fixture
def serve(
    durable: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., RunningServer]]:
    """Serve the one database of the cluster; the key file is shared as between hosts."""
    durable.create_database("rollbook")
    key = tmp_path_factory.mktemp("key") / "rollbook.key"
    url, env = durable.url("rollbook"), {"ROLLBOOK_KEY_FILE": str(key)}
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(
            RunningServer(tmp_path_factory.mktemp("host"), url, env=env, **options)
        )


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds that another process brings about; fail when it never does."""
    for _ in range(SECONDS * 100):
        if condition():
            return
        _moment.wait(0.01)
    raise AssertionError("it never came to be")


class Persistent(threading.Thread):
    """Creates users whatever is answered, and remembers what was promised."""

    def __init__(self, scim: Scim) -> None:
        super().__init__(daemon=True)
        self.scim = scim
        self.stopped = threading.Event()
        self.kept: dict[str, str] = {}
        self.statuses: Counter[int] = Counter()
        self.refusals: list[Answer] = []

    def run(self) -> None:
        while not self.stopped.is_set():
            name = unique("persistent")
            answer = self.scim.post("/Users", user(userName=name))
            self.statuses[answer.status] += 1
            if answer.status == 201:
                self.kept[answer.json["id"]] = name
            else:
                self.refusals.append(answer)


def test_i3_an_immediate_stop_under_load_is_503_and_recovers_by_itself(
    durable: Cluster, serve: Callable[..., RunningServer]
) -> None:
    server = serve(realms=("acme",))
    pid, scim = server.pid, server.scim()
    clients = [Persistent(scim) for _ in range(THREADS)]
    for client in clients:
        client.start()
    wait_for(lambda: all(client.statuses[201] > 5 for client in clients))
    durable.stop("immediate")
    wait_for(lambda: all(client.statuses[503] > 3 for client in clients))
    reading, live = scim.get("/Users?count=1"), scim.get("/health/live", base=server.url)
    durable.start()
    before = [client.statuses[201] for client in clients]
    wait_for(lambda: all(c.statuses[201] > b + 5 for c, b in zip(clients, before, strict=True)))
    for client in clients:
        client.stopped.set()
    for client in clients:
        client.join(SECONDS)

    assert (reading.status, live.status) == (503, 200)
    assert server.pid == pid, "it was started again"
    for client in clients:
        assert set(client.statuses) == {201, 503}, client.statuses
        for refusal in client.refusals:
            assert int(refusal.headers["retry-after"]) >= 1
            assert refusal.json["status"] == "503"
            assert "database" in refusal.json["detail"]
    kept = {id_: name for client in clients for id_, name in client.kept.items()}
    assert kept.items() <= stored(durable).items(), "an answered write is lost"


def stored(cluster: Cluster) -> dict[str, str]:
    """Return the userName key of every user, by id."""
    with cluster.connect("rollbook") as connection:
        return dict(connection.execute("SELECT id, user_name_key FROM users_g1").fetchall())


def test_h12_a_write_behind_a_stuck_session_is_503_and_recovers(
    durable: Cluster, serve: Callable[..., RunningServer]
) -> None:
    scim = serve(realms=("acme",)).scim()
    ann, bob = created(scim, user()), created(scim, user())
    with durable.connect("rollbook") as stuck:
        stuck.execute("BEGIN")
        stuck.execute("SELECT 1 FROM streams WHERE id = %s FOR UPDATE", [ann["id"]])
        refused = scim.patch(f"/Users/{ann['id']}", TITLE)
        beside = scim.patch(f"/Users/{bob['id']}", TITLE)
        stuck.execute("ROLLBACK")
    assert (refused.status, beside.status) == (503, 200)
    assert int(refused.headers["retry-after"]) >= 1
    again = scim.patch(f"/Users/{ann['id']}", TITLE)
    assert (again.status, again.json["title"]) == (200, "x")


def test_h12_a_session_of_ours_that_hangs_is_ended_by_the_server(
    durable: Cluster, serve: Callable[..., RunningServer]
) -> None:
    server = serve(realms=("acme",))
    ann = created(server.scim(), user())
    database = Database(durable.url("rollbook"))

    def hang() -> None:
        with database.writing() as connection:
            connection.execute(update(streams).values(version=streams.c.version))
            # It holds every head row and does nothing more.
            wait_for(lambda: server.scim().patch(f"/Users/{ann['id']}", TITLE).status == 200)
            connection.commit()

    with pytest.raises(Unavailable):
        hang()
    database.close()


def test_two_servers_of_two_workers_survive_a_kill_of_either(
    durable: Cluster, serve: Callable[..., RunningServer]
) -> None:
    first = serve(realms=("acme",), workers=2)
    second = serve(realms=(), workers=2)
    beside = Scim(f"{second.url}/realms/acme/scim/v2", first.token)
    mortals, acknowledged = writers(first.scim(), THREADS)
    steady = [Persistent(beside) for _ in range(THREADS)]
    for thread in [*mortals, *steady]:
        thread.start()
    for _ in range(100):
        assert acknowledged.acquire(timeout=SECONDS)
    first.kill()
    for mortal in mortals:
        mortal.join(SECONDS)
    before = [client.statuses[201] for client in steady]
    wait_for(lambda: all(c.statuses[201] > b + 20 for c, b in zip(steady, before, strict=True)))
    for client in steady:
        client.stopped.set()
    for client in steady:
        client.join(SECONDS)

    assert all(mortal.unanswered for mortal in mortals), "the kill struck nobody"
    for client in steady:
        assert set(client.statuses) == {201}, client.refusals[:1]
    users = stored(durable)
    kept = {id_: name for client in steady for id_, name in client.kept.items()}
    assert kept.items() <= users.items(), "an answered write is lost"
    assert_promises(mortals, users)
    wait_for(lambda: follows(durable) == newest(durable))  # the other server leads now


def assert_promises(mortals: list[Writer], users: dict[str, str]) -> None:
    """Fail unless every answered write of the killed server's clients is there."""
    for mortal in mortals:
        assert mortal.failure is None, mortal.failure
        for id_, name in mortal.promise.user_names.items():
            if id_ not in mortal.promise.unsure:
                assert users[id_] == name, "an answered write is lost"
        assert not mortal.promise.deleted & users.keys(), "an answered delete is undone"


def follows(cluster: Cluster) -> Any:
    with cluster.connect("rollbook") as connection:
        return connection.execute("SELECT min(position) FROM checkpoints").fetchone()


def newest(cluster: Cluster) -> Any:
    with cluster.connect("rollbook") as connection:
        return connection.execute("SELECT max(position) FROM events").fetchone()
