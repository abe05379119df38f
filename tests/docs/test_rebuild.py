"""The worked example of docs/rebuild.md, performed: a column with an index, and no rebuild code."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.abuse.resources import created, user
from tests.docs.pages import ROOT, blocks
from tests.engines import Engine, looking_at, only_on
from tests.serving import PROJECT, RunningServer, ServerFailed

PAGE = (ROOT / "docs/rebuild.md").read_text(encoding="utf-8")
PACKAGES = ("domain", "projections", "replay", "api")
QUERY = "?filter=title%20eq%20%22Engineer%207%22"


def next_release(folder: Path) -> Path:
    """The sources as the page leaves them."""
    for package in PACKAGES:
        shutil.copytree(PROJECT / package, folder / package)
    for block in blocks(PAGE):
        if block.language == "sh":
            subprocess.run(["bash", "-ec", block.text], cwd=folder, check=True)
        elif block.language == "diff":
            apply(folder, block.text)
    return folder


def apply(folder: Path, diff: str) -> None:
    """Make the changes of a diff whose hunks are found by their lines: each must fit once."""
    for part in re.split(r"^--- a/.*\n(?=\+\+\+ b/)", diff, flags=re.MULTILINE)[1:]:
        head, *hunks = re.split(r"^@@\n", part, flags=re.MULTILINE)
        path = folder / head.removeprefix("+++ b/").strip()
        source = path.read_text(encoding="utf-8")
        for hunk in hunks:
            lines = hunk.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            assert source.count(before) == 1, f"{path.name}: the hunk does not fit\n{hunk}"
            source = source.replace(before, after)
        path.write_text(source, encoding="utf-8")


def found(server: RunningServer) -> Any:
    return server.scim().get(f"/Users{QUERY}").json["Resources"]


@only_on("sqlite", "the page is about any engine, and takes its time")
def test_the_example_is_performed_as_it_stands(
    engine: Engine, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tree = next_release(tmp_path_factory.mktemp("release"))
    with engine.empty() as url, RunningServer(tmp_path, url, realms=("acme",)) as server:
        for number in range(12):
            created(server.scim(), user(title=f"Engineer {number}"))
        answer = found(server)
        assert len(answer) == 1
        server.tree = tree
        with pytest.raises(ServerFailed, match="does not know directory generation 2"):
            server.command("replay", "rebuild", "directory")  # the old release still serves
        server.stop()
        server.start()
        log = server.log_tail()
        assert "directory is read in generation 1, this release knows 2" in log
        assert found(server) == answer, "the old generation is served"
        created(server.scim(), user(title="Engineer 100"))
        [outcome] = server.cli("replay", "rebuild", "directory", "--full")
        assert (outcome["state"], outcome["generation"]) == ("live", 2)
        assert (outcome["differences"], outcome["documents"]) == (0, 13)
        assert outcome["only_in_one"] == ["users_g2.title_key"]
        created(server.scim(), user(title="Engineer 101"))
        assert found(server) == answer
        with looking_at(url) as connection:
            titles = set(connection.scalars(text("SELECT title_key FROM users_g2")))
            old = connection.scalar(text("SELECT count(*) FROM users_g1"))
        assert {"engineer 7", "engineer 100", "engineer 101"} <= titles
        assert old == len(titles) == 14
        assert server.cli("replay", "switch-back", "directory")["generation"] == 1
        server.cli("replay", "rebuild", "directory", "--accept-differences")
        server.cli("replay", "drop", "directory")
        assert found(server) == answer
        states = {row["read_model"]: row["state"] for row in server.cli("replay", "status")}
        assert states["directory"] == "live"


@only_on("sqlite", "what serve does beside is a matter of processes")
def test_a_server_rebuilds_by_itself_when_told_to(
    engine: Engine, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tree = next_release(tmp_path_factory.mktemp("release"))
    with engine.empty() as url, RunningServer(tmp_path, url, realms=("acme",)) as server:
        created(server.scim(), user(title="Engineer 7"))
        answer = found(server)
        server.stop()
        server.tree, server.options = tree, ("--auto-rebuild",)
        server.start()
        states = dict[int, str]()
        for _ in range(60):
            states = {row["generation"]: row["state"] for row in directory(server)}
            if states == {1: "retired", 2: "live"}:
                break
        else:
            raise AssertionError(f"it was never rebuilt: {states}\n{server.log_tail()}")
        assert found(server) == answer


def directory(server: RunningServer) -> list[Any]:
    return [row for row in server.cli("replay", "status") if row["read_model"] == "directory"]
