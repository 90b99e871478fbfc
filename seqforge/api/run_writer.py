"""What a run leaves in its folder while it goes on: model, state, metrics, config, samples."""

import dataclasses
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

from seqforge.plugin import registry
from seqforge.plugin.validation import write_pieces
from seqforge.corpus import Corpus, PreparedCorpus
from seqforge.errors import SeqforgeError
from seqforge.core.files import make_folder, replacing
from seqforge.api.model import Model
from seqforge.api.run_config import Plan
from seqforge.api.runs import Run
from seqforge.api.text import text_of
from seqforge.modelfile import ModelHeader, write_model
from seqforge.network import Network
from seqforge.plugin import Plugin
from seqforge.sampling import Controls
from seqforge.training import Ended, Event, DecayScheduled, Progress, Trainer, Validated, write_state
from seqforge.version import __version__

SAMPLES_IN_RUN = 8
LINES = {Progress: "train", DecayScheduled: "decay", Validated: "valid", Ended: "end"}


@dataclass(frozen=True)
class SampleWritten:
    """The model as it stands wrote something.

    Attributes:
        t: steps taken.
        path: where it was put.
        text: how it looks, "" where the plugin's files are no text.
    """

    t: int
    path: Path
    text: str


class RunWriter:
    """Keeps a run's folder up to date with its events.

    Args:
        run: the folder.
        plan: what the run does.
        plugin: of its domain.
        prepared: what it trains on.
        corpora: the installed corpora among that.
        trainer: the run itself.
    """

    def __init__(
        self,
        run: Run,
        plan: Plan,
        plugin: Plugin,
        prepared: PreparedCorpus,
        corpora: tuple[Corpus, ...],
        trainer: Trainer,
    ) -> None:
        self.run, self.plan, self.plugin, self.trainer = run, plan, plugin, trainer
        self.data = prepared.folder.name
        self.header = _header(plan, plugin, prepared, corpora, trainer.network)
        self._sampled = self._eighth()
        if trainer.group.is_main:
            self._write_config()
            run.write_skipped(prepared.report["reasons"])

    def keep(self, event: Event) -> None:
        """Write down what an event brought."""
        if not self.trainer.group.is_main:
            if isinstance(event, Validated | Ended):
                self.trainer.tensors()  # the leader's state holds the lanes of all
            return
        if not (isinstance(event, Validated) and event.nats_per_unit is None):
            values = dataclasses.asdict(event)
            rounded = {n: round(v, 6) if isinstance(v, float) else v for n, v in values.items()}
            self.run.note({"event": LINES[type(event)], **rounded})
        if isinstance(event, DecayScheduled):
            self._write_config()
        elif isinstance(event, Validated):
            if event.best:
                self._save_model(event.nats_per_unit)
            self._save_state()
        elif isinstance(event, Ended):
            self._save_state()

    def sample(self) -> SampleWritten | None:
        """Write one piece with the weights as they stand, once in every eighth of the run."""
        if self._eighth() <= self._sampled or not self.trainer.group.is_main:
            return None
        self._sampled = self._eighth()
        t = self.trainer.state.t
        network = Network(self.header.space, self.header.network, seed=None)
        network.load_state_dict({n: value.cpu() for n, value in self.trainer.optimiser.evaluation_weights().items()})
        model = Model(self.header, network, self.plugin)
        try:
            made = next(model.stream(1, seed=t, length=None, where=None, controls=Controls(), request={}))
        except SeqforgeError:
            return None  # a request that must say more than nothing: this plugin has no samples on the way
        path = make_folder(self.run.samples) / f"{t:07d}{self.plugin.writes[0]}"
        with replacing(path) as temporary:
            write_pieces(self.plugin, [made.piece], temporary)
        return SampleWritten(t, path, text_of(self.plugin, [made.piece]) or "")

    def close(self) -> None:
        """See to it that a run which was never validated leaves a model too."""
        if self.trainer.group.is_main and not self.run.model.exists():
            self._save_model(None)

    def _save_model(self, loss: float | None) -> None:
        """Write the model as it stands; `loss` is its nats per unit on valid, None without one."""
        standing = self.trainer.state
        made = {
            **self.header.provenance,
            "steps": standing.t,
            "minutes": round(standing.seconds / 60, 2),
            "valid_nats_per_unit": loss,
        }
        header = dataclasses.replace(self.header, provenance=made)
        write_model(self.run.model, header, self.trainer.optimiser.evaluation_weights())

    def _save_state(self) -> None:
        config = {**self.plan.to_json(), "data": self.data}
        write_state(self.run.state, self.trainer.state, self.trainer.tensors(), config)

    def _write_config(self) -> None:
        decay = self.trainer.state.decay
        steps = {"decay_steps": [decay.first, decay.last] if decay else None, "data": self.data}
        self.run.write_config({**self.plan.to_json(), **steps, "versions": _versions(self.plugin)})

    def _eighth(self) -> int:
        """Return how many eighths of the run are over, as far as one can tell."""
        standing, budget = self.trainer.state, self.trainer.config.budget
        if standing.decay is not None:
            share = standing.t / standing.decay.last
        else:
            share = standing.seconds / 60 / budget.amount
        return int(SAMPLES_IN_RUN * min(1.0, share))


def licence_of(corpus: Corpus) -> dict[str, str]:
    """Return what a model file says of a corpus that it was trained on."""
    return {name: getattr(corpus, name) for name in ("attribution", "licence", "name", "source")}


def _header(
    plan: Plan, plugin: Plugin, prepared: PreparedCorpus, corpora: tuple[Corpus, ...], network: Network
) -> ModelHeader:
    codec, units = prepared.codec, prepared.datasets["train"].units
    told = plan.to_json()
    return ModelHeader(
        plugin=plugin.name,
        unit=plugin.unit,
        space=codec.space,
        network=network.config,
        labels={name: tuple(values) for name, values in codec.labels.items()},
        codec={"version": codec.version, "data": codec.to_json()},
        options=told["options"],
        provenance={
            "corpus": told["corpus"],
            "licences": [licence_of(corpus) for corpus in corpora],
            "versions": _versions(plugin),
            "settings": told["settings"],
            "pieces": prepared.report["pieces"],
            "train_units": float(units.sum()),
            "longest_units": float(units.max()),
            "init": Path(plan.init).name if plan.init else None,
            "started": datetime.now(UTC).strftime("%Y-%m-%d"),
        },
        arrays=codec.arrays(),
    )


def _versions(plugin: Plugin) -> dict[str, str]:
    entry = next((e.distribution for e in registry.installed() if e.name == plugin.name), plugin.distribution())
    return {
        "seqforge": __version__,
        "plugin": entry,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
