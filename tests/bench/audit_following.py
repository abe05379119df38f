"""Followers under load: how far behind the log they are, and what they cost a write."""

import http.client
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import orjson

from domain.handlers.realms import create_realm, issue_token
from replay.status import FOLLOWS, read_model_status

from .directory import Directory
from .entra_users import PATCH_OP
from .filling import cause_in, fill_users, service_at
from .leaver import OPERATOR
from .rounds import Contender, Scale, ratios, run_rounds, say
from .servers import rollbook, served
from .steps import STEPS

REALMS = ("north", "east", "south", "west")
RATE = 25
USERS = 50
PATCHES = [step for step in STEPS if step.workload == "patch"]
SAMPLE_SECONDS = 0.2


@dataclass(slots=True)
class Lag:
    """Events behind the log, over and over, of the slowest follower."""

    seconds: float
    writes: int = 0
    wanted: int = 0
    samples: list[int] = field(default_factory=list)
    left: int = 0
    """Behind a second after the last write."""
    failures: list[str] = field(default_factory=list)


def measure_lag(folder: Path, seconds: float) -> Lag:
    """25 PATCHes a second on each of four realms of one server."""
    measured = Lag(seconds, wanted=int(seconds * RATE) * len(REALMS))
    tokens, users = {}, {}
    with service_at(f"sqlite:///{folder}/following.db", folder / "following.key") as service:
        for slug in REALMS:
            create_realm(OPERATOR, service.log, slug)
            cause, directory = cause_in(service, slug), Directory()
            fill_users(service, cause, directory, USERS)
            users[slug] = [user.id for user in directory.users]
            tokens[slug] = issue_token(cause, service.log, "scim", days=1)[1]

        def lag() -> int:
            found = read_model_status(service.database)
            return max(each.lag for each in found if each.kind == FOLLOWS)

        with served(folder, "following") as port, ThreadPoolExecutor(len(REALMS)) as pool:
            _until(lambda: lag() == 0)
            runs = [
                pool.submit(_write, port, slug, tokens[slug], users[slug], seconds)
                for slug in REALMS
            ]
            while not all(run.done() for run in runs):
                measured.samples.append(lag())
                time.sleep(SAMPLE_SECONDS)
            for run in runs:
                answered, wrong = run.result()
                measured.writes += answered
                measured.failures += wrong
            time.sleep(1)
            measured.left = lag()
    say(f"audit: lag {median(measured.samples)} in the middle, {max(measured.samples)} at most")
    return measured


def _until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(SAMPLE_SECONDS)


def _write(
    port: int, slug: str, token: str, users: list[str], seconds: float
) -> tuple[int, list[str]]:
    """Send PATCHes by the clock over one connection: how many were answered, and what was wrong."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    wrong, began = list[str](), time.monotonic()
    for number in range(int(seconds * RATE)):
        time.sleep(max(0.0, began + number / RATE - time.monotonic()))
        operation = {"op": "Replace", "path": "title", "value": f"title {number}"}
        body = orjson.dumps({"schemas": [PATCH_OP], "Operations": [operation]})
        path = f"/realms/{slug}/scim/v2/Users/{users[number % len(users)]}"
        connection.request("PATCH", path, body, headers)
        answer = connection.getresponse()
        if answer.status != 200:
            wrong.append(f"PATCH {path}: {answer.status} {answer.read()[:200]!r}")
        answer.read()
    connection.close()
    return int(seconds * RATE) - len(wrong), wrong


def measure_loss(scale: Scale, folder: Path) -> list[Contender]:
    """The same server with its followers and without, in turn; see `loss_of`."""
    with ExitStack() as stack:
        pair = [
            Contender(stack.enter_context(rollbook(folder, "followed"))),
            Contender(
                stack.enter_context(
                    rollbook(folder, "alone", module="tests.bench.without_followers")
                )
            ),
        ]
        run_rounds(pair, PATCHES, scale)
    return pair


def loss_of(pair: list[Contender]) -> float | None:
    """PATCHes a second with followers, divided by those without: the median of the rounds."""
    seen = ratios(pair[0], pair[1], PATCHES)
    return median(seen) if seen else None
