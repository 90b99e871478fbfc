"""The verb `train`: files in, a run's folder out."""

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import torch

from seqforge.plugin import registry
from seqforge.plugin.validation import validated_augment
from seqforge.corpus import PreparedCorpus, Sources, find_sources, prepare
from seqforge.errors import CorpusError, OptionsError, RunError, listing
from seqforge.api.model import Model, load
from seqforge.api.run_config import Plan, check_unchanged, new_run_config, run_config_from_json
from seqforge.api.run_writer import RunWriter, SampleWritten
from seqforge.api.runs import Run, new_run, resumable, run_at
from seqforge.api.settings import Settings
from seqforge.network import Dropout, Network, NetworkConfig
from seqforge.plugin import Plugin
from seqforge.core.spaces import Categorical, Space
from seqforge.training import Budget, Event, ProcessGroup, TrainerState, Trainer, TrainingConfig, read_state

ENCODER = 128
"""Units, in each direction, of what reads the source where steps are symbols and the person is silent."""


@dataclass(frozen=True)
class RunStarted:
    """A run begins or goes on.

    Attributes:
        folder: of the run.
        plugin: its plugin's name.
        unit: the natural unit.
        report: what was prepared (`corpus.PreparedCorpus.report`).
        parameters: trained numbers.
        settings: everything resolved.
        resumed_at: steps taken before, 0 for a new run.
    """

    folder: Path
    plugin: str
    unit: str
    report: Mapping[str, Any]
    parameters: int
    settings: Settings
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
    tell: Callable[[str], None] = lambda _: None,
    stopping: Callable[[], bool] = lambda: False,
    **options: Any,
) -> Model:
    """Train a generator and return the best model on the valid split.

    Args:
        plugin: its name.
        corpus: names of installed corpora, folders or files; default: the plugin's default corpora.
        init: a model to start from: a path, a shipped model's name, or "shipped".
        run: the folder to write to; default: the next of runs/PLUGIN/.
        resume: the folder of a run to go on with; True: `run`, or the newest unfinished one.
        stop_at: save and leave after so many steps, as an interruption would.
        workers: processes that prepare; default: one for each core.
        on_event: is told what happens.
        tell: is told what is being prepared.
        stopping: asked at every event, about once a second; True saves and leaves.
        options: fields of `forge.settings.Settings` and of the plugin's Options.

    Raises:
        UsageError: something named does not exist, or an option is unknown or not allowed.
        CorpusError: nothing could be read.
        RunError: the run cannot be resumed.
        WriteError: the run cannot be written.
    """
    found = registry.load(plugin)
    group = ProcessGroup.from_environment()
    if group.world_size > 1 and run is None and not isinstance(resume, str | Path):
        raise RunError("several processes must know where the run is: give --run FOLDER, or --resume FOLDER")
    begun: _Begun | None = None
    if resume:
        if run is not None and resume is not True and Path(run) != Path(str(resume)):
            raise OptionsError(f"--resume {resume} and --run {run} are two runs; give one of them")
        where = run if resume is True else Path(str(resume))
        place = resumable(plugin) if where is None else Run(Path(where))
        begun = _read(found, place)
        plan = begun.plan
        check_unchanged(plan, corpus=corpus, init=init, given=options)
    else:
        plan = new_run_config(found, corpus=corpus, init=init, given=options)
        _check(plan.settings)
        place = _place(plugin, run, group)  # can it be written at all?
    base = load(plan.init) if plan.init else None
    sources = find_sources(plan.corpus, reads=found.reads, domain=plugin)
    if sources.passed_over:
        told_over = listing(f"{suffix} {number}x" for suffix, number in sources.passed_over.items())
        tell(f"passing over what {plugin} does not read: {told_over}")
    prepared = _prepare(found, plan, sources, base, workers, tell, group)
    trainer = _trainer(found, plan.settings, prepared, base, group)
    if begun is not None:
        begun.restore(place, prepared, trainer)
    plan = dataclasses.replace(plan, settings=_settled(plan.settings, trainer))
    record = RunWriter(place, plan, found, prepared, sources.corpora, trainer)
    told = (prepared.report, trainer.network.parameter_count(), plan.settings, trainer.state.t)
    on_event(RunStarted(place.folder, plugin, found.unit, *told))
    trainer.stop_at = stop_at
    for event in trainer.run():
        trainer.stop_requested = trainer.stop_requested or stopping()
        record.keep(event)
        on_event(event)
        sampled = record.sample()
        if sampled is not None:
            on_event(sampled)
    record.close()
    group.barrier()
    return load(place.model)


def _place(plugin: str, folder: str | Path | None, group: ProcessGroup) -> Run:
    """Return the folder of a new run, made by the leader."""
    if folder is None:
        return new_run(plugin)
    return run_at(Path(folder)) if group.is_main else Run(Path(folder))


