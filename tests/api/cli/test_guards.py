"""``rollbook realm guard`` as an operator runs it."""

import pytest

from tests.api.cli.conftest import Rollbook

LIMIT = {"percent": 10, "minimum": 5, "window_minutes": 30, "lifted_until": None, "tripped": False}
SET = ("--percent", "10", "--minimum", "5", "--window", "30")


@pytest.fixture(autouse=True)
def acme(rollbook: Rollbook) -> None:
    rollbook("realm", "create", "acme")


def test_a_guard_is_shown_set_lifted_and_taken_away(rollbook: Rollbook) -> None:
    guard = ("realm", "guard", "acme")
    assert rollbook(*guard, "--json").value == {"realm": "acme", "guard": None, "changed": False}
    assert rollbook(*guard, *SET, "--json").value["guard"] == LIMIT
    assert rollbook(*guard, *SET, "--json").value["changed"] is False
    assert "more than 10 % of its users or groups (at least 5)" in rollbook(*guard).out
    lifted = rollbook(*guard, "--lift", "--minutes", "5", "--json").value["guard"]
    assert lifted["lifted_until"].endswith("Z")
    assert "It is lifted until" in rollbook(*guard).out
    assert rollbook(*guard, "--off", "--json").value == {
        "realm": "acme",
        "guard": None,
        "changed": True,
    }
    assert "has no mass-change guard" in rollbook(*guard).out


def test_what_stands_against_it_is_one_line(rollbook: Rollbook) -> None:
    for options, words in (
        (("--percent", "0"), "percent is a whole number from 1 to 100"),
        (("--percent", "10", "--minimum", "0"), "minimum is a whole number"),
        (("--percent", "10", "--window", "99999"), "window is a whole number"),
        (("--lift",), "no mass-change guard to lift"),
    ):
        done = rollbook("realm", "guard", "acme", *options)
        assert (done.status, done.out) == (1, "")
        assert words in done.err
        assert done.err.count("\n") == 1
    assert rollbook("realm", "guard", "acme", "--off", "--lift").status == 2
    assert "there is no realm" in rollbook("realm", "guard", "nowhere").err
