import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.rules import (
    LONGEST_FILE,
    built_sql,
    empty_names,
    forbidden_imports,
    long_files,
)

ROOT = Path(__file__).parents[2]
PACKAGES = ("domain", "projections", "replay", "api")
WEB = frozenset({"fastapi", "starlette", "uvicorn", "httptools", "uvloop"})
SQL = frozenset({"sqlalchemy", "alembic", "sqlite3", "psycopg"})


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    program = "import sys, importlinter.cli as cli; sys.exit(cli.lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )


def test_the_import_contracts_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "source", "contract"),
    [
        ("domain/a.py", "import projections.a", "Imports point one way"),
        ("projections/a.py", "import replay.a", "Imports point one way"),
        ("replay/a.py", "import api.a", "Imports point one way"),
        ("domain/a.py", "import sqlalchemy", "domain knows no fastapi and no sqlalchemy"),
        ("domain/a.py", "from fastapi import FastAPI", "domain knows no fastapi"),
        ("replay/a.py", "import uvicorn", "only api speaks HTTP"),
        ("projections/a.py", "import projections.b", "no cycles between siblings"),
    ],
)
def test_a_forbidden_import_breaks_its_contract(
    tmp_path: Path, module: str, source: str, contract: str
) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        for name in ("__init__.py", "a.py"):
            (tmp_path / package / name).touch()
    (tmp_path / "projections/b.py").write_text("import projections.a\n", encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert lint_imports(tmp_path).returncode == 0, "the twin is sound before it is sabotaged"
    (tmp_path / module).write_text(f"{source}\n", encoding="utf-8")
    result = lint_imports(tmp_path)
    assert result.returncode == 1, result.stdout + result.stderr
    broken = [line for line in result.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), result.stdout


def test_domain_imports_neither_web_nor_database() -> None:
    assert forbidden_imports(ROOT / "domain", WEB | SQL) == []


@pytest.mark.parametrize("package", ["projections", "replay"])
def test_only_api_imports_the_web(package: str) -> None:
    assert forbidden_imports(ROOT / package, WEB) == []


@pytest.mark.parametrize(
    "source",
    [
        "import fastapi",
        "import sqlalchemy.orm as orm",
        "from sqlalchemy import select",
        "def late() -> None:\n    from starlette.requests import Request",
        "import importlib\nimportlib.import_module('sqlalchemy.orm')",
        "engine = __import__('sqlite3')",
    ],
)
def test_a_hidden_import_is_caught(tmp_path: Path, source: str) -> None:
    (tmp_path / "innocent.py").write_text("from domain import comparison\n", encoding="utf-8")
    assert forbidden_imports(tmp_path, WEB | SQL) == []
    (tmp_path / "sabotaged.py").write_text(source, encoding="utf-8")
    assert len(forbidden_imports(tmp_path, WEB | SQL)) == 1


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_holds_a_second_concept(package: str) -> None:
    assert long_files(ROOT / package) == []


def test_a_file_one_line_too_long_is_caught(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("\n" * LONGEST_FILE, encoding="utf-8")
    assert long_files(tmp_path) == []
    module.write_text("\n" * (LONGEST_FILE + 1), encoding="utf-8")
    assert len(long_files(tmp_path)) == 1


@pytest.mark.parametrize("package", [*PACKAGES, "tests"])
def test_names_say_what_is_inside(package: str) -> None:
    assert empty_names(ROOT / package) == []


@pytest.mark.parametrize("name", ["utils.py", "user_service.py", "common/rooms.py", "Manager.py"])
def test_a_name_that_says_nothing_is_caught(tmp_path: Path, name: str) -> None:
    (tmp_path / "service_provider.py").touch()
    assert empty_names(tmp_path) == []
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    assert len(empty_names(tmp_path)) == 1


@pytest.mark.parametrize("package", PACKAGES)
def test_f1_no_sql_is_built_from_strings(package: str) -> None:
    assert built_sql(ROOT / package) == []


@pytest.mark.parametrize(
    "source",
    [
        "from sqlalchemy import text\ntext(f'SELECT {name}')",
        "from sqlalchemy import text as sql\nsql('SELECT %s' % name)",
        "import sqlalchemy as sa\nsa.text('SELECT {}'.format(name))",
        "import sqlalchemy as sa\nsa.text('SELECT ' + name)",
        "from sqlalchemy.sql import text\nstatement = f'SELECT {name}'\ntext(statement)",
        "from sqlalchemy import literal_column\nliteral_column(', '.join(names))",
        "connection.exec_driver_sql(f'PRAGMA {name}')",
        "from alembic import op\nop.execute(f'DROP TABLE {name}')",
    ],
)
def test_f1_sql_built_from_strings_is_caught(tmp_path: Path, source: str) -> None:
    (tmp_path / "innocent.py").write_text(
        "from sqlalchemy import select, text\n"
        "connection.execute(text('SELECT 1' ' WHERE a = :a'), {'a': name})\n"
        "connection.execute(select(table).where(table.c.name == f'{name}'))\n",
        encoding="utf-8",
    )
    assert built_sql(tmp_path) == []
    (tmp_path / "sabotaged.py").write_text(source, encoding="utf-8")
    assert len(built_sql(tmp_path)) == 1
