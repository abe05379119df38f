"""``rollbook client``: who may act in a realm, and what they may do."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from api.cli.answers import AsJson, examples, show, table
from api.cli.realms import RealmName
from domain.realm import DEFAULT_SCOPES, SCOPES, Realm, RealmEvent

app = typer.Typer(
    name="client",
    help="Add, disable, enable and list the clients of a realm.",
    rich_markup_mode=None,
)

ClientId = Annotated[str, typer.Argument(metavar="CLIENT_ID", help="The id of a client.")]


@app.command(
    epilog=examples(
        "rollbook client add acme hr-import",
        "rollbook client add acme auditor --scope scim.read --scope audit.read",
    )
)
def add(
    realm: RealmName,
    client_id: ClientId,
    *,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help=f"One of {', '.join(SCOPES)}; repeat it for several. "
            f"Without it: {' '.join(DEFAULT_SCOPES)}."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a client; give it a secret or a token next."""
    scopes = tuple(dict.fromkeys(scope or DEFAULT_SCOPES))
    _change(realm, "client add", lambda state: state.add_client(client_id, scopes))
    show(
        {"realm": realm, "client_id": client_id, "scopes": list(scopes), "enabled": True},
        f'Client "{client_id}" of realm "{realm}" may have {" ".join(scopes)}.',
        f"Its secret: rollbook secret issue {realm} --client {client_id}",
        as_json=as_json,
    )


@app.command(epilog=examples("rollbook client disable acme hr-import"))
def disable(realm: RealmName, client_id: ClientId, *, as_json: AsJson = False) -> None:
    """Refuse every secret and token of a client until it is enabled."""
    changed = _change(realm, "client disable", lambda state: state.disable_client(client_id))
    _say_enabled(realm, client_id, enabled=False, changed=changed, as_json=as_json)


@app.command(epilog=examples("rollbook client enable acme hr-import"))
def enable(realm: RealmName, client_id: ClientId, *, as_json: AsJson = False) -> None:
    """Accept the secrets and tokens of a disabled client again."""
    changed = _change(realm, "client enable", lambda state: state.enable_client(client_id))
    _say_enabled(realm, client_id, enabled=True, changed=changed, as_json=as_json)


@app.command("list", epilog=examples("rollbook client list acme"))
def list_(realm: RealmName, *, as_json: AsJson = False) -> None:
    """List the clients of a realm, by id."""
    from api.cli.acting import opened, realm_named

    with opened() as service:
        clients = service.log.realm(realm_named(service, realm).realm).state.clients
    found: list[dict[str, Any]] = [
        {
            "client_id": client_id,
            "scopes": list(client.scopes),
            "enabled": client.enabled,
            "secrets": len(client.secrets),
            "tokens": len(client.tokens),
        }
        for client_id, client in sorted(clients.items())
    ]
    if as_json:
        show(found, as_json=True)
        return
    table(
        ("client", "state", "scopes", "secrets", "tokens"),
        [
            (
                client["client_id"],
                "enabled" if client["enabled"] else "disabled",
                " ".join(client["scopes"]),
                str(client["secrets"]),
                str(client["tokens"]),
            )
            for client in found
        ],
    )


def _change(realm: str, operation: str, decide: Callable[[Realm], Sequence[RealmEvent]]) -> bool:
    from api.cli.acting import act, opened
    from domain.handlers.realms import change_realm

    with opened() as service:
        return act(service, realm, operation, lambda cause, log: change_realm(cause, log, decide))


def _say_enabled(
    realm: str, client_id: str, *, enabled: bool, changed: bool, as_json: bool
) -> None:
    state = "enabled" if enabled else "disabled"
    show(
        {"realm": realm, "client_id": client_id, "enabled": enabled, "changed": changed},
        f'Client "{client_id}" of realm "{realm}" is {state}{"" if changed else " already"}.',
        as_json=as_json,
    )
