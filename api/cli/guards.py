"""``rollbook realm guard``: how many a client may deactivate or delete within a while."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli.answers import AsJson, examples, instant, show

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from domain.guard import Guard, GuardEvent
    from domain.realm import Realm

    Decision = Callable[[Realm], Sequence[GuardEvent]]

EXAMPLES = examples(
    "rollbook realm guard acme --percent 10 --minimum 50 --window 10",
    "rollbook realm guard acme --lift --minutes 60",
    "rollbook realm guard acme --off",
)


def guard(  # noqa: PLR0913  # a command has as many words as it needs
    realm: Annotated[str, typer.Argument(metavar="REALM", help="The name of a realm.")],
    *,
    percent: Annotated[
        int | None, typer.Option(help="Refuse more than so many percent of all users, or groups.")
    ] = None,
    minimum: Annotated[
        int, typer.Option(help="With --percent: never refuse fewer than so many.")
    ] = 50,
    window: Annotated[
        int, typer.Option(metavar="MINUTES", help="With --percent: within so many minutes.")
    ] = 10,
    lift: Annotated[bool, typer.Option("--lift", help="Let everything through for a while.")] = (
        False
    ),
    minutes: Annotated[int, typer.Option(help="With --lift: for how long.")] = 60,
    off: Annotated[bool, typer.Option("--off", help="Let everything through from now on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show or set the mass-change guard of a realm; it is off until it is set.

    Beyond the limit a client that deactivates or deletes is answered 403, and nothing is changed,
    until the window has passed or the guard is lifted. Commands of operators are never refused.
    """
    from api.cli.acting import act, opened
    from domain.handlers.realms import change_realm

    if sum((percent is not None, lift, off)) > 1:
        raise typer.BadParameter("give one of --percent, --lift and --off")
    with opened() as service:
        decide = _decision(percent, minimum, window, off=off)
        if lift:
            decide = _lifting(service.log.clock(), minutes)
        changed = act(
            service, realm, "realm guard", lambda cause, log: change_realm(cause, log, decide)
        )
        found = act(service, realm, "realm guard", lambda cause, log: log.realm(cause.realm))
        now = service.log.clock()
    stands = found.state.guard
    show(
        {"realm": realm, "guard": _as_json(stands, now), "changed": changed},
        _sentence(realm, stands, now),
        as_json=as_json,
    )


def _decision(percent: int | None, minimum: int, window: int, *, off: bool) -> "Decision":
    from domain.guard import Guard

    if off:
        return lambda realm: Guard.removing(realm.guard)
    if percent is None:
        return lambda _: []
    return lambda realm: Guard.setting(realm.guard, percent, minimum, window)


def _lifting(now: int, minutes: int) -> "Decision":
    from domain.guard import Guard

    return lambda realm: Guard.lifting(realm.guard, now, minutes)


def _as_json(guard: "Guard | None", now: int) -> dict[str, Any] | None:
    if guard is None:
        return None
    return {
        "percent": guard.percent,
        "minimum": guard.minimum,
        "window_minutes": guard.window_minutes,
        "lifted_until": instant(guard.lifted_until) if guard.lifted_until > now else None,
        "tripped": guard.tripped_until > now,
    }


def _sentence(realm: str, guard: "Guard | None", now: int) -> str:
    if guard is None:
        return f'Realm "{realm}" has no mass-change guard.'
    text = (
        f'Realm "{realm}" lets no client deactivate or delete more than {guard.percent} % of its '
        f"users or groups (at least {guard.minimum}) within {guard.window_minutes} minutes."
    )
    if guard.lifted_until > now:
        return f"{text} It is lifted until {instant(guard.lifted_until)}."
    if guard.tripped_until > now:
        return f"{text} It has tripped: the history of the realm says by whom."
    return text
