"""What the package says of itself where it is published: addresses, and a README whose links work there.

The address of the repository is written once, in pyproject.toml, tool.hatch.metadata.hooks.custom.  Relative
links and pictures of README.md get absolute addresses of the tagged version.  While the address is empty,
links become their words and pictures are left out, so that the text has no link that leads nowhere.
"""

import re
from pathlib import Path

from hatchling.metadata.plugin.interface import MetadataHookInterface

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)\s]+)\)")
PAPER = "https://arxiv.org/abs/2605.02435"


class CustomMetadataHook(MetadataHookInterface):
    """Sets the long description and the addresses of the project."""

    def update(self, metadata: dict) -> None:
        """Fill in `readme` and `urls`."""
        root = Path(self.root)
        repository, version = self.config["repository"], version_of(root)
        text = (root / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": long_description(text, repository, version),
        }
        metadata["urls"] = addresses(repository, version)


def version_of(root: Path) -> str:
    """Return the version that polyest/version.py has."""
    text = (root / "polyest" / "version.py").read_text(encoding="utf-8")
    return re.search(r'__version__ = "(.*)"', text)[1]


def addresses(repository: str, version: str) -> dict[str, str]:
    """Return the addresses of the project; without a repository, that of the paper alone."""
    if not repository:
        return {"Paper": PAPER}
    return {
        "Repository": repository,
        "Documentation": f"{repository}/blob/v{version}/docs/index.md",
        "Changelog": f"{repository}/blob/v{version}/CHANGELOG.md",
        "Issues": f"{repository}/issues",
        "Paper": PAPER,
    }


def long_description(text: str, repository: str, version: str) -> str:
    """Return the text of a README whose relative links are absolute, and code as it is."""

    def absolute(link: re.Match[str]) -> str:
        picture, words, path = link.groups()
        if not repository:
            return "" if picture else words
        kind = "raw" if picture else "blob"
        return f"{picture}[{words}]({repository}/{kind}/v{version}/{path})"

    parts, start = [], 0
    for fence in FENCE.finditer(text):
        parts += [LINK.sub(absolute, text[start : fence.start()]), fence[0]]
        start = fence.end()
    return "".join([*parts, LINK.sub(absolute, text[start:])])
