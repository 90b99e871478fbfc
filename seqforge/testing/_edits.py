"""The check of edits: a piece is written to a file, and each kind of edit of that file is a task."""

import tempfile
from pathlib import Path

from seqforge.core.options import build_options
from seqforge.errors import UsageError
from seqforge.plugin import Edits, Previews
from seqforge.plugin.capabilities import EDIT_KINDS
from seqforge.plugin.validation import write_pieces
from seqforge.testing._results import CheckSkipped
from seqforge.testing._subject import Subject


def edits_are_possible(subject: Subject) -> str:
    """`edit` returns fields of the Request for each kind of edit, and the task of most samples has prompts."""
    plugin, codec = subject.plugin, subject.codec
    if not isinstance(plugin, Edits):
        raise CheckSkipped("the plugin has no edits")
    unknown = set(plugin.edits) - set(EDIT_KINDS)
    if unknown or not plugin.edits or plugin.edit_suffix not in plugin.writes:
        raise subject.failure("edits", "names an unknown kind, no kind, or a suffix that is not in `writes`")
    if "rewrite" in plugin.edits and not isinstance(plugin, Previews):
        raise subject.failure("edits", 'contains "rewrite", and the plugin has no previews with regions')
    if "task_has_prompts" in subject.failed:
        raise CheckSkipped("the tasks of the plugin fail")
    done = dict.fromkeys(plugin.edits, 0)
    refusals: dict[str, UsageError] = {}
    for number, piece in enumerate(subject.pieces[:3]):
        name = subject.sample_name(number)
        with tempfile.TemporaryDirectory(prefix="seqforge-") as folder:
            path = Path(folder) / f"piece{plugin.edit_suffix}"
            with subject.calling("write", name):
                write_pieces(plugin, [piece], path)
            numbers: list[int] = []
            if "rewrite" in plugin.edits and isinstance(plugin, Previews):
                with subject.calling("preview", name):
                    numbers = sorted({region.number for region in plugin.preview(piece).regions})[1:2]
            for kind in plugin.edits:
                if kind == "rewrite" and not numbers:
                    continue
                with subject.calling("edit", name):
                    fields = plugin.edit(kind, str(path), numbers if kind == "rewrite" else [])
                    try:
                        request = build_options(plugin.Request, fields, owner="the plugin")
                        done[kind] += bool(codec.task(request).prompts)
                    except UsageError as error:
                        refusals[kind] = error
    for kind, count in done.items():
        if not count and kind in refusals:
            raise subject.failure("edit", f"returns for {kind!r} fields that no sample allows: {refusals[kind]}")
    return ", ".join(f"{kind}: {count}" for kind, count in done.items())
