"""Write docs/bibliography.md from docs/references.bib and CITATION.cff.

python docs/bibliography.py
"""

import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_suffix(".md")
SOURCE = FILE.with_name("references.bib")
CITATION = FILE.parents[1] / "CITATION.cff"
ENTRY = re.compile(r"^@\w+\{(\w+),\n(.*?)^\}$", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"(\w+) = \{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
LETTERS = {r"{\"u}": "ü", r"{\"U}": "Ü", r"{\'e}": "é", r"{\^o}": "ô", r"{\c{s}}": "ş"}
HEAD = """\
# Bibliography

Made by `python docs/bibliography.py` from `docs/references.bib`, which has all of it
as BibTeX; a test compares.

## How to cite

Cite the paper whose programs the tables solve, and the version of polyest that you used:

```bibtex
{software}

{paper}
```

"""
CHECKED = """\
Each entry says where it is used and what it was checked against: *text*, the article itself; *abstract*; or
*references*, where its title, authors, year and pages were compared with the reference lists of independent
public sources, and the article was not read here.
"""


@dataclass(frozen=True)
class Entry:
    """An entry of the file: its key and fields, and its text as it stands there."""

    key: str
    fields: dict[str, str]
    text: str


def sections() -> dict[str, list[Entry]]:
    """The entries under each title, in the order of the file."""
    _, *parts = re.split(r"^%% (.*)$", SOURCE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {
        title: [Entry(m[1], dict(FIELD.findall(m[2])), m[0]) for m in ENTRY.finditer(body)]
        for title, body in zip(parts[::2], parts[1::2], strict=True)
    }


def page() -> str:
    """The whole page."""
    known = sections()
    first, *_ = next(iter(known.values()))
    paper = re.sub(r"^  (?:used|checked) = .*\n", "", first.text, flags=re.MULTILINE)
    parts = [HEAD.format(software=software(), paper=paper), CHECKED]
    for title, entries in known.items():
        parts += [f"\n## {title}\n\n| work | used for | checked |\n|---|---|---|\n"]
        parts += [f"| {' | '.join(_row(entry))} |\n" for entry in entries]
    return "".join(parts)


def software() -> str:
    """The BibTeX of polyest, from CITATION.cff."""
    said = dict(
        re.findall(r'^([\w-]+): "?(.*?)"?$', CITATION.read_text(encoding="utf-8"), re.MULTILINE)
    )
    return (
        "@software{polyest,\n  author = {{The polyest authors}},\n"
        f"  title = {{{said['title']}}},\n  version = {{{said['version']}}},\n"
        f"  year = {{{said['date-released'][:4]}}},\n}}"
    )


def plain(text: str) -> str:
    """Text without the braces and accents of TeX."""
    for written, letter in LETTERS.items():
        text = text.replace(written, letter)
    return text.replace("{", "").replace("}", "").replace("--", "-")


def _authors(entry: Entry) -> str:
    """The surnames, or the first and `et al.` where there are more than three."""
    names = plain(entry.fields["author"]).split(" and ")
    surnames = [re.sub(r"^.*?\b((?:van )?[^\s]+)$", r"\1", name) for name in names]
    if len(names) > 3:
        return f"{surnames[0]} et al."
    return " and ".join([", ".join(surnames[:-1]), surnames[-1]]) if len(names) > 1 else surnames[0]


def _row(entry: Entry) -> tuple[str, str, str]:
    """The cells of an entry; names of Python in what it is used for are code."""
    used = re.sub(
        r"\b((?:closed_forms|rewards|answers|polyest)\.\w+)", r"`\1`", entry.fields["used"]
    )
    return _work(entry), used, entry.fields["checked"]


def _work(entry: Entry) -> str:
    """Authors, year, title, place and numbers of an entry, in one line."""
    fields = {name: plain(value) for name, value in entry.fields.items()}
    place = fields.get("journal") or fields.get("booktitle") or fields.get("publisher") or ""
    numbers = fields.get("volume", "") + (f"({fields['number']})" if "number" in fields else "")
    where = ", ".join(part for part in (f"{place} {numbers}".strip(), fields.get("pages")) if part)
    ids = [f"arXiv {fields['eprint']}"] if "eprint" in fields else []
    ids += [f"doi {fields['doi']}"] if "doi" in fields else []
    said = ". ".join(part for part in (where, *ids) if part)
    return f"{_authors(entry)} ({fields['year']}), *{fields['title']}*. {said}"


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
