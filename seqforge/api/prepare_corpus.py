"""Preparing a corpus without training: at once, or in shards on many machines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from seqforge.api.arguments import check_function, check_names, check_text, whole_number
from seqforge.api.run_config import TRAINING_FIELDS, new_run
from seqforge.corpus import SplitChoice, TableColumns
from seqforge.corpus.prepare import new_preparation, read_report
from seqforge.corpus.work_shard import WorkShard, merge_shards, prepare_shard
from seqforge.errors import OptionsError
from seqforge.plugin import registry

__all__ = ["Prepared", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """What `prepare` has done.

    >>> Prepared("read", Path("cache")).is_complete
    False

    Attributes:
        stage: "read" or "encoded" for a shard whose files are read or encoded; "fitted" for a merge after which the
            shards can encode their files; "complete" for a corpus that is ready for training.
        folder: The folder of the corpus in the cache.
        report: The report of a complete corpus: numbers of files and of pieces per split, skipped files with reasons.
    """

    stage: Literal["read", "fitted", "encoded", "complete"]
    folder: Path
    report: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether the corpus is ready for training."""
        return self.stage == "complete"


def prepare(
    plugin: str,
    *,
    corpus: Sequence[str] | str | None = None,
    text_column: str | None = None,
    label_columns: Sequence[str] | str = (),
    split: str | None = None,
    valid: Sequence[str] | str | None = None,
    test: Sequence[str] | str | None = None,
    init: str | None = None,
    workers: int | None = None,
    shard: str | None = None,
    merge: bool = False,
    on_message: Callable[[str], None] = lambda _: None,
    **options: Any,
) -> Prepared:
    """Prepare a corpus for `train`, which takes it from the cache if it has the same options.

    Many machines can share the work if they share the cache (SEQFORGE_CACHE). The codec is fitted on all pieces, so
    the shards run twice, with a merge after each time: they read, the merge fits the codec, they encode, and the merge
    completes the corpus. The result is the same, byte for byte, as without shards. Each call can be repeated; what is
    finished is not done again.

    Example:
        seqforge.prepare("midi", corpus="songs/")

        for _ in range(2):
            for number in range(1, 17):  # in any order, at the same time, on any machine
                seqforge.prepare("midi", corpus="songs/", shard=f"{number}/16")
            seqforge.prepare("midi", corpus="songs/", merge=True)

    Args:
        plugin: The name of the plugin.
        corpus: Names of installed corpora, folders or files; None for the plugin's default corpora.
        text_column: The column of the texts, if the corpus is a table.
        label_columns: The columns of the labels, as a sequence or separated by commas.
        split: Shares of train, valid and test: "0.8,0.1,0.1".
        valid: Files and folders of the valid split.
        test: Files and folders of the test split.
        init: The model from which the training will start.
        workers: Number of processes; None for one per core.
        shard: The part of the work to do: "3/16".
        merge: Whether to do the step that follows the shards.
        on_message: Called with a description of each stage.
        options: Fields of the plugin's Options.

    Raises:
        UsageError: If a name does not exist, or an option is unknown or not allowed.
        CorpusError: If nothing could be read, or some shards have not done their part; the message names them.
        WriteError: If the cache cannot be written.
    """
    check_text("plugin", plugin, "the name of a plugin")
    for name, value in (("corpus", corpus), ("valid", valid), ("test", test)):
        check_names(name, value)
    check_function("on_message", on_message)
    if workers is not None and whole_number("workers", workers) < 1:
        raise OptionsError.invalid("workers", workers, "at least 1")
    if shard is not None:
        check_text("shard", shard, "a number and a count, such as 3/16")
    if shard is not None and merge:
        raise OptionsError("`shard` and `merge` are both set; set one of them", field="shard", value=shard)
    work = WorkShard.parse(shard) if shard is not None else None
    training = sorted(TRAINING_FIELDS & options.keys())
    if training:
        raise OptionsError(f"`{training[0]}` is an option of `train`; leave it out", field=training[0])
    owner = registry.load(plugin)
    request = new_run(
        owner,
        corpus=corpus,
        init=init,
        values=options,
        columns=TableColumns.from_names(text_column, label_columns),
        split=SplitChoice(split or "", _names(valid), _names(test)),
    )
    preparation = new_preparation(
        owner,
        request.config.options,
        request.sources,
        codec=request.base.codec if request.base else None,
        extend=True,
        workers=workers,
        on_message=on_message,
    )
    with preparation.pool:
        if work is not None:
            is_encoded = prepare_shard(preparation, work)
            return Prepared("encoded" if is_encoded else "read", preparation.folder)
        if merge and not merge_shards(preparation):
            return Prepared("fitted", preparation.folder)
        if not preparation.is_finished:
            preparation.run()
    return Prepared("complete", preparation.folder, read_report(preparation)[0])


def _names(names: Sequence[str] | str | None) -> tuple[str, ...]:
    return (str(names),) if isinstance(names, str | Path) else tuple(str(name) for name in names or ())
