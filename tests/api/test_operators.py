"""What operators watch: ``/metrics`` and ``/status``, on a listener of their own."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient as Asking

from api.cli.failures import CannotListen
from api.cli.listening import listen, listen_for_operators
from api.operators import counting
from api.operators.counting import RequestCounter, added_up, no_requests
from api.operators.listener import operators_app
from api.operators.sharing import OwnFile, counting_together, told_by_all
from api.settings import BadSetting, Settings, listen_address, read_settings
from projections.database import Database
from tests.api.journaled import Journaled, journaled_on
from tests.conftest import SpawnServer
from tests.engines import Engine
from tests.projections.followed import Notes, following
from tests.serving import free_port

SECONDS = 30.0
HISTOGRAM = "rollbook_request_duration_seconds"
Labels = frozenset[tuple[str, str]]
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "OTHER"}


def samples(text: str) -> dict[tuple[str, Labels], float]:
    """Every sample by its name and labels; a format that cannot be read raises."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def counts(text: str) -> dict[tuple[str, str, str], float]:
    """The number of requests by method, route and status."""
    found = {}
    for (name, labels), value in samples(text).items():
        if name == f"{HISTOGRAM}_count":
            of = dict(labels)
            found[of["method"], of["route"], of["status"]] = value
    return found


class Watched:
    """An application in this process, and what operators are told about it."""

    def __init__(self, journaled: Journaled, folder: Path) -> None:
        self.journaled = journaled
        self.house = journaled.house
        self._folder = folder
        self.operators = Asking(operators_app(self.house.database, folder))

    @property
    def http(self) -> TestClient:
        return self.journaled.http

    def metrics(self) -> str:
        counter: RequestCounter = self.http.app.state.counter  # type: ignore[attr-defined]
        assert self.http.portal is not None
        self.http.portal.call(counter.tell)
        answer = self.operators.get("/metrics", headers={"Accept": "text/plain; version=garbage"})
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return answer.text


@pytest.fixture
def watched(engine: Engine) -> Iterator[Watched]:
    with counting_together() as folder, journaled_on(engine) as journaled:
        yield Watched(journaled, folder)


def test_requests_are_counted_by_method_route_and_status(watched: Watched) -> None:
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann"}
    assert watched.journaled.send("POST", "/Users", body=body).status_code == 201
    assert watched.journaled.send("POST", "/Users", body=body).status_code == 409
    for slug in ("acme", "other"):
        assert watched.journaled.send("GET", "/Users", slug=slug).status_code == 200
    route = "/realms/{realm}/scim/v2/Users"
    found = counts(watched.metrics())
    assert {kind: n for kind, n in found.items() if kind[1] == route} == {
        ("POST", route, "201"): 1,
        ("POST", route, "409"): 1,
        ("GET", route, "200"): 2,
    }


def test_a_histogram_adds_up(watched: Watched) -> None:
    for _ in range(3):
        watched.journaled.send("GET", "/Users")
    found = samples(watched.metrics())
    whole = {labels: value for (name, labels), value in found.items() if name.endswith("_count")}
    assert whole
    for labels, value in whole.items():
        buckets = [
            (float(dict(of)["le"]), n)
            for (name, of), n in found.items()
            if name == f"{HISTOGRAM}_bucket" and labels < of
        ]
        numbers = [n for _, n in sorted(buckets)]
        assert numbers == sorted(numbers)
        assert numbers[-1] == value
        assert found[f"{HISTOGRAM}_sum", labels] > 0


