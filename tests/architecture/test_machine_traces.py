from pathlib import Path

import pytest

from tests.architecture.machine_traces import traces_below, traces_in

ROOT = Path(__file__).parents[2]


def test_no_committed_file_names_an_index_or_a_machine() -> None:
    assert traces_below(ROOT) == []


@pytest.mark.parametrize(
    "line",
    [
        "https://py" + "pi.org/simple",
        "https://files.python" + "hosted.org/packages/x.whl",
        "--index-" + "url https://packages.example.com",
        'database = "/wor' + 'k/main/var/rollbook.db"',
        "see /hom" + "e/someone/notes",
    ],
)
def test_a_trace_is_caught_where_it_stands(tmp_path: Path, line: str) -> None:
    (tmp_path / "notes.md").write_text(f"first line\n{line}\n", encoding="utf-8")
    assert len(traces_below(tmp_path)) == 1
    assert [number for number, _ in traces_in(f"first line\n{line}\n")] == [2]


@pytest.mark.parametrize(
    "line", ["/realms/demo/scim/v2/Users/1", "net/" + "work/flow", "/var/lib/rollbook"]
)
def test_an_address_of_the_service_is_no_trace(line: str) -> None:
    assert traces_in(line) == []
