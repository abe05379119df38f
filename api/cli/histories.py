"""``rollbook replay history``, ``diff`` and ``export``: what happened in a realm."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.answers import AsJson, examples, say, show, table
from api.cli.realms import RealmName

if TYPE_CHECKING:
    from api.composition import Service
    from replay.history import AuditLog, Between

app = typer.Typer(rich_markup_mode=None)

From = Annotated[
    str | None, typer.Option("--from", help="Only what happened after this instant (RFC 3339).")
]
To = Annotated[str | None, typer.Option("--to", help="Up to and with this instant.")]
_PAGE = 1_000
_SHOWN = 256


class Format(StrEnum):
    """The forms of an export."""

    JSONL = "jsonl"
    CSV = "csv"


@app.command(
    epilog=examples(
        "rollbook replay history acme",
        "rollbook replay history acme User ID --attribute title",
        "rollbook replay history acme --actor scim --from 2026-03-01T00:00:00Z --json",
    )
)
def history(  # noqa: PLR0913  # what an operator may ask for at a time
    realm: RealmName,
    resource_type: Annotated[
        str | None, typer.Argument(metavar="[User|Group]", help="Only of this resource type.")
    ] = None,
    resource_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Only of it.")] = None,
    *,
    begin: From = None,
    end: To = None,
    actor: Annotated[str | None, typer.Option(help="Only by this client or operator.")] = None,
    action: Annotated[str | None, typer.Option(help="Only this, such as user.renamed.")] = None,
    attribute: Annotated[str | None, typer.Option(help="Only changes of this attribute.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show who changed what, the newest first; members and values with --json in full."""
    from api.cli.acting import opened, realm_named
    from api.cli.progress import slow_bar
    from domain.refusals import NoSuchResource
    from replay.history import AuditLog, conditions_of

    wanted = conditions_of(
        resource_type=resource_type,
        resource_id=resource_id,
        actor=actor,
        action=action,
        attribute=attribute,
    )
    with opened() as service, slow_bar("history") as report:
        audit_log = AuditLog(service.log, realm_named(service, realm).realm)
        if resource_id is not None and not audit_log.knows(resource_type, wanted.resource_id or ""):
            raise NoSuchResource(resource_type or "Resource", resource_id)
        span = _span(service, begin, end)
        events, more = _read(audit_log, wanted, span, limit, report)
    if as_json:
        show({"events": events, "more": more}, as_json=True)
        return
    if not events:
        say("Nothing of that kind happened.")
        return
    table(("at", "action", "resource", "what", "by", "from"), [_row(event) for event in events])
    if more:
        say(f"There are older ones: ask for more than {limit} by --limit, or for less.")


@app.command(
    epilog=examples(
        "rollbook replay diff acme --from 2026-03-01T00:00:00Z --to 2026-04-01T00:00:00Z"
    )
)
def diff(
    realm: RealmName,
    *,
    begin: Annotated[str, typer.Option("--from", help="The earlier instant (RFC 3339).")],
    end: Annotated[str, typer.Option("--to", help="The later instant.")],
    as_json: AsJson = False,
) -> None:
    """Show what two instants differ by; what changed and changed back is left out."""
    from api.cli.acting import opened, realm_named
    from api.cli.progress import slow_bar
    from replay.difference import difference

    with opened() as service, slow_bar("diff") as report:
        named = realm_named(service, realm)
        span = _span(service, begin, end)
        found = difference(service.log, named.realm, span, capped=False, progress=report)
    if as_json:
        show(found._asdict(), as_json=True)
        return
    rows = [
        (what, _resource(each), _changes(each.get("changes", ())))
        for what in ("created", "changed", "deleted")
        for each in getattr(found, what)
    ]
    rows += [
        (what, f"Group {shown(each['groupName'])} {each['groupId']}", _member(each))
        for what in ("joined", "left")
        for each in getattr(found, what)
    ]
    if rows:
        table(("", "resource", "what"), rows)
    else:
        say("The two instants do not differ.")


@app.command(
    epilog=examples(
        "rollbook replay export acme --format csv --output acme.csv",
        "rollbook replay export acme --format jsonl --from 2026-03-01T00:00:00Z | gzip > acme.gz",
    )
)
def export(  # noqa: PLR0913  # as history
    realm: RealmName,
    *,
    form: Annotated[Format, typer.Option("--format", help="JSON Lines as it is, or CSV.")],
    begin: From = None,
    end: To = None,
    output: Annotated[str, typer.Option(help='A new file; "-": standard output.')] = "-",
    force: Annotated[bool, typer.Option("--force", help="Replace the file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write every event, the oldest first.

    CSV has one line a changed attribute or member. An apostrophe stands before what a spreadsheet
    would take for a formula.
    """
    from api.cli.acting import opened, realm_named
    from api.cli.backups import stopped_cleanly
    from api.cli.exporting import whole_file, whole_stream
    from api.cli.progress import slow_bar
    from replay.export import export as write

    to_file = output != "-"
    if as_json and not to_file:
        raise typer.BadParameter("--json tells about a file: name one by --output")
    target = whole_file(Path(output), replace=force) if to_file else whole_stream()
    with opened() as service, stopped_cleanly(), slow_bar("export") as report:
        named = realm_named(service, realm)
        span = _span(service, begin, end)
        with target as stream:
            count = write(service.log, named.realm, span, form.value, stream, report)
    if to_file:
        done = {"file": output, "format": form.value, "events": count}
        show(done, f"{output} holds {count} events.", as_json=as_json)


def _span(service: "Service", begin: str | None, end: str | None) -> "Between":
    from replay.history import between, instants_of

    return between(service.database, instants_of(begin, end, service.log.has_happened))


def _read(
    audit_log: "AuditLog", wanted: Any, span: "Between", limit: int, report: Any
) -> tuple[list[dict[str, Any]], bool]:
    events: list[dict[str, Any]] = []
    before = None
    while True:
        page = audit_log.page(wanted, span, min(limit - len(events), _PAGE), before)
        events += page.events
        report(len(events), limit)
        before = page.rest_before
        if before is None or len(events) >= limit:
            return events, before is not None


def shown(value: Any) -> str:
    """Return a value for a terminal: one line, and nothing that a terminal obeys (ABUSE L1)."""
    import json

    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(text) > _SHOWN:
        text = text[:_SHOWN] + "…"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _row(event: dict[str, Any]) -> tuple[str, ...]:
    actor = event["actor"]
    by = f"{actor['kind']} {shown(actor['id'])}"
    token = f" token {actor['tokenId']}" if actor["tokenId"] else ""
    what = [_changes(event["changes"])]
    what += [f"+ {_member(each)}" for each in event["membersAdded"]]
    what += [f"- {_member(each)}" for each in event["membersRemoved"]]
    return (
        event["recordedAt"],
        event["action"],
        _resource(event),
        "\n".join(line for line in what if line),
        by + token,
        shown(event["sourceAddress"] or "-"),
    )


def _resource(each: dict[str, Any]) -> str:
    return f"{each['resourceType']} {shown(each['resourceName'])} {each['resourceId']}"


def _changes(changes: Any) -> str:
    return "\n".join(
        f"{each['path']}: {shown(each['after'])}"
        if each["before"] is None
        else f"{each['path']}: {shown(each['before'])} -> {shown(each['after'])}"
        for each in changes
    )


def _member(each: dict[str, Any]) -> str:
    name = each["display"]
    return each["value"] if name is None else f"{shown(name)} {each['value']}"
