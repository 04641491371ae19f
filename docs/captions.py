"""Write the text of every figure, which paper_figures/captions.toml holds, into the pages that show it.

python docs/captions.py
"""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "paper_figures" / "captions.toml"
# README has a figure without a caption, as the text around it says what it shows.
BARE = ROOT / "README.md"
PAGES = (BARE, *sorted((ROOT / "docs").rglob("*.md")))
SIGN = "**Figure.**"  # what a caption begins with in a page
FIGURE = re.compile(
    r"^!\[[^\]]*\]\((?P<path>(?:\.\./)*paper_figures/(?P<name>\w+)\.png)\)\n"
    rf"(?:\n{re.escape(SIGN)} .*\n)?",
    re.MULTILINE,
)


def captioned(text: str, captions: dict[str, dict[str, str]], bare: bool = False) -> str:
    """A page with the words of every figure in it; bare: those for readers who do not see it alone."""

    def figure(shown: re.Match[str]) -> str:
        words = captions[shown["name"]]
        below = "" if bare else f"\n{SIGN} {words['text']}\n"
        return f"![{words['alt']}]({shown['path']})\n{below}"

    return FIGURE.sub(figure, text)


def pages() -> dict[Path, str]:
    """Every page as it should be."""
    captions = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    return {
        path: captioned(path.read_text(encoding="utf-8"), captions, path == BARE) for path in PAGES
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
