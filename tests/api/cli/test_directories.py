"""`rollbook replay directory`."""

import pytest

from domain.commands import DeleteUser
from domain.handlers.users import delete_user
from domain.instants import instant
from tests.api.cli.conftest import Operator, Rollbook
from tests.api.cli.test_failures import one_line
from tests.api.cli.test_histories import EVIL, Writer, piped, writer, writing

__all__ = ["writer"]


def now(writer: Writer) -> str:
    """The instant of the newest event."""
    *_, (_, newest) = writer.log.events.read(0, 1_000)
    return instant(newest.recorded_at)


def test_who_was_there_then_is_shown_and_told(rollbook: Rollbook, writer: Writer) -> None:
    writer.user("bob", active=False)
    ann = writer.user("ann", displayName="Ann", active=True)
    then = now(writer)
    writer.log.handle(delete_user, DeleteUser(writer.cause, ann))
    asked = ("replay", "directory", "acme", "Users", "--at", then, "--filter", "active eq true")
    head, line = rollbook(*asked).out.splitlines()
    assert head.split() == ["id", "changed", "active", "userName", "displayName"]
    assert line.split() == [ann, then, "yes", "ann", "Ann"]
    told = rollbook(*asked, "--json").value
    assert told["at"] == then
    assert [each["id"] for each in told["resources"]] == [ann]
    assert (
        rollbook("replay", "directory", "acme", "users", "--at", now(writer)).out.count("\n") == 2
    )


def test_groups_have_their_members_of_then(rollbook: Rollbook, writer: Writer) -> None:
    ann = writer.user("ann", displayName="Ann")
    payments = writer.group("Payments", ann)
    then = now(writer)
    writer.log.handle(delete_user, DeleteUser(writer.cause, ann))
    asked = ("replay", "directory", "acme", "Groups", "--at", then)
    [_, line] = rollbook(*asked).out.splitlines()
    assert line.split() == [payments, then, "1", "Payments"]
    [plain] = rollbook(*asked, "--json").value["resources"]
    [whole] = rollbook(*asked, "--derived", "--json").value["resources"]
    assert "display" not in plain["members"][0]
    assert whole["members"][0]["display"] == "Ann"


def test_l1_nothing_of_a_directory_is_obeyed_by_a_terminal(
    rollbook: Rollbook, writer: Writer
) -> None:
    writer.user("ann", displayName=EVIL)
    done = rollbook("replay", "directory", "acme", "Users", "--at", now(writer))
    assert done.status == 0
    assert not set(done.out) & set("\x1b\x9b\u202e")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("acme", "Users", "--at", "yesterday"), "--at is no instant"),
        (("acme", "Users", "--at", "2026-03-03T12:00:00"), "no time zone"),
        (("acme", "Users", "--at", "2999-03-03T12:00:00Z"), "lies in the future"),
        (("nobody", "Users", "--at", "2026-03-03T12:00:00Z"), "nobody"),
        (("acme", "Users", "--at", "2026-03-03T12:00:00Z", "--filter", "("), "filter"),
        (("acme", "Users", "--at", "2026-03-03T12:00:00Z", "--filter", "x pr"), "no attribute"),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_cannot_be_asked_is_one_line(
    rollbook: Rollbook,
    writer: Writer,
    arguments: tuple[str, ...],
    words: str,
    form: tuple[str, ...],
) -> None:
    assert words in one_line(rollbook, "replay", "directory", *arguments, *form)


def test_a_realm_of_nobody_is_told_so(rollbook: Rollbook, writer: Writer) -> None:
    asked = ("replay", "directory", "acme", "Users", "--at", now(writer))
    assert rollbook(*asked).out == "There was none then.\n"
    assert rollbook(*asked, "--json").value["resources"] == []


def test_a_full_disk_and_a_reader_that_goes_are_one_line(operator: Operator) -> None:
    operator.run("realm", "create", "acme")
    service, made = writing(operator.folder)
    for number in range(700):
        made.user(f"user-{number}", title="x" * 500)
    asked = ("replay", "directory", "acme", "Users", "--at", now(made))
    service.close()
    for target in ("| head -c 100 > part", "> /dev/full"):
        done = piped(operator, target, *asked, "--json")
        assert done.returncode == 1
        assert done.stderr.startswith("rollbook: the export ended early: standard output: ")
        assert done.stderr.count("\n") == 1
        table = piped(operator, target, *asked)
        assert table.returncode == 1
        assert "Traceback" not in table.stderr
    assert len(operator.run(*asked, "--json").value["resources"]) == 700
    head, *lines = operator.run(*asked).out.splitlines()
    assert len(lines) == 700
    assert {line.index("user-") for line in lines} == {head.index("userName")}
