"""A hook of mkdocs: every notebook becomes a page too, its code and its stored outputs under its words."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

LINK = re.compile(r"\]\(([^)\s]+)\.ipynb(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each notebook; the notebook itself is copied beside it, to be taken home."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb") and file.abs_src_path:
            told = json.loads(Path(file.abs_src_path).read_text(encoding="utf-8"))
            page = "\n\n".join(_parts(told, Path(file.src_uri).name))
            files.append(File.generated(config, file.src_uri.removesuffix(".ipynb") + ".md", content=page))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Return a page whose links to a notebook, which a reader of the sources follows, lead to the notebook's page."""
    return markdown if page.file.generated_by else LINK.sub(r"](\1.md\2)", markdown)


def _parts(notebook: dict[str, Any], name: str) -> Iterator[str]:
    """Yield the cells of a notebook as Markdown; the way to the notebook stands under its title."""
    for number, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield source
        else:
            yield f"```python\n{source}\n```"
            yield from (_output(output) for output in cell["outputs"])
        if not number:
            yield f"This page is a notebook: [{name}]({name}) is the file to open and to change."


def _output(output: dict[str, Any]) -> str:
    """Return what a cell gave as Markdown."""
    data = {"text/plain": output["text"]} if output["output_type"] == "stream" else output["data"]
    if "image/svg+xml" in data:
        drawing = "".join(data["image/svg+xml"])
        return f'<div class="drawn">{" ".join(drawing.split())}</div>'
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">'
    return f"```text {{ .said }}\n{''.join(data['text/plain']).rstrip()}\n```"