def _prepare(
    plugin: Plugin,
    plan: Plan,
    sources: Sources,
    base: Model | None,
    workers: int | None,
    tell: Callable[[str], None],
    group: ProcessGroup,
) -> PreparedCorpus:
    """Return the dataset of a plan: the leader prepares it, the others find it done."""
    if not group.is_main:
        group.barrier()
    codec = base.codec if base else None
    prepared = prepare(plugin, plan.options, sources, codec=codec, widen=True, workers=workers, tell=tell)
    if group.is_main:
        group.barrier()
    if not len(prepared.datasets["train"]):
        reasons = listing(prepared.report["reasons"], most=3)
        raise CorpusError(f"no piece is left to train on{': ' + reasons if reasons else ''}")
    return prepared


@dataclass(frozen=True)
class _Begun:
    """What the state of a run holds."""

    plan: Plan
    data: str
    standing: TrainerState
    tensors: dict[str, torch.Tensor]

    def restore(self, place: Run, prepared: PreparedCorpus, trainer: Trainer) -> None:
        """Put a trainer where the run stood."""
        if self.data != prepared.folder.name:
            raise RunError(
                f"the corpus of {place.folder} has changed since the run was started (or the plugin has);"
                " start a new run, perhaps with --init"
            )
        trainer.restore(self.state, self.tensors)
        if trainer.group.is_main:
            place.cut_metrics(self.state.t)


def _read(plugin: Plugin, place: Run) -> _Begun:
    if not place.state.exists():
        raise RunError(f"{place.folder} holds no state to resume from (state.safetensors)")
    standing, tensors, config = read_state(place.state)
    try:
        return _Begun(run_config_from_json(plugin, config), str(config.get("data")), standing, tensors)
    except RunError as error:
        raise RunError(f"{place.folder} cannot be resumed: {error}") from error


def _trainer(
    plugin: Plugin, settings: Settings, prepared: PreparedCorpus, base: Model | None, group: ProcessGroup
) -> Trainer:
    """Return the network and its trainer as the settings have them."""
    codec = prepared.codec
    if settings.threads:
        torch.set_num_threads(settings.threads)
    labels = tuple(len(values) for values in codec.labels.values())
    train, valid = prepared.datasets["train"], prepared.datasets["valid"]
    shape = _shape(settings, labels, codec.features, codec.space, codec.source)
    network = Network(codec.space, shape, seed=settings.seed, symbols_per_step=train.pace())
    if base is not None:
        network.load_state_dict(base.network.state_dict())
    own = (
        f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
        if settings.device == "cuda" and group.world_size > 1
        else settings.device
    )
    return Trainer(
        network.to(own), train, valid, _training(settings), augment=validated_augment(plugin, codec), group=group
    )


def _check(settings: Settings) -> None:
    """Raise OptionsError for what would not work, before anything is prepared."""
    _shape(settings, (), 0)
    _training(settings)
    try:
        torch.zeros(1, device=settings.device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        first = str(error).partition("\n")[0]
        raise OptionsError(f"--device {settings.device} cannot be used here: {first}") from error


def _shape(
    settings: Settings,
    labels: tuple[int, ...],
    features: int,
    space: Space | None = None,
    source: Categorical | None = None,
) -> NetworkConfig:
    encoder = settings.encoder
    if encoder is None:
        encoder = ENCODER if source is not None and isinstance(space, Categorical) else 0
    return NetworkConfig(
        cell=settings.cell,
        layers=cast(int, settings.layers),
        hidden=cast(int, settings.hidden),
        embedding=cast(int, settings.embedding),
        tie_embeddings=settings.tie,
        residual=settings.residual,
        labels=labels,
        features=features,
        source=source.size + 1 if source is not None else 0,
        encoder=encoder,
    )


def _training(settings: Settings) -> TrainingConfig:
    s = settings
    return TrainingConfig(
        budget=_budget(s),
        batch_size=s.batch_size,
        window=s.window,
        learning_rate=s.learning_rate,
        warmup=s.warmup,
        weight_decay=s.weight_decay,
        clip=s.clip,
        dropout=Dropout(
            input=s.input_dropout,
            between=s.dropout or 0.0,
            output=s.output_dropout or 0.0,
            recurrent=s.recurrent_dropout or 0.0,
            labels=s.label_dropout,
        ),
        average=s.average,
        patience=s.patience,
        seed=s.seed,
        precision=s.precision,
    )


def _budget(settings: Settings) -> Budget:
    kinds: tuple[Literal["steps", "epochs", "minutes"], ...] = ("steps", "epochs", "minutes")
    return next(Budget(float(amount), kind) for kind in kinds if (amount := getattr(settings, kind)) is not None)


def _settled(settings: Settings, trainer: Trainer) -> Settings:
    """Return the settings with what the trainer found out: a resumed run does not choose again."""
    encoder = trainer.network.config.encoder_units
    return dataclasses.replace(settings, precision=cast(Any, trainer.precision), encoder=encoder)