def say_secrets(watched: Watched) -> list[str]:
    """Send what no label may hold; return it."""
    token = watched.journaled.tokens["acme", "scim"]
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "jane.doe"}
    made = watched.journaled.send("POST", "/Users", body=body).json().get("id", "made-before")
    watched.journaled.send("GET", f"/Users/{made}")
    watched.journaled.send("GET", '/Users?filter=userName eq "filter.value"')
    watched.http.get("/realms/acme/scim/v2/Users", headers={"Authorization": "Bearer rbt_made-up"})
    watched.http.get(f"/realms/acme/scim/v2/Users?access_token={token}")
    for number in range(30):
        watched.http.get(f"/nowhere/{number}/private-{number}")
        watched.http.get(f"/realms/realm-{number}/scim/v2/Users")
        watched.http.request(f"VERB{number}", "/realms/acme/scim/v2/Users")
    watched.http.get("/realms/acme/scim/v2/Users/" + "x" * 20_000)
    return [token, "jane", "filter.value", "made-up", made, "private-", "realm-", "VERB", "acme"]


def assert_tells_nothing(watched: Watched, secrets: list[str]) -> None:
    text = watched.metrics()
    assert [secret for secret in secrets if secret in text] == []
    templates = {each.path for each in watched.http.app.routes}  # type: ignore[attr-defined]
    for method, route, status in counts(text):
        assert method in METHODS
        assert route in {*templates, "none"}
        assert status.isdigit()


def test_no_label_holds_what_a_client_wrote_and_their_number_is_bounded(watched: Watched) -> None:
    assert_tells_nothing(watched, say_secrets(watched))
    say_secrets(watched)  # a second Jane is refused, and not found: further statuses
    before = set(samples(watched.metrics()))
    say_secrets(watched)
    assert set(samples(watched.metrics())) == before


def test_sabotage_a_path_as_a_label_is_found(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "template_of", lambda scope: scope["path"])
    secrets = say_secrets(watched)
    with pytest.raises(AssertionError):
        assert_tells_nothing(watched, secrets)


def positions(watched: Watched) -> list[int]:
    """Return the positions of the events; on PostgreSQL there are gaps between them."""
    return [position for position, _ in watched.house.log.events.read(0, 1_000_000)]


def test_read_models_are_told_as_numbers(watched: Watched) -> None:
    found = samples(watched.metrics())
    assert found["rollbook_database_up", frozenset()] == 1
    directory = frozenset({("read_model", "directory"), ("generation", "1")})
    assert found["rollbook_read_model_position", directory] == positions(watched)[-1]
    assert found["rollbook_read_model_lag_events", directory] == 0
    assert found["rollbook_read_model_healthy", directory] == 1
    state = frozenset({*directory, ("kind", "inline"), ("state", "live")})
    assert found["rollbook_read_model_state", state] == 1


def test_a_parked_event_is_told_and_answered_503(watched: Watched) -> None:
    first = positions(watched)[0]
    follower = following(watched.house.log, Notes(refuses=lambda event: event.position == first))
    follower.catch_up()
    notes = frozenset({("read_model", "notes"), ("generation", "1")})
    found = samples(watched.metrics())
    assert found["rollbook_read_model_parked_events", notes] >= 1
    assert found["rollbook_read_model_stale_resources", notes] == 1
    assert found["rollbook_read_model_healthy", notes] == 0
    answer = watched.operators.get("/status")
    assert answer.status_code == 503
    [told] = [each for each in answer.json() if each["read_model"] == "notes"]
    assert told["error"] == f"ValueError('cannot take {first}')"
    assert "rollbook replay parked list" in told["advice"]
    assert (told["healthy"], told["stale"], told["lag"]) == (False, 1, 0)
    # What an error says is the database's; no label holds it.
    assert "cannot take" not in watched.metrics()


def test_clients_find_nothing_of_it_at_their_own_listener(watched: Watched) -> None:
    for path in ("/metrics", "/status", "/metrics/", "//metrics"):
        assert watched.http.get(path).status_code == 404


def test_operators_find_nothing_of_the_clients_there(watched: Watched) -> None:
    for path in ("/", "/health/live", "/realms/acme/scim/v2/Users", "/docs", "/openapi.json"):
        assert watched.operators.get(path).status_code == 404
    assert watched.operators.post("/metrics").status_code == 405


