"""``rollbook secret``: what a client proves itself with at the token endpoint."""

from typing import Annotated, Any

import typer

from api.cli.answers import ONCE, AsJson, examples, instant, show, table
from api.cli.realms import RealmName
from domain.credentials import CredentialKind

app = typer.Typer(
    name="secret", help="Issue, retire and list client secrets.", rich_markup_mode=None
)

ClientOption = Annotated[str, typer.Option("--client", help="The id of the client.")]


@app.command(
    epilog=examples("rollbook secret issue acme", "rollbook secret issue acme --client hr-import")
)
def issue(realm: RealmName, *, client: ClientOption = "scim", as_json: AsJson = False) -> None:
    """Issue a further secret of a client; the ones before it stay valid."""
    from api.cli.acting import act, opened
    from domain.handlers.realms import issue_secret

    with opened() as service:
        secret_id, secret = act(
            service, realm, "secret issue", lambda cause, log: issue_secret(cause, log, client)
        )
    show(
        {
            "realm": realm,
            "client_id": client,
            "client_secret": secret,
            "secret_id": secret_id,
        },
        f"Client secret:  {secret}",
        f"Secret id:      {secret_id}",
        ONCE,
        f"Once the client uses it, retire the one before: rollbook secret list {realm}",
        as_json=as_json,
    )


@app.command(epilog=examples("rollbook secret retire acme SECRET_ID"))
def retire(
    realm: RealmName,
    secret_id: Annotated[str, typer.Argument(help='As "rollbook secret list" shows it.')],
    *,
    as_json: AsJson = False,
) -> None:
    """Refuse a secret from now on; tokens it has fetched run out by themselves."""
    from api.cli.acting import act, opened
    from domain.handlers.realms import retire_secret

    with opened() as service:
        act(
            service, realm, "secret retire", lambda cause, log: retire_secret(cause, log, secret_id)
        )
    show(
        {"realm": realm, "secret_id": secret_id, "retired": True},
        f"Secret {secret_id} is no longer accepted.",
        as_json=as_json,
    )


@app.command("list", epilog=examples("rollbook secret list acme"))
def list_(realm: RealmName, *, as_json: AsJson = False) -> None:
    """List the secrets of a realm, oldest first; never their text."""
    from api.cli.acting import opened, realm_named
    from projections.credentials import list_credentials

    with opened() as service:
        realm_id = realm_named(service, realm).realm
        with service.database.reading() as connection:
            rows = list_credentials(connection, realm_id, CredentialKind.SECRET)
    found: list[dict[str, Any]] = [
        {
            "secret_id": row.credential_id,
            "client_id": row.client_id,
            "issued_at": instant(row.issued_at),
            "retired_at": instant(row.revoked_at),
        }
        for row in rows
    ]
    if as_json:
        show(found, as_json=True)
        return
    table(
        ("secret", "client", "issued", "state"),
        [
            (
                secret["secret_id"],
                secret["client_id"],
                secret["issued_at"],
                f"retired {secret['retired_at']}" if secret["retired_at"] else "in use",
            )
            for secret in found
        ],
    )
