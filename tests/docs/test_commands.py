"""What the pages tell a reader to type is typed here, against a running server."""

import json
import re
import sys
from pathlib import Path

import pytest
import typer

from api.cli.application import app
from api.settings import Settings
from tests.docs.pages import GUIDES, ROOT, Block, blocks, command_lines, inline_code, pages
from tests.docs.typing_shell import agrees, last_json, type_blocks
from tests.engines import only_on
from tests.postgresql.absence import REQUIRE
from tests.postgresql.binaries import CHOICE
from tests.serving import RunningServer

LANGUAGES = {"sh", "console", "diff", "json", "json5", "nginx", "caddyfile", "", "text", "python"}
"""`sh` is executed, and a `json` block after it must agree; `console` is typed but not ended."""
NOT_SETTINGS = {"ROLLBOOK_SOAK", "ROLLBOOK_", CHOICE, REQUIRE}


ON_SQLITE = only_on("sqlite", "the guides are about the database that comes with Rollbook")


@ON_SQLITE
@pytest.mark.parametrize("page", GUIDES)
def test_the_commands_of_a_guide_do_what_it_says(
    page: str, server: RunningServer, tmp_path: Path
) -> None:
    found = blocks((ROOT / page).read_text(encoding="utf-8"))
    scripts = [block.text for block in found if block.language == "sh"]
    assert scripts, "a guide says what to type"
    printed = type_blocks(tmp_path, server.env, scripts)
    for shown, text in zip(_answers(found), printed, strict=True):
        if shown is not None:
            assert agrees(json.loads(shown), last_json(text)), f"{shown}\nis not\n{text}"


def _answers(found: list[Block]) -> list[str | None]:
    """What is shown after each `sh` block, None where nothing is."""
    following = [*found[1:], Block("", "")]
    return [
        after.text if after.language == "json" else None
        for block, after in zip(found, following, strict=True)
        if block.language == "sh"
    ]


@ON_SQLITE
def test_a_command_that_fails_is_noticed(server: RunningServer, tmp_path: Path) -> None:
    url = f"{server.base}/Users"
    with pytest.raises(AssertionError, match="not valid for this realm"):
        type_blocks(tmp_path, server.env, [f"curl -sS {url} -H 'Authorization: Bearer x'", "true"])


def test_an_answer_other_than_the_page_shows_is_noticed() -> None:
    printed = last_json('a line\n{"a": 1}{"status": "ready", "list": [{"b": 2, "c": 3}]}')
    assert agrees({"status": "ready", "list": [{"b": 2}]}, printed)
    assert not agrees({"status": "live"}, printed)
    assert not agrees({"list": []}, printed)
    assert not agrees({"missing": None}, printed)


@ON_SQLITE
def test_the_stand_in_for_curl_asks_as_curl_does(server: RunningServer, tmp_path: Path) -> None:
    curl = f'"{sys.executable}" -m tests.docs.curl'
    form = f'-u "{server.client_id}:{server.secret}" -d grant_type=client_credentials -d scope=scim'
    query = "-G --data-urlencode 'filter=userName eq \"nobody at all\"'"
    bearer = f"-H 'Authorization: Bearer {server.token}'"
    token, found = type_blocks(
        tmp_path,
        server.env,
        [
            f"{curl} -sS {form} {server.first.token_endpoint}",
            f"{curl} -sS {query} {bearer} {server.base}/Users",
        ],
    )
    assert last_json(token)["expires_in"] == 3600
    assert last_json(found)["totalResults"] == 0


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    wrong = [line for line in command_lines(text) if _unknown(line, targets)]
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("make run PORT=8080", None),
        ("make coffee", "coffee"),
        ("rollbook token issue contoso --days 365", None),
        ("rollbook serve --workers N", None),
        ("rollbook token isue contoso", "isue"),
        ("rollbook token issue contoso --day 3", "--day"),
    ],
)
def test_a_command_that_does_not_exist_is_noticed(line: str, unknown: str | None) -> None:
    assert _unknown(line, {"run", "test"}) == unknown


def _unknown(line: str, targets: set[str]) -> str | None:
    """The first word of a command line that neither make nor `rollbook` knows."""
    program, *words = line.split()
    if program == "make":
        return None if words[0] in targets or "=" in words[0] else words[0]
    command = typer.main.get_command(app)
    for word in words:
        known = getattr(command, "commands", None)
        if word.startswith("-"):
            options = {name for option in command.params for name in option.opts} | {"--help"}
            if word.partition("=")[0] not in options:
                return word
        elif known is not None:
            if word not in known:
                return word
            command = known[word]
    return None


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"ROLLBOOK_[A-Z_]*", text)) - NOT_SETTINGS
    known = {f"ROLLBOOK_{name.upper()}" for name in Settings.model_fields}
    assert named - known == set()


@pytest.mark.parametrize("page", GUIDES)
def test_every_block_of_a_guide_says_what_it_is(page: str) -> None:
    found = blocks((ROOT / page).read_text(encoding="utf-8"))
    assert {block.language for block in found} <= LANGUAGES


def test_the_entra_guide_maps_the_fourteen_attributes_of_a_user() -> None:
    text = (ROOT / "docs/connect-entra.md").read_text(encoding="utf-8")
    table = text.partition("| Entra attribute")[2].partition("\n\n")[0]
    assert len(table.splitlines()) - len(("heading", "rule")) == 14


@pytest.mark.parametrize(
    "detail",
    [
        "must not begin or end with white space",
        "must not hold invisible characters",
        "must be true or false",
        "a group cannot be a member of itself",
        "has no attribute",
        "is readOnly",
        "the bearer token is not valid for this realm (any more)",
        'send "Authorization: Bearer" with a token of this realm',
        "the token lacks the scope",
        "there is nothing at this address",
        "does not exist in this realm",
        "already belongs to another user of this realm",
        "already belongs to group",
        "the resource has changed",
        "the request body is larger than",
        "too many failed attempts from this address",
        "an internal error",
        "the database is busy",
        "the service is busy",
    ],
)
def test_an_error_of_the_entra_guide_is_one_the_code_gives(detail: str) -> None:
    assert detail in (ROOT / "docs/connect-entra.md").read_text(encoding="utf-8")
    sources = [p for name in ("api", "domain", "projections") for p in (ROOT / name).rglob("*.py")]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert detail in re.sub(r'"\s*\n\s*f?"', "", code).replace('\\"', '"')


def test_inline_code_is_read_without_the_blocks() -> None:
    assert inline_code("a `b` c\n```sh\nd `e` f\n```\n") == ["b"]