def test_a_database_that_is_gone_is_a_number_too(tmp_path: Path) -> None:
    url = f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none"
    with closing(Database(url)) as database:
        operators = Asking(operators_app(database, tmp_path))
        answer = operators.get("/metrics")
        assert answer.status_code == 200
        assert samples(answer.text)["rollbook_database_up", frozenset()] == 0
        status = operators.get("/status")
    assert status.status_code == 503
    assert "busy or gone" in status.json()["error"]


def test_what_processes_tell_is_added_up_and_one_that_ended_is_not_forgotten(
    tmp_path: Path,
) -> None:
    once = [1.0, *no_requests()[1:-1], 0.5]
    for _ in range(2):
        OwnFile(tmp_path).write([["GET", "/a", 200, once]])
    last = OwnFile(tmp_path)
    last.write([["GET", "/a", 200, once]])
    last.write([["GET", "/a", 200, once], ["PUT", "/a", 0, once]])
    (tmp_path / "half.new").write_bytes(b"[[")
    found = added_up(told_by_all(tmp_path))
    assert found["GET", "/a", 200][0] == 3
    assert found["GET", "/a", 200][-1] == 1.5
    assert found["PUT", "/a", 0][0] == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("9464", ("127.0.0.1", 9464)),
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("[::1]:0", ("::1", 0)),
        ("ops.example.com:80", ("ops.example.com", 80)),
    ],
)
def test_a_place_is_a_port_or_a_host_and_a_port(text: str, place: tuple[str, int]) -> None:
    assert listen_address(text) == place


@pytest.mark.parametrize("text", ["x", ":9464", "::1:9464", "127.0.0.1:", "127.0.0.1:70000", "1 2"])
def test_a_place_that_is_none_is_one_line_that_names_the_variable(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLBOOK_ADMIN_LISTEN", text)
    with pytest.raises(BadSetting, match=r"ROLLBOOK_ADMIN_LISTEN=.*PORT or HOST:PORT"):
        read_settings()


def test_a_taken_place_is_one_line_that_names_the_variable() -> None:
    with listen("127.0.0.1", 0) as taken:
        settings = Settings(admin_listen=str(taken.getsockname()[1]))
        with (
            pytest.raises(CannotListen, match="ROLLBOOK_ADMIN_LISTEN"),
            listen_for_operators(settings),
        ):
            pass


def test_nobody_listens_unless_told_to() -> None:
    with listen_for_operators(Settings()) as nobody:
        assert nobody is None


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def test_one_answer_speaks_for_all_workers_and_outlives_one(spawn_server: SpawnServer) -> None:
    port = free_port()
    place = f"http://127.0.0.1:{port}"
    server = spawn_server(workers=2, env={"ROLLBOOK_ADMIN_LISTEN": f"127.0.0.1:{port}"})
    live = ("GET", "/health/live", "200")

    def counted() -> float:
        return counts(get(f"{place}/metrics")[1]).get(live, 0.0)

    def ask(times: int) -> None:
        for _ in range(times):
            assert get(f"{server.url}/health/live")[0] == 200

    ask(40)
    until(lambda: counted() == 40)
    [first, *_] = workers = worker_processes(server.pid)
    assert len(workers) == 2
    first.kill()
    until(lambda: len([each for each in worker_processes(server.pid) if each != first]) == 2)
    assert counted() == 40
    assert get(f"{server.url}/metrics")[0] == 404
    status, body = get(f"{place}/status")
    assert status == 200
    names = [each["read_model"] for each in json.loads(body)]
    assert names == ["directory", "spans", "activity", "audit", "snapshots"]
    assert [each["read_model"] for each in server.cli("replay", "status")] == names


def worker_processes(pid: int) -> list[psutil.Process]:
    """The processes that serve for a parent; not the one that tracks what they share."""
    return [child for child in psutil.Process(pid).children() if serves(child)]


def serves(child: psutil.Process) -> bool:
    try:
        alive = child.status() != psutil.STATUS_ZOMBIE
        return alive and "spawn_main" in " ".join(child.cmdline())
    except psutil.NoSuchProcess:  # it ended since it was listed
        return False
