"""The bibliography: its page is that of the file, and what is cited anywhere is in it."""

import re
import runpy
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MADE = runpy.run_path(str(ROOT / "docs" / "bibliography.py"))
ENTRIES = [entry for entries in MADE["sections"]().values() for entry in entries]
TEXTS = {
    path.relative_to(ROOT): path.read_text()
    for folder, ending in (
        ("polyest", "py"),
        ("benchmarks", "py"),
        ("docs", "md"),
        ("docs/howto", "md"),
    )
    for path in sorted(
        (ROOT / folder).rglob(f"*.{ending}") if ending == "py" else (ROOT / folder).glob("*.md")
    )
    if path.name not in ("bibliography.md", "bibliography.py")
}
# Authors and a year in brackets, with a journal between them or none: Zhang, Neural Computation 24 (2012).
CITED = re.compile(
    r"\b([A-Z][a-zü]+)(?:,|'s| and [A-Z]\w+,?| et al\.,?)[^.;()\n]{0,90}?\(((?:19|20)\d\d)\)"
    r"|\(([A-Z][a-zü]+)(?:,[^()]{0,90}?| )\b((?:19|20)\d\d)\)"
)
ARXIV = re.compile(r"arXiv:? ?(?:abs/)?((?:[a-z-]+/)?\d{4}\.?\d{3,5})")


def keyed(surname, year):
    plain = MADE["plain"]
    for entry in ENTRIES:
        authors = plain(entry.fields["author"]).replace("ü", "ue")
        if entry.fields["year"] == year and re.search(rf"\b{surname}\b", authors):
            return entry.key
    return None


def test_the_page_is_that_of_the_file():
    assert (ROOT / "docs" / "bibliography.md").read_text() == MADE["page"](), (
        "python docs/bibliography.py writes the page anew"
    )


def test_every_entry_is_whole_and_says_where_it_is_used_and_what_it_was_checked_against():
    assert len(ENTRIES) >= 40
    assert len({entry.key for entry in ENTRIES}) == len(ENTRIES)
    for entry in ENTRIES:
        assert {"author", "title", "year", "used", "checked"} <= set(entry.fields), entry.key
        assert re.match(r"(text|abstract|references)\b", entry.fields["checked"]), entry.key
        assert entry.text.count("{") == entry.text.count("}")
        assert any(
            key in entry.fields for key in ("journal", "booktitle", "publisher", "eprint")
        ), entry.key
    assert (ROOT / "docs" / "references.bib").read_text().count("\n@") == len(ENTRIES)


def test_names_of_python_in_it_are_there():
    used = " ".join(entry.fields["used"] for entry in ENTRIES)
    names = re.findall(r"\b(closed_forms|rewards|answers)\.(\w+)", used)
    assert len(names) >= 10
    for module, name in names:
        assert hasattr(import_module(f"polyest.{module}"), name), name


def unlisted(text):
    """Citations of a text that the bibliography does not have."""
    known = {entry.fields.get("eprint") for entry in ENTRIES}
    yield from (f"arXiv {number}" for number in ARXIV.findall(text) if number not in known)
    yield from (f"{name} {year}" for name, year in cited(text) if not keyed(name, year))


def cited(text):
    """Surname and year of each citation."""
    return [(a or b, c or d) for a, c, b, d in CITED.findall(text)]


def test_what_is_cited_is_listed():
    assert sum(len(cited(text)) for text in TEXTS.values()) >= 12
    assert [(str(path), lost) for path, text in TEXTS.items() for lost in unlisted(text)] == []


@pytest.mark.parametrize(
    "text",
    ["Unheard, Journal of Nothing 3 (1999).", "arXiv 9999.12345", "see (Dekker 1931)"],
)
def test_what_is_not_listed_is_found_out(text):
    assert [*unlisted(text)]


# All authors of a work, as in a sentence: Mohri, Schneider and Wu, *Distributional Alignment Games* (2026).
AUTHORS = re.compile(
    r"\b((?:[A-Z][a-zü]+, )*[A-Z][a-zü]+ and [A-Z][a-zü]+)(?:'s?)?[^.;()]{0,90}? \(((?:19|20)\d\d)\)"
)


def other_authors(text):
    """Citations by the names of all authors that no entry of that year has."""
    plain = MADE["plain"]
    known = {
        (frozenset(name.split()[-1] for name in plain(entry.fields["author"]).split(" and ")),
         entry.fields["year"])
        for entry in ENTRIES
    }  # fmt: skip
    for names, year in AUTHORS.findall(" ".join(text.split())):
        if (frozenset(re.split(r", | and ", names)), year) not in known:
            yield f"{names} ({year})"


def test_a_work_is_cited_by_its_own_authors_everywhere():
    assert sum(len(AUTHORS.findall(" ".join(text.split()))) for text in TEXTS.values()) >= 15
    assert [(str(path), lost) for path, text in TEXTS.items() for lost in other_authors(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "Mohri, Schneider, Wu and Zhong (2026), Algorithm 3.",
        "those of Mohri, Schneider,\nWu and Zhong, *Distributional Alignment Games* (2026)",
        "Schneider and Wu (2026)",
    ],
)
def test_a_work_with_other_authors_is_found_out(text):
    assert [*other_authors(text)]
    assert not [*other_authors("Mohri, Schneider and Wu (2026), Algorithm 3.")]


PEERS = {
    "Paninski": "2003",
    "Jiao": "2015",
    "Wu": "2016",
    "Zhang": "2012",
    "Grassberger": "1988",
    "Miller": "1955",
    "Zahl": "1977",
    "Chao": "2003",
    "Chen": "2021",
    "Tajwar": "2026",
    "Zuo": "2025",
    "Liu": "2025",
    "Shao": "2024",
}


def test_every_estimator_and_method_of_the_experiments_is_listed():
    assert {name: keyed(name, year) for name, year in PEERS.items() if not keyed(name, year)} == {}


def test_the_citation_is_the_version_of_the_file():
    version = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1]
    assert f"version = {{{version}}}" in MADE["software"]()
