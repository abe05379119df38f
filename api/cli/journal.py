"""``rollbook replay requests``: what clients asked and were answered."""

from typing import Annotated

import typer

from api.cli.answers import AsJson, instant, say, show, table

_MOST = 100_000
Realm = Annotated[str, typer.Argument(help="The realm's name.")]


def requests(  # noqa: PLR0913  # an option a question
    realm: Realm,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="Only refused and failed ones.")] = False,
    client: Annotated[str | None, typer.Option(help="Only this client's.")] = None,
    since: Annotated[
        str | None, typer.Option("--from", help="From an instant on: 2026-03-03T12:00:00Z.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Up to an instant.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show the requests of a realm, refused ones and failed authentications included, newest first.

    A server that runs writes them down within a second.
    """
    from api.audit.requests import told, told_gap
    from api.cli.acting import opened
    from domain.refusals import InvalidValue
    from projections.journal.reading import Wanted, list_gaps, list_requests
    from projections.realms import get_realm
    from replay.moments import parse_instant

    with opened() as service:
        happened = service.log.has_happened
        bounds = [
            None if text is None else parse_instant(text, name, happened)
            for text, name in ((since, "--from"), (until, "--to"))
        ]
        if bounds[0] is not None and bounds[1] is not None and bounds[0] > bounds[1]:
            raise InvalidValue("--from lies after --to")
        wanted = Wanted(from_at=bounds[0], to_at=bounds[1], client_id=client, failed=failed)
        with service.database.reading() as connection:
            id_ = get_realm(connection, realm).realm
            found = list_requests(connection, id_, wanted, limit)
            gaps = list_gaps(connection, id_, wanted)
    if as_json:
        answer = {"requests": [told(row) for row in found], "gaps": [told_gap(gap) for gap in gaps]}
        show(answer, as_json=True)
        return
    for gap in gaps:
        say(
            f"{gap.requests} requests between {instant(gap.first_at)} and {instant(gap.last_at)} "
            "were not written down: the database was busy or gone"
        )
    if not found:
        say("There is no such request.")
        return
    table(
        ("at", "ms", "client", "request", "resource", "status", "detail", "correlation id"),
        [
            (
                instant(row.at) or "",
                str(round(row.microseconds / 1000)),
                row.client_id or "-",
                f"{row.method} {row.route or '(no such address)'}",
                row.resource_id or "-",
                " ".join(filter(None, (str(row.status), row.scim_type))),
                row.detail or "",
                row.correlation_id,
            )
            for row in found
        ],
    )
