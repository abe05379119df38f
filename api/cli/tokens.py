"""``rollbook token``: long-lived tokens, pasted into an identity provider."""

from typing import Annotated, Any

import typer

from api.cli.answers import ONCE, AsJson, examples, instant, say, show, table
from api.cli.realms import RealmName
from api.cli.secrets import ClientOption
from domain.credentials import CredentialKind
from domain.realm import SCOPES

app = typer.Typer(name="token", help="Issue, list and revoke tokens.", rich_markup_mode=None)

LONGEST_DAYS = 3_650


@app.command(
    epilog=examples(
        "rollbook token issue acme",
        "rollbook token issue acme --days 90 --scope scim.read --json",
    )
)
def issue(
    realm: RealmName,
    *,
    client: ClientOption = "scim",
    days: Annotated[int, typer.Option(min=1, max=LONGEST_DAYS, help="How long it is valid.")] = 365,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help=f"One of {', '.join(SCOPES)}; repeat it for several. "
            "Without it: all the client may have."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Issue a token to paste as Secret Token; the ones before it stay valid."""
    from api.cli.acting import act, opened
    from domain.handlers.realms import issue_token

    scopes = tuple(dict.fromkeys(scope)) if scope else None
    with opened() as service:
        token_id, token, expires_at = act(
            service,
            realm,
            "token issue",
            lambda cause, log: issue_token(cause, log, client, days=days, scopes=scopes),
        )
    show(
        {"token": token, "token_id": token_id, "expires_at": instant(expires_at)},
        f"Secret Token:  {token}",
        f"Token id:      {token_id}",
        f"Expires:       {instant(expires_at)}",
        ONCE,
        as_json=as_json,
    )


@app.command("list", epilog=examples("rollbook token list acme"))
def list_(realm: RealmName, *, as_json: AsJson = False) -> None:
    """List the tokens of a realm, oldest first; warns 30, 7 and 1 days before one expires."""
    from api.cli.acting import opened, realm_named
    from api.cli.expiry import expiry_of
    from projections.credentials import list_credentials

    with opened() as service:
        realm_id, now = realm_named(service, realm).realm, service.log.clock()
        with service.database.reading() as connection:
            rows = list_credentials(connection, realm_id, CredentialKind.TOKEN)
    found: list[dict[str, Any]] = []
    for row in rows:
        expiry = expiry_of(row, now)
        found.append(
            {
                "token_id": row.credential_id,
                "client_id": row.client_id,
                "scopes": row.scopes.split(),
                "issued_at": instant(row.issued_at),
                "expires_at": instant(row.expires_at),
                "revoked_at": instant(row.revoked_at),
                "state": expiry.state,
                "expires_within_days": expiry.within_days,
            }
        )
    if as_json or not found:
        show(found, f"There is no token yet: rollbook token issue {realm}", as_json=as_json)
        return
    _show_tokens(realm, found)


def _show_tokens(realm: str, tokens: list[dict[str, Any]]) -> None:
    table(
        ("token", "client", "scopes", "issued", "expires", "state"),
        [
            (
                token["token_id"],
                token["client_id"],
                " ".join(token["scopes"]),
                token["issued_at"],
                token["expires_at"],
                token["state"],
            )
            for token in tokens
        ],
    )
    for token in tokens:
        if token["expires_within_days"] is not None:
            say(
                f"Warning: token {token['token_id']} of client {token['client_id']} "
                f"{token['state']}; issue a new one: rollbook token issue {realm} "
                f"--client {token['client_id']}"
            )


@app.command(epilog=examples("rollbook token revoke acme TOKEN_ID"))
def revoke(
    realm: RealmName,
    token_id: Annotated[str, typer.Argument(help='As "rollbook token list" shows it.')],
    *,
    as_json: AsJson = False,
) -> None:
    """Refuse a token, within a second, on every worker."""
    from api.cli.acting import act, opened
    from domain.handlers.realms import revoke_token

    with opened() as service:
        act(service, realm, "token revoke", lambda cause, log: revoke_token(cause, log, token_id))
    show(
        {"realm": realm, "token_id": token_id, "revoked": True},
        f"Token {token_id} is no longer accepted.",
        as_json=as_json,
    )
