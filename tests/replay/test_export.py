"""An export is what the audit interface answers, oldest first; CSV is safe to open (ABUSE L5)."""

import csv
import io
from typing import Any

import orjson
import pytest

from domain.commands import CreateUser
from domain.handlers.users import create_user
from projections.audit import Conditions
from replay import export as exporting
from replay.export import COLUMNS, export, safe
from replay.history import Between
from tests.audited import BusyHouse, asked, busy_house
from tests.engines import Engine
from tests.properties.histories import SLUGS, Player
from tests.properties.test_audit import STORY


def exported(house: BusyHouse, form: Any, span: Between | None = None) -> bytes:
    target = io.BytesIO()
    span = span or Between(0, house.database.safe_head())
    count = export(house.log, house.realms["acme"], span, form, target)
    if form == "jsonl":
        assert count == target.getvalue().count(b"\n")
    return target.getvalue()


@pytest.mark.parametrize("follows", ["never", "half", "whole"])
def test_json_lines_hold_what_is_answered(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, follows: str
) -> None:
    monkeypatch.setattr(exporting, "BATCH", 4)
    with busy_house(engine, SLUGS) as (house, follower):
        player = Player(house)
        player.play(STORY[:6])
        if follows != "never":
            follower.catch_up()
        player.play(STORY[6:])
        if follows == "whole":
            follower.catch_up()
        answered = asked(house, "acme", Conditions(), 1_000)[::-1]
        assert [orjson.loads(line) for line in exported(house, "jsonl").splitlines()] == answered
        low, high = answered[4]["position"], answered[-4]["position"]
        part = exported(house, "jsonl", Between(low, high)).splitlines()
        assert [orjson.loads(line) for line in part] == answered[5:-3]
        assert exported(house, "jsonl", Between(high, high)) == b""


def test_csv_has_a_line_for_everything_that_changed(engine: Engine) -> None:
    with busy_house(engine, SLUGS) as (house, _follower):
        Player(house).play(STORY)
        answered = asked(house, "acme", Conditions(), 1_000)
        lines = list(csv.DictReader(io.StringIO(exported(house, "csv").decode())))
    assert tuple(lines[0]) == COLUMNS
    things = [
        max(1, len(e["changes"]) + len(e["membersAdded"]) + len(e["membersRemoved"]))
        for e in answered
    ]
    assert len(lines) == sum(things)
    [renamed] = [line for line in lines if line["action"] == "user.renamed"]
    assert (renamed["path"], renamed["before"], renamed["after"]) == ("userName", "ann", "ANN")
    joined = [line["after"] for line in lines if line["action"] == "group.members-added"]
    assert any(text.startswith("Ann (") for text in joined)
    assert all(line["path"] == "" for line in lines if line["action"] == "user.deleted")


ATTACKS = (
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "x;=1",
    "x\n=1",
    'x";=1',
    "\uff1d1",
)


@pytest.mark.parametrize("attack", ATTACKS)
def test_l5_no_cell_begins_a_formula_for_whatever_reads_it(attack: str) -> None:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL).writerow(["x", safe(attack), safe([attack]), "y"])
    for delimiter in (",", ";", "\t"):
        for quoting in (csv.QUOTE_ALL, csv.QUOTE_NONE):
            for row in csv.reader(
                io.StringIO(line.getvalue(), newline=""), delimiter=delimiter, quoting=quoting
            ):
                for cell in row:
                    assert not cell.lstrip('"').startswith(tuple("=+-@\t\r\uff1d")), (cell, row)
    assert safe(attack).replace("'", "") == attack


def test_l5_json_lines_keep_every_character(engine: Engine) -> None:
    with busy_house(engine, SLUGS) as (house, _follower):
        for number, attack in enumerate(ATTACKS):
            document = {"userName": f"u{number}", "title": attack + "\u2028\x1b[31m"}
            house.log.handle(create_user, CreateUser(house.cause(), document))
        lines = [orjson.loads(line) for line in exported(house, "jsonl").split(b"\n") if line]
        table = list(csv.DictReader(io.StringIO(exported(house, "csv").decode(), newline="")))
    titles = [c["after"] for e in lines for c in e["changes"] if c["path"] == "title"]
    assert titles == [attack + "\u2028\x1b[31m" for attack in ATTACKS]
    cells = [row["after"] for row in table if row["path"] == "title"]
    assert [cell.replace("'", "") for cell in cells] == titles
    assert not [cell for row in table for cell in row.values() if cell[:1] in tuple("=+-@\t\r")]
