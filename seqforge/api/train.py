"""Training: from a corpus to a run folder with a model."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from seqforge.api.arguments import check_train_arguments
from seqforge.api.budget import training_for_budget
from seqforge.api.build_trainer import build_trainer, check_device, resolved_by
from seqforge.api.model import Model
from seqforge.api.model_loading import load
from seqforge.api.run_config import (
    NewRun,
    RunConfig,
    check_unchanged,
    new_run,
    resumed_request,
    run_config_from_json,
)
from seqforge.api.run_writer import RunWriter, SampleWritten, licences_of
from seqforge.api.runs import ROOT, Run, create_run, create_run_at, newest_unfinished_run
from seqforge.api.training_logs import check_logs
from seqforge.api.training_progress import observers
from seqforge.core.spaces import Space, space_from_json
from seqforge.corpus import PreparedCorpus, SplitChoice, TableColumns, prepare
from seqforge.errors import CorpusError, OptionsError, RunError, listing
from seqforge.plugin import AnyPlugin, FromText, registry
from seqforge.training import Event, ProcessGroup, Trainer, TrainerState, TrainingConfig, read_state

__all__ = ["RunStarted", "train"]


@dataclass(frozen=True)
class RunStarted:
    """A run starts or is resumed.

    Attributes:
        folder: The folder of the run.
        plugin: The name of the plugin.
        unit: The natural unit.
        report: The report of the preparation (`PreparedCorpus.report`).
        parameters: Number of trainable parameters.
        training: The resolved options of the training.
        resumed_at: Number of steps taken before, 0 for a new run.
    """

    folder: Path
    plugin: str
    unit: str
    report: Mapping[str, Any]
    parameters: int
    training: TrainingConfig
    resumed_at: int


def train(
    plugin: str,
    *,
    corpus: Sequence[str] | str | None = None,
    text_column: str | None = None,
    label_columns: Sequence[str] | str = (),
    split: str | None = None,
    valid: Sequence[str] | str | None = None,
    test: Sequence[str] | str | None = None,
    init: str | None = None,
    distil: str | None = None,
    run: str | Path | None = None,
    resume: str | Path | bool | None = None,
    stop_at: int | None = None,
    workers: int | None = None,
    log: Sequence[str] | str | None = None,
    on_event: Callable[[Event | RunStarted | SampleWritten], Any] = lambda _: None,
    on_message: Callable[[str], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
    progress: bool | None = None,
    **options: Any,
) -> Model:
    """Train a generator and return the best model on the valid split.

    Example:
        model = seqforge.train("abc", corpus="my_tunes/", minutes=10, hidden=384)

    Args:
        plugin: The name of the plugin.
        corpus: Names of installed corpora, folders or files; None for the plugin's default corpora. A resumed run takes
            the new place of a corpus that has moved.
        split: Shares of train, valid and test: "0.8,0.1,0.1"; None for 90 %, 5 % and 5 %, or the corpus's own split.
        valid: Files and folders of the valid split; all other files of the corpus are for training.
        test: Files and folders of the test split; all other files of the corpus are for training.
        text_column: The column of the texts, if the corpus is a table (.csv, .tsv, .jsonl or .parquet).
        label_columns: The columns of the labels, as a sequence or separated by commas.
        init: The model to start from: a path, a run folder, a shipped model's name, or "shipped".
        distil: The model that teaches this one: its predictions are targets beside the data (`distil_weight`). Named as
            `init` is; it may average several members.
        run: The folder of the run; None for the next of runs/PLUGIN/.
        resume: The folder of the run to resume; True for `run`, or else the newest unfinished run.
        stop_at: Save and stop after this number of steps, as after an interruption.
        workers: Number of processes that prepare the corpus; None for one per core.
        log: Names of logs for other programs: "csv" (metrics.csv in the folder of the run), "tensorboard", "wandb".
        on_event: Called with every event.
        on_message: Called with a description of each stage of the preparation.
        should_stop: Called after every event, about once per second; True saves and stops.
        progress: Whether to show the progress; None shows it in a notebook only. Stages and losses are also logged at
            level INFO by the logger "seqforge".
        options: Fields of `seqforge.training.TrainingConfig` and of the plugin's Options.

    Raises:
        UsageError: If a name does not exist, or an option is unknown or not allowed.
        CorpusError: If nothing could be read.
        RunError: If the run cannot be resumed.
        WriteError: If the run cannot be written.
    """
    check_train_arguments(
        plugin=plugin, corpus=corpus, split=split, valid=valid, test=test, text_column=text_column,
        label_columns=label_columns, init=init, distil=distil, run=run, resume=resume, stop_at=stop_at, workers=workers,
        log=log, on_event=on_event, on_message=on_message, should_stop=should_stop, progress=progress,
    )  # fmt: skip
    logs = check_logs(log)
    owner = registry.load(plugin)
    on_event, on_message = observers(on_event, on_message, progress=progress, unit=owner.unit)
    group = ProcessGroup.from_environment()
    if group.world_size > 1 and run is None and not isinstance(resume, str | Path):
        raise RunError("several processes need a common folder; set `run` or `resume` to a folder")
    columns = TableColumns.from_names(text_column, label_columns)
    choice = SplitChoice(split or "", _names(valid), _names(test))
    request: NewRun | None = None
    if resume:
        folder = _resumed_run(plugin, run, resume)
    else:
        request = new_run(owner, corpus=corpus, init=init, distil=distil, values=options, columns=columns, split=choice)
        check_device(request.config.training)
        folder = _create_folder(plugin, run, group)
    with _discarded_if_empty(folder), folder.lock() if group.is_main else contextlib.nullcontext():
        checkpoint: _Checkpoint | None = None
        if request is None:
            checkpoint = _read_checkpoint(owner, folder)
            check_device(checkpoint.config.training)
            check_unchanged(checkpoint.config, init=init, distil=distil, values=options, columns=columns, split=choice)
            request = resumed_request(owner, checkpoint.config, corpus=corpus, data=checkpoint.data)
        elif group.is_main:
            folder.check_new()
        trainer, writer = _start(owner, folder, request, checkpoint, group, workers, logs, on_event, on_message)
        # Train; the writer saves model, state and samples.
        trainer.stop_at = stop_at
        try:
            for event in trainer.run():
                trainer.stop_requested = trainer.stop_requested or should_stop()
                writer.handle(event)
                on_event(event)
                sample = writer.sample()
                if sample is not None:
                    on_event(sample)
        finally:
            writer.close_logs()
        writer.close()
        group.barrier()
    return load(folder.model)


def _start(
    plugin: AnyPlugin,
    folder: Run,
    request: NewRun,
    checkpoint: "_Checkpoint | None",
    group: ProcessGroup,
    workers: int | None,
    logs: Sequence[str],
    on_event: Callable[[RunStarted], Any],
    on_message: Callable[[str], None],
) -> tuple[Trainer, RunWriter]:
    """Prepare the corpus, build or restore the trainer, and report the start of the run."""
    config, sources = request.config, request.sources
    if sources.unsupported:
        suffixes = listing(f"{suffix} {number}x" for suffix, number in sources.unsupported.items())
        on_message(f"ignoring files that {plugin.name} does not read: {suffixes}")
    if isinstance(plugin, FromText):
        for remark in sources.remarks:
            on_message(remark)
    prepared = _prepare(plugin, request, workers, on_message, group)
    if checkpoint is not None:
        checkpoint.check_data(folder, prepared)
        if checkpoint.data != prepared.folder.name:
            on_message(f"note: the plugin {plugin.name!r} has changed since the run was started; its data is the same")
    if request.open_training is not None and group.world_size == 1:
        training = training_for_budget(request.open_training, prepared, on_message)
        config = dataclasses.replace(config, training=training)
    if checkpoint is not None:
        space = checkpoint.space or prepared.codec.space
    else:
        space = request.base.header.space if request.base else prepared.standardised_space()
    base = request.base if checkpoint is None else None
    trainer = build_trainer(plugin, config.training, prepared, base, request.teacher, group, space)
    if trainer.precision_reason:
        on_message(f"note: precision {trainer.precision}, because {trainer.precision_reason}")
    if checkpoint is not None:
        checkpoint.restore(folder, trainer)
    config = dataclasses.replace(config, training=resolved_by(trainer, config.training))
    licences = licences_of(sources.corpora, (request.base, request.teacher))
    writer = RunWriter(folder, config, plugin, prepared, licences, trainer, logs)
    t, parameters = trainer.state.t, trainer.network.parameter_count()
    on_event(RunStarted(folder.folder, plugin.name, plugin.unit, prepared.report, parameters, config.training, t))
    return trainer, writer


@contextlib.contextmanager
def _discarded_if_empty(run: Run) -> Iterator[None]:
    """Remove the folder of a run if the block fails before it has written anything there."""
    try:
        yield
    except BaseException:
        for folder in (run.folder, *((run.folder.parent, ROOT) if run.folder.parent.parent == ROOT else ())):
            with contextlib.suppress(OSError):  # a folder that is not empty stays
                folder.rmdir()
        raise


def _names(files: Sequence[str] | str | None) -> tuple[str, ...]:
    return (str(files),) if isinstance(files, str | Path) else tuple(str(file) for file in files or ())


def _resumed_run(plugin: str, run: str | Path | None, resume: str | Path | bool) -> Run:
    if run is not None and resume is not True and Path(run) != Path(str(resume)):
        raise OptionsError(
            f"`resume` is {resume} and `run` is {run}, which are two runs; set one of them", field="resume"
        )
    folder = run if resume is True else Path(str(resume))
    if folder is None:
        return newest_unfinished_run(plugin)
    result = Run(Path(folder))
    if not result.state.exists():
        raise RunError(
            f"{folder} has no state to resume from ({result.state.name}); start the run again without `resume`"
        )
    return result


def _create_folder(plugin: str, folder: str | Path | None, group: ProcessGroup) -> Run:
    """Return the folder of a new run, which the main process creates."""
    if folder is None:
        return create_run(plugin)
    return create_run_at(Path(folder)) if group.is_main else Run(Path(folder))


def _prepare(
    plugin: AnyPlugin,
    request: NewRun,
    workers: int | None,
    on_message: Callable[[str], None],
    group: ProcessGroup,
) -> PreparedCorpus:
    """Return the prepared corpus: the main process prepares it, the others wait and open it."""
    if not group.is_main:
        group.barrier()
    prepared = prepare(
        plugin,
        request.config.options,
        request.sources,
        codec=request.codec,
        extend=True,
        workers=workers,
        on_message=on_message,
    )
    if group.is_main:
        group.barrier()
    if not len(prepared.datasets["train"]):
        reasons = listing(prepared.report["reasons"], most=3)
        raise CorpusError(f"no piece is left to train on{': ' + reasons if reasons else ''}")
    for name in ("train", "valid"):
        dataset = prepared.datasets[name]
        if len(dataset) and not dataset.units.sum() > 0:
            dropped = [f"{what} ({number:,})" for what, number in prepared.report["dropped"].items()]
            if dropped:
                raise CorpusError(
                    f"the encoding leaves no {plugin.unit} of the {name} split; it drops {listing(dropped, most=8)};"
                    " add other files, or choose another encoding"
                )
            raise CorpusError(
                f"the corpus is too small: its {name} split contains no {plugin.unit}; add files, or set another"
                " `split`"
            )
    return prepared


@dataclass(frozen=True)
class _Checkpoint:
    """The content of a run's state file."""

    config: RunConfig
    data: str
    content: str
    state: TrainerState
    tensors: dict[str, torch.Tensor]
    space: Space | None

    def restore(self, run: Run, trainer: Trainer) -> None:
        """Restore a trainer to this checkpoint."""
        trainer.restore(self.state, self.tensors)
        if trainer.group.is_main:
            run.truncate_metrics(self.state.t)

    def check_data(self, run: Run, prepared: PreparedCorpus) -> None:
        """Check that a prepared corpus has the data with which the run was started.

        Raises:
            RunError: If the plugin has changed and prepares other data.
        """
        if self.content == prepared.content:
            return
        versions = run.config_value("versions")
        version = f" ({versions['plugin']})" if isinstance(versions, dict) and "plugin" in versions else ""
        raise RunError(
            f"{run.folder} cannot be resumed: the plugin {self.config.plugin!r} has changed since the run was started"
            f" and prepares other data from the same corpus; install the version of that time{version}, or start a new"
            f" run, perhaps with `init` set to {run.folder}"
        )


def _read_checkpoint(plugin: AnyPlugin, run: Run) -> _Checkpoint:
    state, tensors, config = read_state(run.state)
    try:
        run_config = run_config_from_json(plugin, config)
    except RunError as error:
        raise RunError(f"{run.folder} cannot be resumed: {error}") from error
    space = space_from_json(config["space"]) if "space" in config else None
    return _Checkpoint(run_config, str(config.get("data")), str(config.get("content")), state, tensors, space)
