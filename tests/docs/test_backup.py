"""docs/backup.md is typed as it stands: here what it says of SQLite."""

import json
import re
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from domain.commands import DeleteUser, PatchGroup
from domain.handlers.groups import patch_group
from domain.handlers.users import delete_user
from domain.patching import MemberDelta
from tests.api.cli.conftest import Operator
from tests.docs.pages import ROOT, blocks
from tests.docs.typing_shell import agrees, last_json, type_blocks
from tests.engines import SqliteEngine
from tests.houses import opened_house
from tests.projections.commands import new_group, new_user

PAGE = (ROOT / "docs/backup.md").read_text(encoding="utf-8")
GOLDEN = ROOT / "tests/history/golden"
LANGUAGES = {"sh", "json", "console", "ini", "text", "sql"}
"""`sh` is executed, `ini` is read by the server it is for; `console` starts and stops services."""


def section(title: str) -> str:
    """Return a section of the page by its heading, subsections included."""
    level = title.partition(" ")[0]
    _, found, rest = PAGE.partition(f"\n{title}\n")
    assert found, title
    return rest.partition(f"\n{level} ")[0]


def test_the_sqlite_part_does_what_it_says(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    made = operator.run("realm", "create", "acme", "--json").value
    found = blocks(section("## SQLite"))
    typed = [block for block in found if block.language == "sh"]
    printed = type_blocks(tmp_path, operator.env, [block.text for block in typed])
    shown = 0
    for block, following in pairwise(found):
        if following.language == "json":
            shown += 1
            answer = last_json(printed[typed.index(block)])
            assert agrees(json.loads(following.text), answer), answer
    assert shown == 2
    [nightly] = (tmp_path / "backups").iterdir()
    assert nightly.name.startswith("rollbook-2")
    assert (tmp_path / "rollbook.key.copy").read_text() == (
        tmp_path / "var/rollbook.key"
    ).read_text()
    assert len(list((tmp_path / "var").glob("rollbook.db.before-restore-*"))) == 1
    assert [r["realm"] for r in operator.run("realm", "list", "--json").value] == [made["realm"]]


def test_an_old_backup_is_deleted_by_the_night_and_a_new_one_stays(tmp_path: Path) -> None:
    operator = Operator(tmp_path)
    operator.run("realm", "create", "acme")
    [script] = [b.text for b in blocks(section("## SQLite")) if "mkdir -p backups" in b.text]
    old = tmp_path / "backups/rollbook-20200101T000000Z.db"
    old.parent.mkdir()
    old.touch()
    type_blocks(tmp_path, operator.env, ["touch -d '40 days ago' backups/*.db", script])
    [left] = old.parent.iterdir()
    assert left != old
    assert left.stat().st_size > 0


def test_the_files_that_are_not_typed_run_the_script_that_is() -> None:
    written = [b.text for b in blocks(section("### Every night")) if b.language != "sh"]
    assert len(written) == 2
    for text in written:
        assert "nightly-backup" in text
        assert "settings" in text


def test_the_query_finds_who_was_taken_away(tmp_path: Path) -> None:
    [query] = [b.text for b in blocks(PAGE) if b.language == "sql"]
    with opened_house(SqliteEngine(tmp_path)) as house:
        kept, removed = (new_user(house, name) for name in ("kept", "removed"))
        group = new_group(house, "group", [kept, removed])
        position = len(house.events())
        house.log.handle(
            patch_group, PatchGroup(house.cause(), group, [], MemberDelta().removing([removed]))
        )
        house.log.handle(delete_user, DeleteUser(house.cause(), removed))
        asked = query.replace("position > 0", "position > ?")
        with closing(sqlite3.connect(str(house.database.file))) as connection:
            found = connection.execute(asked, (position,)).fetchall()
    assert [(topic, id_) for _, topic, id_ in found] == [
        ("group.members-removed", group),
        ("user.deleted", removed),
    ]
    topics = set(re.findall(r"'([a-z.-]+)'", query))
    assert topics <= {file.name.partition(".v")[0] for file in GOLDEN.iterdir()}


def test_every_block_says_what_it_is() -> None:
    assert {block.language for block in blocks(PAGE)} <= LANGUAGES


@pytest.mark.parametrize("page", ["README.md", "docs/operate.md"])
def test_the_page_is_linked_where_an_operator_looks(page: str) -> None:
    assert "backup.md)" in (ROOT / page).read_text(encoding="utf-8")
