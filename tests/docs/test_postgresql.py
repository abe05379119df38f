"""docs/postgresql.md is typed as it stands, on two "hosts" of one private PostgreSQL."""

import os
from pathlib import Path

import pytest

from tests.conftest import SpawnCluster
from tests.docs.pages import ROOT, blocks
from tests.docs.typing_shell import type_blocks
from tests.postgresql import absence
from tests.postgresql.cluster import SUPERUSER, Cluster
from tests.postgresql.installation import server_environment
from tests.serving import free_port

PAGE = (ROOT / "docs/postgresql.md").read_text(encoding="utf-8")
SERVE = "rollbook serve"


def typed(cluster: Cluster, port: int) -> list[str]:
    """The blocks of the page with this cluster's port; what serves is asked, and stopped again."""
    found = [block.text for block in blocks(PAGE) if block.language == "sh"]
    return [
        text.replace(":5432/", f":{cluster.port}/")
        .replace("psql ", f"{cluster.binaries.program('psql')} ")
        .replace("--port 8000", f"--port {port}")
        .replace("--workers 2\n", "--workers 2 & serving=$!\n" + ask(port))
        for text in found
    ]


def ask(port: int) -> str:
    ready = f"curl -sS http://127.0.0.1:{port}/health/ready"
    return (
        f"tries=0; until {ready} 2>/dev/null; do tries=$((tries+1)); "
        "test $tries -lt 200; sleep 0.1; done\nkill $serving; wait $serving || true\n"
    )


def test_every_command_of_the_page_works(spawn_cluster: SpawnCluster, tmp_path: Path) -> None:
    postgresql = spawn_cluster(durable=True)  # doctor looks
    with absence.skipping():
        postgresql.binaries.program("psql")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ROLLBOOK_")}
    connect = {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgresql.port),
        "PGUSER": SUPERUSER,
        "PGDATABASE": "postgres",
    }
    port = free_port()
    made, connected, *rest = type_blocks(
        tmp_path, server_environment() | inherited | connect, typed(postgresql, port)
    )
    printed = "".join(rest)
    assert "WRONG" not in printed
    assert "The database is at revision" in printed
    assert "rbs_" in printed
    assert '{"status":"ready"}' in printed
    assert "activity" in printed
    assert not made.strip() + connected.strip()


@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout", "max_connections"])
def test_the_page_names_what_an_operator_has_to_know(setting: str) -> None:
    assert f"`{setting}`" in PAGE
