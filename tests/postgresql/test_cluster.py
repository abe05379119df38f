import socket
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text

from tests.conftest import SpawnCluster
from tests.postgresql.absence import skipping
from tests.postgresql.cluster import Cluster, ClusterFailed
from tests.postgresql.keeper import runs


def family(cluster: Cluster) -> list[psutil.Process]:
    postmaster = psutil.Process(cluster.pid)
    return [postmaster, *postmaster.children(recursive=True)]


def keep_one_row(cluster: Cluster) -> None:
    with cluster.connect() as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def kept_rows(cluster: Cluster) -> int:
    with cluster.connect() as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def setting(cluster: Cluster, name: str) -> str:
    with cluster.connect() as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_it_answers_through_psycopg(postgresql: Cluster) -> None:
    with postgresql.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert setting(postgresql, "server_encoding") == "UTF8"
    assert int(setting(postgresql, "max_connections")) >= 200


def test_it_answers_through_sqlalchemy(postgresql: Cluster) -> None:
    engine = create_engine(postgresql.create_database("through sqlalchemy/%"))
    try:
        with engine.connect() as connection:
            name = connection.execute(text("SELECT current_database()")).scalar_one()
    finally:
        engine.dispose()
    assert name == "through sqlalchemy/%"


def test_a_database_is_made_from_a_template_and_dropped_in_use(postgresql: Cluster) -> None:
    postgresql.create_database("first")
    with postgresql.connect("first") as connection:
        connection.execute("CREATE TABLE copied (n int)")
    postgresql.create_database("second", template="first")
    with postgresql.connect("second") as connection:
        assert connection.execute("SELECT n FROM copied").fetchone() is None
        postgresql.drop_database("second")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgresql.drop_database("second")


def test_a_role_enters_by_its_password_alone(postgresql: Cluster) -> None:
    postgresql.create_role("reader", "right:/@%")
    postgresql.create_database("readers", owner="reader")
    right = postgresql.dsn("readers", user="reader", password="right:/@%")
    with psycopg.connect(right) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("reader",)
    for password in ("wrong", None):
        wrong = postgresql.dsn("readers", user="reader", password=password)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(wrong)


def test_nothing_listens_beyond_loopback(postgresql: Cluster) -> None:
    assert setting(postgresql, "listen_addresses") == "127.0.0.1"
    assert setting(postgresql, "unix_socket_directories") == str(postgresql.folder)


@pytest.mark.parametrize("durable", [True, False])
def test_only_a_durable_cluster_waits_for_the_disk(
    spawn_cluster: SpawnCluster, *, durable: bool
) -> None:
    cluster = spawn_cluster(durable=durable, settings={"commit_delay": 7})
    expected = "on" if durable else "off"
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert setting(cluster, name) == expected
    assert setting(cluster, "commit_delay") == "7"


def test_committed_data_outlives_an_immediate_stop_and_a_kill(spawn_cluster: SpawnCluster) -> None:
    cluster = spawn_cluster(durable=True)
    port = cluster.port
    keep_one_row(cluster)
    cluster.stop("immediate")
    assert not cluster.running
    cluster.start()
    assert kept_rows(cluster) == 1
    before = family(cluster)
    assert len(before) > 1
    cluster.kill()
    assert not [process for process in before if runs(process)]
    cluster.start()
    assert kept_rows(cluster) == 1
    cluster.restart()
    assert kept_rows(cluster) == 1
    assert cluster.port == port


def test_a_second_cluster_has_its_own_port_and_data(
    postgresql: Cluster, spawn_cluster: SpawnCluster
) -> None:
    beside = spawn_cluster()
    assert beside.port != postgresql.port
    assert beside.data != postgresql.data
    for cluster in (postgresql, beside):
        assert setting(cluster, "port") == str(cluster.port)


def test_a_port_taken_is_left_to_its_owner_on_the_first_start_only() -> None:
    with skipping():
        cluster = Cluster()
    with socket.create_server(("127.0.0.1", 0)) as other:
        cluster.port = taken = other.getsockname()[1]
        with cluster:
            assert cluster.port != taken
            # What was given out as its URL stays true, or the start fails.
            cluster.stop()
            cluster.port = taken
            with pytest.raises(ClusterFailed, match="could not bind"):
                cluster.start()


def test_a_setting_that_postgresql_refuses_is_told_with_its_words() -> None:
    with skipping():
        cluster = Cluster(settings={"no_such_setting": 1})
    with pytest.raises(ClusterFailed, match="no_such_setting"):
        cluster.__enter__()
    with pytest.raises(ClusterFailed, match="not entered"):
        _ = cluster.folder


@pytest.mark.parametrize("killed", [True, False])
def test_no_process_and_no_folder_is_left_after_an_exception(*, killed: bool) -> None:
    with skipping():
        cluster = Cluster()
    folders, processes = list[Path](), list[psutil.Process]()

    def fail() -> None:
        folders.append(cluster.folder)
        processes.extend(family(cluster))
        if killed:
            cluster.kill()
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), cluster:
        fail()
    assert not folders[0].exists()
    assert len(processes) > 1
    assert not [process for process in processes if runs(process)]
    cluster.close()
