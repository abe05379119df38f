"""The decisions: complete, listed, and true about what enforces them."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scim2_models import Path as ScimPath
from scim2_models import default_comparison_key

from domain.comparison import comparison_key
from domain.schemas import UserResource, ascii_policy
from tests.docs.pages import ROOT, inline_code, links

FOLDER = ROOT / "docs/adr"
DECISIONS = sorted(FOLDER.glob("[0-9]*.md"))
SECTIONS = ["Context", "Decision", "Consequences", "Alternatives", "Enforced by"]
SOURCES = ("domain", "projections", "replay", "api", "tests")
LIBRARY = {
    "projections/recorder.py",
    "projections/mapper.py",
    "projections/event_store.py",
    "projections/log.py",
}
"""The modules that ADR 0002 lets know the eventsourcing library."""

each_decision = pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)


@each_decision
def test_a_decision_has_every_section(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# ADR {page.name[:4]}: \S", text)
    assert re.search(r"^- Status: (accepted|superseded by \d{4})$", text, re.MULTILINE)
    assert re.search(r"^- Date: \d{4}-\d{2}-\d{2}$", text, re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS


@each_decision
def test_what_enforces_a_decision_exists(page: Path) -> None:
    enforced = page.read_text(encoding="utf-8").partition("## Enforced by")[2]
    assert inline_code(enforced), "a decision names what enforces it"
    assert missing(enforced) == []


@each_decision
def test_the_files_a_decision_names_exist(page: Path) -> None:
    assert missing(page.read_text(encoding="utf-8")) == []


def missing(text: str) -> list[str]:
    """The paths between backquotes that lead nowhere; `path::name` names a function in a file."""
    found = []
    for code in inline_code(text):
        path, _, name = code.partition("::")
        if not re.fullmatch(rf"(?:{'|'.join(SOURCES)}|docs)/[\w./-]*", path):
            continue
        file = ROOT / path
        exists = any(file.rglob("*.py")) if file.is_dir() else file.is_file()
        if not exists or (name and f"def {name}(" not in file.read_text(encoding="utf-8")):
            found.append(code)
    return found


def test_a_test_that_does_not_exist_is_noticed() -> None:
    here = "tests/docs/test_decisions.py"
    assert missing(f"`{here}`, `{here}::missing`") == []
    assert missing(f"`tests/no/such.py` and `{here}::nothing`") == [
        "tests/no/such.py",
        f"{here}::nothing",
    ]


def test_the_numbers_leave_no_gap() -> None:
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_every_decision_the_code_cites_exists() -> None:
    written = {page.name[:4] for page in DECISIONS}
    cited = {
        number: path
        for package in SOURCES
        for path in (ROOT / package).rglob("*.py")
        for match in re.findall(r"ADRs? (\d{4}(?:(?:,| and) \d{4})*)", path.read_text("utf-8"))
        for number in re.findall(r"\d{4}", match)
    }
    assert {number: path for number, path in cited.items() if number not in written} == {}


@pytest.mark.parametrize("page", ["README.md", "docs/adr/README.md"])
def test_every_decision_is_listed(page: str) -> None:
    path = ROOT / page
    listed = {(path.parent / link).resolve() for link in links(path.read_text(encoding="utf-8"))}
    assert set(DECISIONS) <= listed


def test_the_list_gives_the_titles_of_the_decisions() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    titles = dict(re.findall(r"\[(\d{4} [^\]]+)\]\(([^)]+)\)", text))
    for page in DECISIONS:
        title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ADR ")
        assert titles.get(title.replace(":", "", 1)) == page.name


def test_eventsourcing_is_imported_where_adr_0002_says() -> None:
    importing = {
        str(path.relative_to(ROOT))
        for package in ("domain", "projections", "replay", "api")
        for path in (ROOT / package).rglob("*.py")
        if _imports_library(path)
    }
    assert importing == LIBRARY


def _imports_library(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "eventsourcing":
                return True
            case ast.Import(names=names):
                if any(name.name.split(".")[0] == "eventsourcing" for name in names):
                    return True
    return False


@given(value=st.text(st.characters(codec="ascii")))
@pytest.mark.parametrize("name", ["userName", "externalId"])
def test_on_ascii_scim2_models_own_key_is_that_of_adr_0004(name: str, value: str) -> None:
    binding = ScimPath[UserResource](name).resolve()
    assert default_comparison_key(binding, value) == comparison_key(binding, value)
    assert ascii_policy.comparison_key in (None, default_comparison_key)
