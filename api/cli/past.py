"""``rollbook replay as-of``, ``members`` and ``verify``: what stood then, and what stands now."""

from typing import Annotated, Any

import typer

from api.cli.answers import AsJson, examples, say, show, table
from api.cli.restoring import Kind

Realm = Annotated[str, typer.Argument(metavar="REALM", help="The name of a realm.")]
At = Annotated[str, typer.Option(metavar="INSTANT", help="Such as 2026-03-03T12:00:00Z.")]
AS_OF = examples(
    "rollbook replay as-of acme User 01890000-0000-7000-8000-000000000009 "
    "--at 2026-03-03T12:00:00Z",
    "rollbook replay as-of acme Group 01890000-0000-7000-8000-00000000000a --version 3",
)
MEMBERS = examples(
    "rollbook replay members acme 01890000-0000-7000-8000-00000000000a --at 2026-03-03T12:00:00Z"
)
VERIFY = examples("rollbook replay verify", "rollbook replay verify acme --json")


def as_of(  # a command has as many words as it needs
    realm: Realm,
    kind: Annotated[Kind, typer.Argument(metavar="User|Group", case_sensitive=False)],
    resource_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    at: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Such as 2026-03-03T12:00:00Z.")
    ] = None,
    version: Annotated[int | None, typer.Option(min=1, help="The number in an entity tag.")] = None,
) -> None:
    """Print a user or group as it stood, as the JSON that was answered then."""
    from urllib.parse import urlencode

    from starlette.datastructures import QueryParams

    from api.audit.past import past_resource
    from api.cli.acting import opened, reading_as_operator, realm_named
    from domain.schemas import GROUP, USER

    asked = {"at": at, "version": version, "derived": "true" if at else None}
    query = QueryParams(urlencode({name: value for name, value in asked.items() if value}))
    with opened() as service:
        operator = reading_as_operator(realm_named(service, realm))
        schema = USER if kind is Kind.USER else GROUP
        answer = past_resource(service, operator, schema, resource_id, query)
    say(bytes(answer.body).decode())


def members(
    realm: Realm,
    group_id: Annotated[str, typer.Argument(metavar="ID", help="The id of a group.")],
    *,
    at: At,
    as_json: AsJson = False,
) -> None:
    """Show who was a member of a group at an instant."""
    from api.cli.acting import moment_named, opened, realm_named
    from domain.instants import instant
    from replay.as_of import AsOf

    with opened() as service:
        named = realm_named(service, realm)
        moment = moment_named(service, at, "--at")
        spans = AsOf(service.log, named.realm).members_at(group_id, moment)
    found: list[dict[str, Any]] = [
        {"value": span.id, "display": span.display, "type": span.type} for span in spans
    ]
    answer = {"at": instant(moment.at), "position": moment.position, "members": found}
    if as_json or not found:
        show(answer, "The group had no members then.", as_json=as_json)
        return
    table(("id", "name", "type"), [(s.id, s.display or "-", s.type) for s in spans])


def verify(
    realm: Annotated[
        str | None, typer.Argument(metavar="[REALM]", help="One realm; all of them without.")
    ] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Fold every stream and compare it with what is kept; exit 1 where something differs.

    It may run while others write. What differs comes back from the log: rollbook replay rebuild.
    """
    from api.cli.acting import opened, realm_named
    from api.cli.progress import slow_bar
    from replay.verify import verify as compare

    with opened() as service, slow_bar("streams") as report:
        one = None if realm is None else realm_named(service, realm).realm
        found = [each._asdict() for each in compare(service.log, one, progress=report)]
    if as_json:
        show(found, as_json=True)
    else:
        _tell(found)
    if found:
        raise typer.Exit(1)


def _tell(found: list[dict[str, str]]) -> None:
    if not found:
        say("Everything is as the events say.")
        return
    columns = ("resource_type", "resource_id", "what", "said", "kept")
    table(
        ("type", "id", "what", "the events say", "kept is"),
        [tuple(each[name] for name in columns) for each in found],
    )
    say(f"{len(found)} differences; rollbook replay rebuild builds read models anew.")
