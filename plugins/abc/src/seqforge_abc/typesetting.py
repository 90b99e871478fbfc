"""Engraved tunes as a printed book (PDF) and as a picture (PNG), through typst, which sets the titles."""

import importlib
import json
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqforge import WriteError

__all__ = ["MAX_PICTURE_HEIGHT", "EngravedTune", "check_typst", "to_pdf", "to_png"]

PAPER = (210.0, 297.0)
"""Width and height of a page in millimetres, A4."""
MARGIN_X, MARGIN_Y = 18.0, 16.0
"""The margins on the left and right, and above and below, in millimetres."""
TITLE_HEIGHT = 12.0
"""The largest height of a title of one line, in millimetres."""
PICTURE_WIDTH = 900
"""The width of a picture of a tune in pixels."""
MAX_PICTURE_HEIGHT = int((PAPER[1] - 2 * MARGIN_Y - TITLE_HEIGHT) * PICTURE_WIDTH / (PAPER[0] - 2 * MARGIN_X))
"""The height of a picture that fits on a page with its title, in pixels."""
MIN_INDEX = 10
"""A book of at least this many tunes has an index of titles."""
RESOLUTION = 254
"""The resolution of a PNG in dots per inch: 1740 pixels for a line of music."""
_SIZE = re.compile(r'<svg\b[^>]*?\swidth="([\d.]+)px"[^>]*?\sheight="([\d.]+)px"')
_ARTICLE = re.compile(r"(the|a|an)\s+")

_COMMON = r"""
#set text(font: "Libertinus Serif", size: 10pt)
#show heading: it => text(size: 14pt, weight: "regular", it.body)
#let tune(number, title, kind, composer, pictures) = block(width: 100%, breakable: pictures.len() > 1, {
  block(width: 100%, below: 2mm, sticky: true, grid(
    columns: (1fr, 3fr, 1fr), align: (left + bottom, center + bottom, right + bottom),
    emph(kind), [#heading(title) #label("tune-" + str(number))], emph(composer),
  ))
  for picture in pictures { block(spacing: 0mm, image(picture, width: 100%)) }
})
"""
_BOOK = r"""
#set page(width: {0}mm, height: {1}mm, margin: (x: {2}mm, y: {3}mm), footer: context {{
  if counter(page).final().first() > 1 {{ align(center, counter(page).display()) }}
}})
#set block(spacing: 7mm)
"""
_PICTURE = "\n#set page(width: {0}mm, height: auto, margin: (x: {1}mm, y: 8mm))\n"
_INDEX = r"""
#pagebreak(weak: true)
#align(center, text(size: 14pt)[Index])
#v(4mm)
#let entry(number, title) = context {
  let place = label("tune-" + str(number))
  block(spacing: 2.5mm, link(place, [#title #box(width: 1fr, repeat(gap: 1mm)[.]) #counter(page).at(place).first()]))
}
"""


@dataclass(frozen=True)
class EngravedTune:
    """A tune as it is printed.

    Attributes:
        title: The title, one line.
        kind: The rhythm and the tempo, "" if both are unknown.
        composer: The composer, "" if unknown.
        pictures: The notation as SVG pictures, sized in pixels; several if it is longer than a page.
    """

    title: str
    kind: str
    composer: str
    pictures: Sequence[str]


def check_typst(suffix: str) -> Any:
    """Return the module typst.

    Args:
        suffix: The format that needs it, for the message.

    Raises:
        WriteError: If it is not installed.
    """
    try:
        return importlib.import_module("typst")
    except ImportError as error:
        raise WriteError(
            f'writing {suffix} needs an extra: pip install "seqforge-abc[pdf]"; or write .svg instead'
        ) from error


def to_pdf(tunes: Sequence[EngravedTune]) -> bytes:
    """Return tunes as a book of A4 pages.

    Several tunes share a page if they fit. Only a tune that is longer than a page is divided between pages, at the end
    of a line of music. Pages are numbered if there are several. A book of ten tunes or more has an index.

    Example:
        Path("book.pdf").write_bytes(to_pdf([EngravedTune("The Kesh", "jig", "", [picture])]))

    Raises:
        WriteError: If the extra is not installed, or a picture cannot be converted.
    """
    title = tunes[0].title if len(tunes) == 1 else "Tunes"
    header = f"#set document(title: {_string(title)}, date: none)\n{_COMMON}{_BOOK.format(*PAPER, MARGIN_X, MARGIN_Y)}"
    index = "\n".join(_index(tunes)) if len(tunes) >= MIN_INDEX else ""
    return _compile(header, tunes, index, format="pdf", pdf_tags=False)


def to_png(tune: EngravedTune) -> bytes:
    """Return a tune as a picture on white, as tall as needed.

    Example:
        Path("tune.png").write_bytes(to_png(EngravedTune("The Kesh", "jig", "", [picture])))

    Raises:
        WriteError: If the extra is not installed, or a picture cannot be converted.
    """
    return _compile(_COMMON + _PICTURE.format(PAPER[0], MARGIN_X), [tune], "", format="png", ppi=RESOLUTION)


def _compile(header: str, tunes: Sequence[EngravedTune], index: str, **options: Any) -> bytes:
    suffix = f".{options['format']}"
    typst = check_typst(suffix)
    lines = [header]
    with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
        for number, tune in enumerate(tunes):
            names = [f"{number}-{part}.svg" for part in range(len(tune.pictures))]
            for name, picture in zip(names, tune.pictures, strict=True):
                if _SIZE.search(picture) is None:
                    raise WriteError(
                        f"the picture of {tune.title!r} has no size, so that it cannot be placed; write .abc"
                    )
                (Path(folder) / name).write_text(picture, encoding="utf-8")
            pictures = "(" + "".join(f"{_string(name)}, " for name in names) + ")"
            lines += ["#pagebreak(weak: true)"] if len(names) > 1 else []
            lines.append(
                f"#tune({number}, {_string(tune.title)}, {_string(tune.kind)}, {_string(tune.composer)}, {pictures})"
            )
        source = Path(folder) / "tunes.typ"
        source.write_text("\n\n".join([*lines, index]), encoding="utf-8")
        try:
            return bytes(typst.compile(str(source), root=folder, **options))
        except RuntimeError as error:
            raise WriteError(f"typst cannot write the {suffix} file: {error}; write .svg instead") from error


def _index(tunes: Sequence[EngravedTune]) -> Iterator[str]:
    """Yield the lines of the index of titles."""
    yield _INDEX + "#columns(2, gutter: 10mm)["
    for number, tune in sorted(enumerate(tunes), key=lambda item: (_sort_key(item[1].title), item[0])):
        yield f"#entry({number}, {_string(tune.title)})"
    yield "]"


def _sort_key(title: str) -> str:
    """Return the text by which a title is sorted: without an article, accents and signs."""
    plain = unicodedata.normalize("NFKD", title).casefold()
    text = "".join(letter for letter in plain if letter.isalnum() or letter.isspace()).strip()
    return _ARTICLE.sub("", text, count=1) if _ARTICLE.match(text) else text


def _string(text: str) -> str:
    """Return a text as a string of typst."""
    return json.dumps(text, ensure_ascii=False)
