from pathlib import Path

import pytest

from tests.postgresql import binaries
from tests.postgresql.absence import skipping
from tests.postgresql.binaries import CHOICE, Binaries, Origin, find_binaries
from tests.postgresql.binaries import NoPostgreSQL as Absent


def fake_server(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n", encoding="utf-8")
        program.chmod(0o755)
    return folder


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without PostgreSQL; the folder returned is all that its PATH names."""
    monkeypatch.delenv(CHOICE, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}/path")
    monkeypatch.setattr(binaries, "PLACES", (f"{tmp_path}/places/*/bin",))
    monkeypatch.setattr(binaries, "PACKAGE", "no_such_package")
    return tmp_path / "path"


def test_forced_absence_says_that_it_is_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, "none")
    with pytest.raises(Absent, match="ROLLBOOK_TEST_POSTGRESQL=none"):
        find_binaries()


def test_absence_says_what_was_looked_for(bare: Path) -> None:
    with pytest.raises(Absent) as absent:
        find_binaries()
    for words in ("14 or newer", "PATH", f"{bare.parent}/places/*/bin", "no-such-package"):
        assert words in str(absent.value)


def test_a_misspelt_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, "pakage")
    with pytest.raises(ValueError, match="installed, package, none"):
        find_binaries()


def test_a_server_too_old_is_named_and_passed_over(bare: Path) -> None:
    fake_server(bare, "13.22")
    with pytest.raises(Absent, match="too old: 13"):
        find_binaries()
    newer = fake_server(bare.parent / "places/14/bin", "14.20")
    assert find_binaries().folder == newer


def test_a_server_that_does_not_run_is_named_and_passed_over(bare: Path) -> None:
    (fake_server(bare, "15.1") / "postgres").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    with pytest.raises(Absent, match="no server that runs"):
        find_binaries()


def test_the_server_on_the_path_comes_first_then_the_newest(bare: Path) -> None:
    for version in ("9.6", "17.1", "16.5", "18beta1"):
        fake_server(bare.parent / f"places/{version}/bin", version)
    assert find_binaries().version == (18,)
    fake_server(bare, "15.14 (Debian 15.14-1)")
    assert find_binaries().version == (15, 14)


def test_a_link_on_the_path_is_followed_to_its_folder(bare: Path) -> None:
    real = fake_server(bare.parent / "real", "15.1")
    bare.mkdir()
    (bare / "postgres").symlink_to(real / "postgres")
    assert find_binaries().folder == real


@pytest.mark.parametrize("origin", ["installed", "package"])
def test_the_choice_is_kept_to(monkeypatch: pytest.MonkeyPatch, origin: Origin) -> None:
    found = {"installed": Path("/installed"), "package": Path("/package")}
    monkeypatch.setattr(binaries, "_on_path", lambda: iter([found["installed"]]))
    monkeypatch.setattr(binaries, "_in_package", lambda: iter([found["package"]]))
    monkeypatch.setattr(binaries, "_version", lambda folder: (15, 1))
    monkeypatch.setenv(CHOICE, origin)
    assert find_binaries() == Binaries(found[origin], (15, 1), origin)
    monkeypatch.delenv(CHOICE)
    assert find_binaries().origin == "installed"


def test_the_programs_of_a_backup_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with skipping():
        found = find_binaries()
    for name in ("pg_dump", "pg_restore", "psql"):
        assert found.program(name).parent == found.folder
    with pytest.raises(Absent, match="pg_guess"):
        found.program("pg_guess")
