"""A hook of MkDocs that turns every notebook into a page with its text, its code and its stored outputs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

NOTEBOOK_LINK = re.compile(r"\]\(([^)\s]+)\.ipynb(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page per notebook. The notebook itself stays in the site for download."""
    for file in list(files):
        if file.src_uri.endswith(".ipynb") and file.abs_src_path:
            notebook = json.loads(Path(file.abs_src_path).read_text(encoding="utf-8"))
            content = "\n\n".join(_markdown(notebook, Path(file.src_uri).name))
            files.append(File.generated(config, file.src_uri.removesuffix(".ipynb") + ".md", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Return the Markdown of a page with links to notebooks replaced by links to their pages.

    The sources link to the `.ipynb` file, which is what a reader of the repository needs.
    """
    return markdown if page.file.generated_by else NOTEBOOK_LINK.sub(r"](\1.md\2)", markdown)


def _markdown(notebook: dict[str, Any], name: str) -> Iterator[str]:
    """Yield the cells of a notebook as Markdown, with a link to the file after the first cell."""
    for index, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield source
        else:
            yield f"```python\n{source}\n```"
            yield from (_output(output) for output in cell["outputs"])
        if index == 0:
            yield f"This page is a notebook. Download [{name}]({name}) to run and change it."


def _output(output: dict[str, Any]) -> str:
    """Return one output of a cell as Markdown."""
    data = {"text/plain": output["text"]} if output["output_type"] == "stream" else output["data"]
    if "image/svg+xml" in data:
        svg = "".join(data["image/svg+xml"])
        return f'<div class="drawing">{" ".join(svg.split())}</div>'
    if "image/png" in data:
        return f'<img alt="" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">'
    if "text/html" in data:
        return "".join(data["text/html"]).strip()
    return f"```text {{ .output }}\n{''.join(data['text/plain']).rstrip()}\n```"
