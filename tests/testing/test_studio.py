"""A plugin that is installed only here, without previews and edits, is used without a line written for it."""

import sys
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest

import seqforge
from seqforge.studio.jobs import Jobs
from seqforge.studio.models import Catalogue

sys.path[:0] = [str(Path(__file__).parents[1] / "fakes")]
from fakekit import PLUGIN, TINY, install  # noqa: E402


def test_plugin_without_capabilities_has_text_and_downloads(site: Path, tmp_path: Path) -> None:
    install(site, PLUGIN)
    (tmp_path / "corpus.good").write_text("to be or not to be, that is the question. " * 40)
    seqforge.train("good", corpus=str(tmp_path / "corpus.good"), run=tmp_path / "run", progress=False, steps=4, **TINY)
    catalogue = Catalogue((str(tmp_path / "run"),))
    entry = catalogue.find(str(tmp_path / "run"))
    card = catalogue.card(entry)
    assert (card["plugin"], card["edits"], card["writes"]) == ("good", [], [".good"])
    (tmp_path / "session").mkdir()
    jobs = Jobs(entry.path, tmp_path / "session", OrderedDict(), 4)
    values: dict[str, Any] = {"id": "t1", "request": {}, "seed": 3, "length": 30, "candidates": 0}
    values |= {"labels": {}, "controls": {}}
    view = jobs.do_take(values, threading.Event(), lambda *_: None)
    (piece,) = seqforge.load(entry.path).generate(seed=3, length=30)
    assert view["text"] == piece.content and not view["picture"] and not view["sound"]
    path = tmp_path / "session" / "t1.good"
    jobs.do_file({**values, "path": str(path)}, threading.Event(), lambda *_: None)
    assert path.read_text() == piece.content
    with pytest.raises(seqforge.RequestError, match="cannot vary"):
        edit = {"kind": "vary", "numbers": [], "folder": str(tmp_path), "name": "t1", "source": values}
        jobs.do_take({**values, "edit": edit}, threading.Event(), lambda *_: None)
