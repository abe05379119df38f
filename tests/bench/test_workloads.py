"""The harness judged by a server known to be right, in process, and by one that lies."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from projections.database import Database

from .conditions import read_pragmas
from .directory import Directory
from .growth import AddRow, Growth
from .peer_app import asgi
from .steps import STEPS, Step, posts
from .targets import judge
from .wire import Answer, Conversation, Request, WrongAnswer
from .workloads import read_back

USERS = 110
BATCH = 4
Ask = Callable[[Request], Answer]


@pytest.fixture(scope="module")
def reference() -> Iterator[Ask]:
    """The reference server without a socket: a request in, its answer out."""
    loop, server = asyncio.new_event_loop(), asgi()
    # httpx and scim2-server spell the ASGI types differently, and mean the same.
    transport = httpx.ASGITransport(app=cast("Any", server))
    client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    def ask(request: Request) -> Answer:
        method, target, body = request
        headers = {"content-type": "application/scim+json"} if body is not None else {}
        call = client.request(method, f"/v2{target}", content=body, headers=headers)
        response = loop.run_until_complete(call)
        return Answer(response.status_code, response.content)

    yield ask
    loop.run_until_complete(client.aclose())
    loop.close()


@pytest.fixture(scope="module")
def directory(reference: Ask) -> Directory:
    filled = Directory()
    for conversation in posts(filled, USERS):
        hold(conversation, reference)
    return filled


def hold(conversation: Conversation, ask: Ask) -> int:
    """Hold a conversation to its end; the number of requests it took."""
    asked = 0
    try:
        request = next(conversation)
        while True:
            asked += 1
            request = conversation.send(ask(request))
    except StopIteration:
        return asked


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_the_reference_server_answers_every_step_rightly(
    step: Step, directory: Directory, reference: Ask
) -> None:
    conversations = list(islice(step.begin(directory, BATCH), 3 if step.endless else None))
    asked = [hold(conversation, reference) for conversation in conversations]
    assert asked
    assert all(asked)
    for conversation in read_back(directory):
        hold(conversation, reference)


def test_a_round_leaves_the_directory_as_large_as_it_was(directory: Directory) -> None:
    assert len(directory.users) == USERS
    assert directory.groups == []


@pytest.mark.parametrize(
    "name", ["lookup.userName", "lookup.id", "list.page100", "filter.sw", "create.user"]
)
@pytest.mark.parametrize(
    "spoilt",
    [
        lambda answer: Answer(500, answer.body),
        lambda answer: Answer(answer.status, b"{}"),
        lambda answer: Answer(answer.status, answer.body[:-1]),
        lambda answer: Answer(answer.status, answer.body.replace(b"bench-", b"other-")),
    ],
    ids=["wrong status", "empty object", "cut short", "somebody else"],
)
def test_a_wrong_answer_is_noticed(
    name: str, spoilt: Callable[[Answer], Answer], directory: Directory, reference: Ask
) -> None:
    (step,) = [step for step in STEPS if step.name == name]
    conversation = next(step.begin(directory, BATCH))
    with pytest.raises(WrongAnswer):
        hold(conversation, lambda request: spoilt(reference(request)))


def test_a_filter_that_finds_too_much_is_noticed(directory: Directory, reference: Ask) -> None:
    (step,) = [step for step in STEPS if step.name == "filter.or"]
    everybody = Request("GET", "/Users?startIndex=1&count=20")
    conversation = next(step.begin(directory, BATCH))
    with pytest.raises(WrongAnswer, match="totalResults"):
        hold(conversation, lambda _: reference(everybody))


def test_a_patch_answered_204_and_not_done_is_noticed_when_read_back(reference: Ask) -> None:
    own = Directory()
    own._users_made = 5000
    for conversation in posts(own, 1):
        hold(conversation, reference)
    (step,) = [step for step in STEPS if step.name == "patch.displayName"]
    hold(next(step.begin(own, 1)), lambda _: Answer(204, b""))
    with pytest.raises(WrongAnswer, match="displayName"):
        hold(next(read_back(own)), reference)


@pytest.mark.parametrize(("large", "word"), [(1.4, "met"), (1.6, "MISSED")])
def test_the_cost_of_an_add_is_judged_by_its_ratio(large: float, word: str) -> None:
    growth = Growth([], AddRow((100, 10_000), (1.0, large), 60))
    assert judge([], growth)[-1].word == word


def test_the_durability_is_read_from_the_database_itself(tmp_path: Path) -> None:
    file = tmp_path / "rollbook.db"
    database = Database(f"sqlite:///{file}")
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        connection.commit()
    database.close()
    assert read_pragmas(file) == {"synchronous": "FULL", "journal_mode": "wal"}


def test_what_was_not_measured_is_not_met() -> None:
    assert {verdict.word for verdict in judge([], None)} == {"not measured"}
    assert not any(verdict.met for verdict in judge([], None))
