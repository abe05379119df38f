import os
import subprocess
import sys

import pytest

from tests.postgresql.absence import REQUIRE, skipping
from tests.postgresql.binaries import CHOICE, find_binaries
from tests.postgresql.keeper import PROJECT


def run(**variables: str) -> subprocess.CompletedProcess[str]:
    """One test that needs PostgreSQL, in a run of its own with these variables and no CI's."""
    inherited = {k: v for k, v in os.environ.items() if k not in {CHOICE, REQUIRE, "CI"}}
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider"),
            *("tests/postgresql/test_cluster.py", "-k", "answers_through_psycopg"),
        ],
        cwd=PROJECT,
        env=inherited | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_run_without_postgresql_says_so_and_succeeds() -> None:
    done = run(ROLLBOOK_TEST_POSTGRESQL="none")
    assert "PostgreSQL was NOT tested: none was looked for" in done.stdout
    assert "1 skipped" in done.stdout
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("variables", [{REQUIRE: "1"}, {"CI": "true"}])
def test_a_run_that_requires_postgresql_fails_without_it(variables: dict[str, str]) -> None:
    done = run(ROLLBOOK_TEST_POSTGRESQL="none", **variables)
    assert "PostgreSQL was NOT tested: none was looked for" in done.stdout
    assert "This run fails" in done.stdout
    assert done.returncode == 1, done.stdout


def test_a_run_with_postgresql_names_it() -> None:
    with skipping():
        found = find_binaries()
    done = run(**{REQUIRE: "1", CHOICE: found.origin})
    assert f"PostgreSQL tested: {found}" in done.stdout
    assert done.returncode == 0, done.stdout
