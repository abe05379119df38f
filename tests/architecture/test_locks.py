from pathlib import Path

import pytest

from tests.architecture.locks import denied_pins, loose_pins, read_denied, read_pins

ROOT = Path(__file__).parents[2]
DENYLIST = Path(__file__).with_name("denied_versions.txt")
LOCKS = [ROOT / "requirements/runtime.txt", ROOT / "requirements/dev.txt"]
HASH = f"--hash=sha256:{'0' * 64}"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_r2_every_requirement_is_pinned_with_a_hash(lock: Path) -> None:
    assert len(read_pins(lock)) > 20
    assert loose_pins(lock) == []


@pytest.mark.parametrize(
    "line",
    [
        "starlette==1.10.0",
        f"starlette>=1.10.0 {HASH}",
        f"starlette==1.* {HASH}",
        "starlette==1.10.0 --hash=md5:00",
        "--index-" + "url somewhere",
        f"starlette @ file:///wheels/starlette.whl {HASH}",
    ],
)
def test_r2_a_loose_requirement_is_caught(tmp_path: Path, line: str) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"h11==0.16.0 ; sys_platform != 'x' \\\n    {HASH}\n", encoding="utf-8")
    assert loose_pins(lock) == []
    lock.write_text(f"{line}\n", encoding="utf-8")
    assert len(loose_pins(lock)) == 1


def test_r2_the_development_lock_installs_the_runtime_lock() -> None:
    runtime, development = ({pin.requirement for pin in read_pins(lock)} for lock in LOCKS)
    assert runtime <= development


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_r1_no_known_bad_version_is_locked(lock: Path) -> None:
    assert denied_pins(lock, read_denied(DENYLIST)) == []


@pytest.mark.parametrize("pin", ["Authlib==1.6.8", "h11==0.15.0", "eventsourcing==10.0a1"])
def test_r1_a_known_bad_version_is_caught(tmp_path: Path, pin: str) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(f"{pin} \\\n    {HASH}\n", encoding="utf-8")
    assert len(denied_pins(lock, read_denied(DENYLIST))) == 1


def test_r1_a_denied_version_needs_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "denied.txt"
    path.write_text("authlib<1.6.9\n", encoding="utf-8")
    with pytest.raises(ValueError, match="gives no reason"):
        read_denied(path)
