"""What the pages show from elsewhere in the repository, at the same relative links that work in a checkout.

A page names a figure as ../paper_figures/NAME.png; the site has it as figures/NAME.png.
"""

import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

FIGURES = Path(__file__).resolve().parents[1] / "paper_figures"


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Adds the figures."""
    for path in sorted(FIGURES.glob("*.png")):
        uri = f"figures/{path.name}"
        files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Points links to figures at their copies."""
    up = "../" * (len(PurePosixPath(page.file.src_uri).parts) - 1)
    return re.sub(rf"\]\({up}\.\./paper_figures/(?=[\w.]+\))", f"]({up}figures/", markdown)
