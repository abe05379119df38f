import json
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.api.cli.conftest import SECONDS, Operator, Rollbook
from tests.serving import free_port

ENV_URL = "ROLLBOOK_PUBLIC_URL"


def wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    pytest.fail("the server is not ready")


def pasted(line: str) -> Any:
    """What a printed curl line answers: through a shell and curl, or as they would read it."""
    if shutil.which("curl"):
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)
    words = shlex.split(line)
    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
    [url] = [word for word in words if word.startswith("http")]
    body = words[words.index("-d") + 1].encode() if "-d" in words else None
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.loads(answer.read())


def value_of(text: str, label: str) -> str:
    [line] = [line for line in text.splitlines() if line.startswith(f"{label}:")]
    return line.removeprefix(f"{label}:").strip()


def test_quickstart_prints_what_to_paste_and_keeps_it(operator: Operator) -> None:
    port = free_port()
    process = operator.start("quickstart", "--port", str(port), name="first")
    wait_until_ready(process, port)
    # Read while it serves: nothing may wait in a buffer.
    first = (operator.folder / "first.out").read_text()
    base = f"http://127.0.0.1:{port}/realms/demo"
    assert value_of(first, "Tenant URL") == f"{base}/scim/v2"
    assert value_of(first, "Token endpoint") == f"{base}/protocol/openid-connect/token"
    assert value_of(first, "Client id") == "scim"
    assert value_of(first, "Client secret").startswith("rbs_")
    token = value_of(first, "Secret Token")
    assert token.startswith("rbt_")
    assert ENV_URL in first
    assert "docs/connect-entra.md" in first

    create, find = [line for line in first.splitlines() if line.startswith("curl ")]
    made = pasted(create)
    assert pasted(find)["Resources"] == [made]

    process.terminate()
    assert process.wait(SECONDS) == 0
    again = operator.start("quickstart", "--port", str(port), name="again")
    wait_until_ready(again, port)
    later = (operator.folder / "again.out").read_text()
    assert "rbs_" not in later
    assert "rbt_" not in later
    assert value_of(later, "Tenant URL") == f"{base}/scim/v2"
    assert ".venv/bin/rollbook token issue demo" in later
    assert pasted(find)["Resources"] == [made]


def test_a_public_address_is_printed_and_the_curl_lines_stay_local(operator: Operator) -> None:
    operator.env[ENV_URL] = "https://scim.example.com"
    port = free_port()
    wait_until_ready(operator.start("quickstart", "--port", str(port)), port)
    text = (operator.folder / "server.out").read_text()
    assert value_of(text, "Tenant URL") == "https://scim.example.com/realms/demo/scim/v2"
    assert ENV_URL not in text
    create, _ = [line for line in text.splitlines() if line.startswith("curl ")]
    assert pasted(create)["meta"]["location"].startswith("https://scim.example.com/realms/demo/")


def test_serve_makes_an_empty_database_for_all_its_workers(operator: Operator) -> None:
    port = free_port()
    process = operator.start("serve", "--port", str(port), "--workers", "2")
    wait_until_ready(process, port)
    assert (operator.folder / "server.out").read_text() == (
        f"Rollbook serves http://127.0.0.1:{port}\n"
    )
    made = json.loads(operator.run("realm", "create", "acme", "--json").out)
    assert made["client_id"] == "scim"
    process.terminate()
    assert process.wait(SECONDS) == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_was_asked_for_exits_0(operator: Operator, how: signal.Signals) -> None:
    port = free_port()
    process = operator.start("serve", "--port", str(port))
    wait_until_ready(process, port)
    process.send_signal(how)
    assert process.wait(SECONDS) == 0
    assert "Traceback" not in (operator.folder / "server.err").read_text()


def test_answers_say_when_and_not_by_what(operator: Operator) -> None:
    port = free_port()
    wait_until_ready(operator.start("serve", "--port", str(port)), port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=SECONDS) as answer:
        assert answer.headers["Date"]
        assert answer.headers["Server"] is None


@pytest.mark.parametrize("command", ["serve", "quickstart"])
def test_a_taken_port_is_one_line_and_makes_nothing(
    rollbook: Rollbook, folder: Path, command: str
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = rollbook(command, "--port", str(other.getsockname()[1]))
    assert (done.status, done.out) == (1, "")
    assert "in use" in done.err
    assert "--port" in done.err
    assert done.err.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_a_host_of_another_machine_is_one_line(rollbook: Rollbook) -> None:
    done = rollbook("serve", "--host", "192.0.2.1", "--port", "0")
    assert (done.status, done.out) == (1, "")
    assert "--host" in done.err


def test_a_token_that_expires_soon_is_logged_at_the_start(operator: Operator) -> None:
    operator.run("realm", "create", "acme")
    issued = json.loads(operator.run("token", "issue", "acme", "--days", "7", "--json").out)
    operator.run("token", "issue", "acme", "--days", "90")
    port = free_port()
    wait_until_ready(operator.start("serve", "--port", str(port)), port)
    lines = (operator.folder / "server.err").read_text().splitlines()
    events = [json.loads(line) for line in lines]
    [warned] = [event for event in events if event["event"] == "token.expires-soon"]
    assert warned["level"] == "warning"
    assert warned["realm"] == "acme"
    assert warned["token_id"] == issued["token_id"]
    assert warned["expires_at"] == issued["expires_at"]
    assert warned["within_days"] == 7


def test_a_refused_command_exits_1_as_a_process(operator: Operator) -> None:
    done = operator.run("token", "issue", "nowhere", "--json")
    assert (done.status, done.out) == (1, "")
    assert done.err == 'rollbook: there is no realm "nowhere"; "rollbook realm list" shows them\n'
