"""``rollbook realm``: the tenants of a service."""

from typing import Annotated, Any

import typer

from api.cli import guards
from api.cli.answers import ONCE, AsJson, examples, instant, show, table
from api.cli.endpoints import tenant_url, token_endpoint

app = typer.Typer(
    name="realm", help="Make, list, suspend and resume realms.", rich_markup_mode=None
)

RealmName = Annotated[str, typer.Argument(metavar="REALM", help="The name of a realm.")]


@app.command(epilog=examples("rollbook realm create acme", "rollbook realm create acme --json"))
def create(
    name: Annotated[str, typer.Argument(help="2 to 63 lower-case letters, digits and hyphens.")],
    *,
    allow_duplicate_group_names: Annotated[
        bool,
        typer.Option(
            "--allow-duplicate-group-names",
            help="Let several groups have one displayName. Entra matches groups by it.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a realm with a client "scim" and print the client's secret, once."""
    from api.cli.acting import cause_of, opened
    from domain.handlers.realms import FIRST_CLIENT, create_realm

    with opened() as service:
        _, secret = create_realm(
            cause_of("realm create"),
            service.log,
            name,
            unique_group_names=not allow_duplicate_group_names,
        )
        made = {
            "realm": name,
            "tenant_url": tenant_url(service.public_url, name),
            "token_endpoint": token_endpoint(service.public_url, name),
            "client_id": FIRST_CLIENT,
            "client_secret": secret,
        }
    show(
        made,
        f"Realm:           {name}",
        f"Tenant URL:      {made['tenant_url']}",
        f"Token endpoint:  {made['token_endpoint']}",
        f"Client id:       {made['client_id']}",
        f"Client secret:   {secret}",
        ONCE,
        f"A Secret Token to paste: rollbook token issue {name}",
        as_json=as_json,
    )


@app.command("list", epilog=examples("rollbook realm list"))
def list_(*, as_json: AsJson = False) -> None:
    """List the realms, by name."""
    from api.cli.acting import opened
    from projections.realms import list_realms

    with opened() as service:
        with service.database.reading() as connection:
            rows = list_realms(connection)
        found: list[dict[str, Any]] = [
            {
                "realm": row.slug,
                "realm_id": row.realm,
                "tenant_url": tenant_url(service.public_url, row.slug),
                "suspended": row.suspended,
                "unique_group_names": row.unique_group_names,
                "registered_at": instant(row.registered_at),
            }
            for row in rows
        ]
    if as_json or not found:
        show(found, "There is no realm yet: rollbook realm create NAME", as_json=as_json)
        return
    table(
        ("realm", "state", "group names", "registered", "tenant URL"),
        [
            (
                realm["realm"],
                "suspended" if realm["suspended"] else "in use",
                "unique" if realm["unique_group_names"] else "any",
                realm["registered_at"],
                realm["tenant_url"],
            )
            for realm in found
        ],
    )


app.command("guard", epilog=guards.EXAMPLES)(guards.guard)


@app.command(epilog=examples("rollbook realm suspend acme"))
def suspend(realm: RealmName, *, as_json: AsJson = False) -> None:
    """Refuse every client of a realm until it is resumed; nothing is deleted."""
    _set_suspended(realm, suspended=True, as_json=as_json)


@app.command(epilog=examples("rollbook realm resume acme"))
def resume(realm: RealmName, *, as_json: AsJson = False) -> None:
    """Serve the clients of a suspended realm again."""
    _set_suspended(realm, suspended=False, as_json=as_json)


@app.command(
    epilog=examples("rollbook realm activity acme", "rollbook realm activity acme --days 1")
)
def activity(
    realm: RealmName,
    *,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="Today and so many before.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Show who wrote how much, day by day (UTC), and when last.

    It tells whether a client still provisions. The numbers follow the log by a moment; a server has
    to run for them to go on.
    """
    from api.cli.acting import opened, realm_named
    from projections.activity.g1 import MICROSECONDS_A_DAY, list_activity

    with opened() as service:
        named = realm_named(service, realm)
        first = service.log.clock() // MICROSECONDS_A_DAY - days + 1
        with service.database.reading() as connection:
            rows = list_activity(connection, named.realm, first)
    found = [
        {
            "day": str(instant(row.day * MICROSECONDS_A_DAY))[:10],
            "actor": f"{row.actor_kind} {row.actor_id}",
            "event": row.topic,
            "count": row.events,
            "last_recorded_at": instant(row.last_recorded_at),
        }
        for row in rows
    ]
    if as_json or not found:
        nothing = f'Nobody wrote in realm "{realm}" in that time.'
        show({"realm": realm, "activity": found}, nothing, as_json=as_json)
        return
    table(
        ("day", "actor", "event", "count", "last"),
        [tuple(str(value) for value in each.values()) for each in found],
    )


def _set_suspended(name: str, *, suspended: bool, as_json: bool) -> None:
    from api.cli.acting import act, opened
    from domain.handlers.realms import change_realm
    from domain.realm import Realm

    decide, operation = (
        (Realm.suspend, "realm suspend") if suspended else (Realm.resume, "realm resume")
    )
    with opened() as service:
        changed = act(service, name, operation, lambda cause, log: change_realm(cause, log, decide))
    state = "suspended" if suspended else "in use"
    show(
        {"realm": name, "suspended": suspended, "changed": changed},
        f'Realm "{name}" is {state}{"" if changed else " already"}.',
        as_json=as_json,
    )
