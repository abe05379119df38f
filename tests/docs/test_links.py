"""Every page leads where it says, and none tells of the machine it was written on."""

from pathlib import Path

import pytest

from tests.architecture.machine_traces import traces_in
from tests.docs.pages import ROOT, links, pages

each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_the_relative_links_of_a_page_resolve(page: Path) -> None:
    assert broken_links(page) == []


@each_page
def test_a_page_names_no_package_index_and_no_machine(page: Path) -> None:
    assert traces_in(page.read_text(encoding="utf-8")) == []


def broken_links(page: Path) -> list[str]:
    """The relative links of a page that lead to no file."""
    relative = [link.partition("#")[0] for link in links(page.read_text(encoding="utf-8"))]
    return [
        link
        for link in relative
        if link and "://" not in link and not (page.parent / link).exists()
    ]


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("[a](page.md#b) [c](gone.md) [d](https://example.com/) [e](#f)\n")
    assert broken_links(page) == ["gone.md"]
