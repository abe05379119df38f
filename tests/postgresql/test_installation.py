import shutil
from pathlib import Path

import pytest

from tests.conftest import SpawnCluster
from tests.postgresql.absence import skipping
from tests.postgresql.account import find_account
from tests.postgresql.binaries import CHOICE, Binaries, NoPostgreSQL, Origin, find_binaries
from tests.postgresql.cluster import Cluster
from tests.postgresql.installation import readable, server_environment


def find(monkeypatch: pytest.MonkeyPatch, origin: Origin) -> Binaries:
    """The programs of `origin`; skips where this machine has only the other one."""
    with skipping():
        find_binaries()
    monkeypatch.setenv(CHOICE, origin)
    try:
        return find_binaries()
    except NoPostgreSQL as absent:
        pytest.skip(f"PostgreSQL is here, though not the {origin} one: {absent}")


def version(cluster: Cluster) -> str:
    with cluster.connect() as connection:
        row = connection.execute("SHOW server_version").fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("origin", ["installed", "package"])
def test_a_cluster_starts_from_either_origin(
    monkeypatch: pytest.MonkeyPatch, spawn_cluster: SpawnCluster, origin: Origin
) -> None:
    found = find(monkeypatch, origin)
    assert version(spawn_cluster(binaries=found)).startswith(str(found.version[0]))


def test_programs_closed_to_their_account_are_copied_to_where_it_reads_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, spawn_cluster: SpawnCluster
) -> None:
    found = find(monkeypatch, "package")
    installation, package = found.folder.parent, found.folder.parent.parent
    home = tmp_path / "home"
    closed = home / package.name / installation.name
    shutil.copytree(installation, closed, symlinks=True)
    for libraries in package.parent.glob(f"{package.name}.libs"):
        shutil.copytree(libraries, home / libraries.name, symlinks=True)
    home.chmod(0o700)
    binaries = Binaries(closed / found.folder.name, found.version, "package")
    used = readable(binaries, find_account())
    assert used.is_relative_to(home) == (find_account().other is None)
    assert version(spawn_cluster(binaries=binaries)).startswith(str(found.version[0]))


def test_an_installed_server_closed_to_its_account_is_as_good_as_absent(tmp_path: Path) -> None:
    account = find_account()
    tmp_path.chmod(0o700)
    binaries = Binaries(tmp_path, (15, 1), "installed")
    if account.other is None:
        assert readable(binaries, account) == tmp_path
    else:
        with pytest.raises(NoPostgreSQL, match="closed to the account"):
            readable(binaries, account)


def test_the_settings_of_a_developer_do_not_reach_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    environment = server_environment()
    assert not {"PGDATA", "LANG"} & environment.keys()
    assert environment["LC_ALL"] == "C"
