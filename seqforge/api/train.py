"""Training: from a corpus to a run folder with a model."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from seqforge.api.arguments import check_train_arguments
from seqforge.api.model import Model
from seqforge.api.model_loading import load
from seqforge.api.run_config import NewRun, RunConfig, check_unchanged, new_run, run_config_from_json
from seqforge.api.run_writer import RunWriter, SampleWritten
from seqforge.api.runs import Run, create_run, create_run_at, newest_unfinished_run
from seqforge.api.training_progress import observers
from seqforge.corpus import PreparedCorpus, find_sources, prepare
from seqforge.errors import CorpusError, OptionsError, RunError, listing
from seqforge.network import Network
from seqforge.plugin import AnyPlugin, registry
from seqforge.plugin.validation import validated_augment
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
    init: str | None = None,
    run: str | Path | None = None,
    resume: str | Path | bool | None = None,
    stop_at: int | None = None,
    workers: int | None = None,
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
        corpus: Names of installed corpora, folders or files; None for the plugin's default corpora.
        init: The model to start from: a path, a run folder, a shipped model's name, or "shipped".
        run: The folder of the run; None for the next of runs/PLUGIN/.
        resume: The folder of the run to resume; True for `run`, or else the newest unfinished run.
        stop_at: Save and stop after this number of steps, as after an interruption.
        workers: Number of processes that prepare the corpus; None for one per core.
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
        plugin=plugin, corpus=corpus, init=init, run=run, resume=resume, stop_at=stop_at, workers=workers,
        on_event=on_event, on_message=on_message, should_stop=should_stop, progress=progress,
    )  # fmt: skip
    # 1. Resolve the request: a new run with its options, or the state of the run to resume.
    owner = registry.load(plugin)
    on_event, on_message = observers(on_event, on_message, progress=progress, unit=owner.unit)
    group = ProcessGroup.from_environment()
    if group.world_size > 1 and run is None and not isinstance(resume, str | Path):
        raise RunError("several processes need a common folder; set `run` or `resume` to a folder")
    checkpoint: _Checkpoint | None = None
    if resume:
        folder = _resumed_run(plugin, run, resume)
        checkpoint = _read_checkpoint(owner, folder)
        check_unchanged(checkpoint.config, corpus=corpus, init=init, values=options)
        request = _request_of(checkpoint.config, owner)
    else:
        request = new_run(owner, corpus=corpus, init=init, values=options)
        _check_device(request.config.training)
        folder = _create_folder(plugin, run, group)
    config, sources = request.config, request.sources
    if sources.unsupported:
        suffixes = listing(f"{suffix} {number}x" for suffix, number in sources.unsupported.items())
        on_message(f"ignoring files that {plugin} does not read: {suffixes}")
    # 2. Prepare the corpus and build the network; restore the state of a resumed run.
    prepared = _prepare(owner, request, workers, on_message, group)
    trainer = _trainer(owner, config.training, prepared, request.base, group)
    if checkpoint is not None:
        checkpoint.restore(folder, prepared, trainer)
    config = dataclasses.replace(config, training=_resolved_by(trainer, config.training))
    writer = RunWriter(folder, config, owner, prepared, sources.corpora, trainer)
    parameters = trainer.network.parameter_count()
    on_event(
        RunStarted(folder.folder, plugin, owner.unit, prepared.report, parameters, config.training, trainer.state.t)
    )
    # 3. Train; the writer saves model, state and samples.
    trainer.stop_at = stop_at
    for event in trainer.run():
        trainer.stop_requested = trainer.stop_requested or should_stop()
        writer.handle(event)
        on_event(event)
        sample = writer.sample()
        if sample is not None:
            on_event(sample)
    writer.close()
    group.barrier()
    return load(folder.model)


def _resumed_run(plugin: str, run: str | Path | None, resume: str | Path | bool) -> Run:
    if run is not None and resume is not True and Path(run) != Path(str(resume)):
        raise OptionsError(
            f"`resume` is {resume} and `run` is {run}, which are two runs; set one of them", field="resume"
        )
    folder = run if resume is True else Path(str(resume))
    return newest_unfinished_run(plugin) if folder is None else Run(Path(folder))


def _request_of(config: RunConfig, plugin: AnyPlugin) -> NewRun:
    sources = find_sources(config.corpus, reads=plugin.reads, domain=plugin.name)
    return NewRun(config, sources, load(config.init) if config.init else None)


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
        codec=request.base.codec if request.base else None,
        extend=True,
        workers=workers,
        on_message=on_message,
    )
    if group.is_main:
        group.barrier()
    if not len(prepared.datasets["train"]):
        reasons = listing(prepared.report["reasons"], most=3)
        raise CorpusError(f"no piece is left to train on{': ' + reasons if reasons else ''}")
    return prepared


@dataclass(frozen=True)
class _Checkpoint:
    """The content of a run's state file."""

    config: RunConfig
    data: str
    state: TrainerState
    tensors: dict[str, torch.Tensor]

    def restore(self, run: Run, prepared: PreparedCorpus, trainer: Trainer) -> None:
        """Restore a trainer to this checkpoint."""
        if self.data != prepared.folder.name:
            raise RunError(
                f"the corpus of {run.folder} (or the plugin) has changed since the run was started; start a new run,"
                " perhaps with `init`"
            )
        trainer.restore(self.state, self.tensors)
        if trainer.group.is_main:
            run.truncate_metrics(self.state.t)


def _read_checkpoint(plugin: AnyPlugin, run: Run) -> _Checkpoint:
    if not run.state.exists():
        raise RunError(f"{run.folder} has no state to resume from (state.safetensors)")
    state, tensors, config = read_state(run.state)
    try:
        return _Checkpoint(run_config_from_json(plugin, config), str(config.get("data")), state, tensors)
    except RunError as error:
        raise RunError(f"{run.folder} cannot be resumed: {error}") from error


def _trainer(
    plugin: AnyPlugin,
    config: TrainingConfig,
    prepared: PreparedCorpus,
    base: Model | None,
    group: ProcessGroup,
) -> Trainer:
    """Return the trainer with a fresh network, or with the weights of the model to start from."""
    codec, datasets = prepared.codec, prepared.datasets
    if config.threads:
        torch.set_num_threads(config.threads)
    labels = tuple(len(values) for values in codec.labels.values())
    shape = config.network(codec.space, source=codec.source, labels=labels, features=codec.features)
    network = Network(codec.space, shape, seed=config.seed, symbols_per_step=datasets["train"].symbols_per_step())
    if base is not None:
        network.load_state_dict(base.network.state_dict())
    distributed_gpu = config.device == "cuda" and group.world_size > 1
    device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if distributed_gpu else config.device
    augment = validated_augment(plugin, codec)
    return Trainer(network.to(device), datasets["train"], datasets["valid"], config, augment=augment, group=group)


def _check_device(config: TrainingConfig) -> None:
    """Check shape and device before anything is prepared.

    Raises:
        OptionsError: If the network or the device is not possible.
    """
    config.network()
    try:
        torch.zeros(1, device=config.device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise OptionsError(
            f"`device` is {config.device!r}, which cannot be used here: {reason}", field="device", value=config.device
        ) from error


def _resolved_by(trainer: Trainer, config: TrainingConfig) -> TrainingConfig:
    """Return the options with the values that the trainer chose, so that a resumed run does not choose again."""
    encoder_units = trainer.network.config.encoder_units
    return dataclasses.replace(config, precision=cast(Any, trainer.precision), encoder_units=encoder_units)
