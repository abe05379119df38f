"""``rollbook replay directory``: the whole directory as it stood, under a filter."""

from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from api.cli.answers import AsJson, examples, say, table
from api.cli.past import At, Realm

if TYPE_CHECKING:
    from api.representation import Representation
    from domain.schemas import ResourceSchema
    from replay.directory_then import Then
    from replay.moments import Moment

DIRECTORY = examples(
    "rollbook replay directory acme Users --at 2026-03-03T12:00:00Z",
    "rollbook replay directory acme Users --at 2026-03-03T12:00:00Z "
    "--filter 'active eq true' --json > then.json",
    "rollbook replay directory acme Groups --at 2026-03-03T12:00:00Z --derived --json",
)
_ROWS = 500
_OF_USERS = ("id", "changed", "active", "userName", "displayName")
_OF_GROUPS = ("id", "changed", "members", "displayName")
_WIDTHS = (36, 27, 7, 30)


class Kinds(StrEnum):
    """What a directory holds."""

    USERS = "Users"
    GROUPS = "Groups"


def directory(  # noqa: PLR0913  # a command has as many words as it needs
    realm: Realm,
    kind: Annotated[Kinds, typer.Argument(metavar="Users|Groups", case_sensitive=False)],
    *,
    at: At,
    filter_text: Annotated[
        str | None,
        typer.Option("--filter", metavar="FILTER", help='A SCIM filter: userName eq "ann".'),
    ] = None,
    derived: Annotated[
        bool, typer.Option("--derived", help="With --json: groups and members' names too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show every user or group that was there at an instant.

    With --json one object, as the audit interface answers it, written as it is found.
    """
    from api.cli.acting import moment_named, opened, reading_as_operator, realm_named
    from api.cli.backups import stopped_cleanly
    from api.cli.exporting import whole_stream
    from api.cli.progress import slow_bar
    from api.reading import view_of
    from domain.schemas import GROUP, USER
    from replay.directory_then import DirectoryThen

    schema = USER if kind is Kinds.USERS else GROUP
    with opened() as service, stopped_cleanly(), slow_bar("directory") as report:
        named = realm_named(service, realm)
        moment = moment_named(service, at, "--at")
        asked = DirectoryThen(service.log, named.realm, schema, moment, filter_text, derived)
        found = asked.all(report)
        with service.database.reading() as connection:
            view = view_of(service, reading_as_operator(named), connection)
        with whole_stream() as stream:
            if as_json:
                _write(stream, view, schema, moment, found)
            else:
                _print(schema, found)


def _write(
    stream: BinaryIO,
    view: "Representation",
    schema: "ResourceSchema",
    moment: "Moment",
    found: Iterator["Then"],
) -> None:
    import orjson

    from api.audit.past import when
    from api.reading import WHOLE

    stream.write(orjson.dumps(when(moment))[:-1] + b',"resources":[')
    comma = b""
    for row, references in found:
        stream.write(comma + view.resource(WHOLE[schema.name], row, references))
        comma = b","
    stream.write(b"]}\n")


def _print(schema: "ResourceSchema", found: Iterator["Then"]) -> None:
    """Print a table, some rows at a time: its columns are as wide as what they hold mostly is."""
    from domain.schemas import USER

    of_users = schema is USER
    columns = _OF_USERS if of_users else _OF_GROUPS
    shown_any = False
    while some := list(islice(found, _ROWS)):
        rows = [_cells(then, of_users=of_users) for then in some]
        table(columns, rows, widths=_WIDTHS, headed=not shown_any)
        shown_any = True
    if not shown_any:
        say("There was none then.")


def _cells(then: "Then", *, of_users: bool) -> list[str]:
    import orjson

    row = orjson.loads(then.row.document)
    changed = orjson.loads(then.row.meta + "}")["lastModified"]
    if of_users:
        active = {True: "yes", False: "no"}.get(row.get("active"), "-")
        return [row["id"], changed, active, *_names(row["userName"], row.get("displayName"))]
    return [row["id"], changed, str(len(then.references)), *_names(row["displayName"])]


def _names(*names: str | None) -> Iterator[str]:
    from api.cli.histories import shown

    return ("-" if name is None else shown(name) for name in names)
