"""The rows of PostgreSQL: a machine without it says so, a bound is judged as it reads."""

from pathlib import Path

import pytest

from tests.postgresql.binaries import CHOICE

from .leaver import Leaver
from .on_postgresql import compare_on_postgresql
from .parallel_writers import Writers, measure_writers
from .postgresql_report import Postgresql, postgresql_lines, postgresql_verdicts
from .targets import verdict
from .two_sizes import TwoSizes, measure_two_sizes


def test_a_machine_without_postgresql_prints_the_rows_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from .__main__ import QUICK

    monkeypatch.setenv(CHOICE, "none")
    measured = Postgresql(
        compare_on_postgresql(QUICK, tmp_path),
        measure_writers(1, 0.1),
        measure_two_sizes((1, 2), 1, tmp_path),
        [Leaver("postgresql", 1, reason="none was looked for")],
    )
    for row in postgresql_verdicts(measured):
        assert row.word.startswith("not measured: none was looked for")
    assert sum("not measured: none was" in line for line in postgresql_lines(measured)) == 4
    assert measured.failures == []


def test_ratios_are_taken_round_by_round() -> None:
    assert Writers(ours=[10.0, 30.0, 40.0], stock=[2.0, 10.0, 10.0]).ratio == 4.0
    assert TwoSizes((1, 2), medians=(2.0, 3.0)).ratio == 1.5
    assert Leaver("sqlite", 1, deletions=[3.0], floors=[2.0]).ratio == 1.5


@pytest.mark.parametrize(
    ("got", "met"), [(1.2, True), (1.3, True), (1.19, False), (1.31, False), (None, False)]
)
def test_a_ratio_meets_its_bounds_or_misses_them(got: float | None, met: bool) -> None:
    assert verdict("row", got, at_least=1.2, at_most=1.3).met is met
