"""``rollbook replay restore``: what was deleted comes back, what was changed is put back."""

from enum import StrEnum
from typing import Annotated

import typer

from api.cli.answers import AsJson, examples, show


class Kind(StrEnum):
    """What can be brought back."""

    USER = "User"
    GROUP = "Group"


EXAMPLES = examples(
    "rollbook replay restore acme User 01890000-0000-7000-8000-000000000009",
    "rollbook replay restore acme Group 01890000-0000-7000-8000-00000000000a "
    "--to 2026-03-03T12:00:00Z --members",
)


def restore(  # noqa: PLR0913  # a command has as many words as it needs
    realm: Annotated[str, typer.Argument(metavar="REALM", help="The name of a realm.")],
    kind: Annotated[Kind, typer.Argument(metavar="User|Group", case_sensitive=False)],
    resource_id: Annotated[str, typer.Argument(metavar="ID", help="The id it had.")],
    *,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="As it was then (2026-03-03T12:00:00Z); by itself as it was when it was deleted.",
        ),
    ] = None,
    members: Annotated[
        bool,
        typer.Option("--members", help="With --to: put the members of a living group back too."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a deleted user or group back under its old id, with its memberships.

    With --to the attributes of one that is there are put back to what they were. Everything is
    recorded as new events; a name that another has by now is refused.
    """
    from api.cli.acting import cause_of, moment_named, opened, realm_named
    from domain.schemas import GROUP, USER
    from replay.restoring import restore as bring_back

    schema = USER if kind is Kind.USER else GROUP
    with opened() as service:
        cause = cause_of("replay restore", realm_named(service, realm).realm)
        moment = None if to is None else moment_named(service, to, "--to")
        written = bring_back(service.log, schema, cause, resource_id, to=moment, members=members)
    warnings = [warned.code for warned in written.warnings]
    show(
        {
            "realm": realm,
            "resource_type": schema.name,
            "id": written.id,
            "changed": written.changed,
            "warnings": warnings,
            "correlation_id": cause.correlation_id,
        },
        f"{schema.name} {written.id} {'is as it was' if written.changed else 'is so already'}.",
        *(_SENTENCES.get(code, code) for code in warnings),
        as_json=as_json,
    )


_SENTENCES = {
    "group-is-gone": "Some of its groups do not exist any more: it did not come back into them.",
    "unknown-member": "Some of its members do not exist any more: they did not come back.",
    "shared-external-id": "Another resource has its externalId by now; both keep it.",
}
