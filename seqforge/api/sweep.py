"""A sweep: many trainings whose options are all combinations of values, or drawn at random. No torch."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeGuard

import numpy as np

from seqforge.api.config_file import ConfigFile, config_from_values, read_toml
from seqforge.api.runs import ROOT, Run
from seqforge.errors import OptionsError, did_you_mean, listing

__all__ = ["Sweep", "Trial", "read_sweep"]

SETTINGS: Mapping[str, type] = {"method": str, "trials": int, "seed": int, "folder": str}
"""The settings of the table [sweep], with their types."""
METHODS = ("grid", "random")
DEFAULT_TRIALS = 20
MAX_TRIALS = 10_000
RANGE_KEYS = frozenset(("min", "max", "scale"))


@dataclass(frozen=True)
class Trial:
    """One training of a sweep.

    Attributes:
        number: The number of the trial, from 1.
        values: The values that the sweep varies, by name.
        config: All options of the training.
        run: The run.
    """

    number: int
    values: Mapping[str, Any]
    config: ConfigFile
    run: Run

    @property
    def name(self) -> str:
        """The varied values in words, such as "hidden 384, dropout 0.2"."""
        return ", ".join(f"{name} {_shown(value)}" for name, value in self.values.items())


@dataclass(frozen=True)
class Sweep:
    """Trainings that differ in the values of some options.

    Example:
        sweep = read_sweep(Path("reels.toml"))
        for trial in sweep.trials():
            print(trial.number, trial.name)

    Attributes:
        path: The file that describes the sweep.
        folder: The folder of the runs.
        method: "grid" for all combinations of the values, "random" for values drawn at random.
        count: Number of trials.
        seed: Seed of the random values.
        common: The values that all trials share, as in a file for `--config`.
        varied: The values of each varied option: a list, or a table with min, max and perhaps scale.
    """

    path: Path
    folder: Path
    method: Literal["grid", "random"]
    count: int
    seed: int
    common: Mapping[str, Any]
    varied: Mapping[str, Any]

    def trials(self) -> Iterator[Trial]:
        """Yield all trials in the order of their numbers.

        Trial k is a pure function of the file and k, so that trials can run on several machines.

        Raises:
            OptionsError: If a value is not allowed.
        """
        for number, values in enumerate(self._combinations(), 1):
            yield self._trial(number, values)

    def trial(self, number: int) -> Trial:
        """Return one trial.

        Raises:
            OptionsError: If there is no such trial, or one of its values is not allowed.
        """
        if not 1 <= number <= self.count:
            raise OptionsError.invalid("trial", number, f"from 1 to {self.count}, the number of trials of {self.path}")
        return self._trial(number, next(itertools.islice(self._combinations(), number - 1, None)))

    def _combinations(self) -> Iterator[dict[str, Any]]:
        if self.method == "grid":
            for values in itertools.product(*self.varied.values()):
                yield dict(zip(self.varied, values, strict=True))
            return
        for number in range(1, self.count + 1):
            generator = np.random.default_rng([self.seed, number])
            yield {name: _draw(choices, generator) for name, choices in self.varied.items()}

    def _trial(self, number: int, values: Mapping[str, Any]) -> Trial:
        base = config_from_values(self.common, source=str(self.path))
        changed = config_from_values(values, source=f"trial {number} of {self.path}", plugin=base.plugin)
        config = base.merged(changed.arguments, changed.options)
        return Trial(number, values, config, Run(self.folder / f"{number:04d}"))


def read_sweep(path: Path) -> Sweep:
    """Return the sweep that a TOML file describes.

    The top level holds options that all trials share, as in a file for `seqforge train --config`. The table [values]
    holds a list of values for each varied option, or for random values a table {min, max} with the scale "linear" or
    "log". The table [sweep] holds method ("grid" or "random"), trials, seed and folder.

    Example:
        sweep = read_sweep(Path("reels.toml"))

    Raises:
        OptionsError: If the file cannot be read, or a setting or a value is not allowed.
        PluginError: If the plugin is not installed.
    """
    values = read_toml(path)
    settings, varied = _table(values, "sweep", path), _table(values, "values", path)
    for name, value in settings.items():
        if name not in SETTINGS:
            raise _fault(path, f"[sweep] has {name!r}; it may have {listing(SETTINGS)}{did_you_mean(name, SETTINGS)}")
        if type(value) is not SETTINGS[name]:
            kind = "a whole number" if SETTINGS[name] is int else "a text"
            raise _fault(path, f"`{name}` of [sweep] is {value!r}; it must be {kind}")
    method, seed = settings.get("method", "grid"), settings.get("seed", 0)
    if method not in METHODS:
        raise _fault(path, f"`method` of [sweep] is {method!r}; it must be {' or '.join(METHODS)}")
    if seed < 0:
        raise _fault(path, f"`seed` of [sweep] is {seed}; it must be at least 0")
    if not varied:
        raise _fault(path, "the table [values] is missing; write lists of values there, such as hidden = [256, 384]")
    for name, choices in varied.items():
        _check_choices(path, name, choices, method)
    if method == "grid":
        count = math.prod(len(choices) for choices in varied.values())
        if "trials" in settings:
            raise _fault(path, "`trials` of [sweep] belongs to the method random; a grid has all combinations")
    else:
        count = settings.get("trials", DEFAULT_TRIALS)
    if not 1 <= count <= MAX_TRIALS:
        raise _fault(path, f"there are {count:,} trials; from 1 to {MAX_TRIALS:,} are allowed")
    varied = {name.replace("-", "_"): choices for name, choices in varied.items()}
    common = {name: value for name, value in values.items() if name not in ("sweep", "values")}
    for name in ("run", "resume"):
        if name in common or name in varied:
            raise _fault(path, f"{name!r} is set; the sweep chooses the folder of each run in `folder` of [sweep]")
    if not common.get("plugin"):
        raise _fault(path, "`plugin` is missing; name one (`seqforge plugins` lists them)")
    folder = Path(settings.get("folder", ROOT / "sweeps" / path.stem))
    return Sweep(path, folder, method, count, seed, common, varied)


def _table(values: Mapping[str, Any], name: str, path: Path) -> dict[str, Any]:
    table = values.get(name, {})
    if not isinstance(table, Mapping):
        raise _fault(path, f"`{name}` is {table!r}; it must be a table [{name}]")
    return dict(table)


def _check_choices(path: Path, name: str, choices: Any, method: str) -> None:
    """Check the values of one option: a list that is not empty, or a range for random values."""
    if isinstance(choices, list) and choices:
        return
    if not isinstance(choices, Mapping):
        raise _fault(path, f"{name!r} of [values] is {choices!r}; it must be a list of values")
    if method != "random":
        raise _fault(path, f'{name!r} of [values] is a range; set method = "random" in [sweep], or write a list')
    low, high, scale = choices.get("min"), choices.get("max"), choices.get("scale", "linear")
    if not set(choices) <= RANGE_KEYS or scale not in ("linear", "log"):
        raise _fault(path, f"{name!r} of [values] is {dict(choices)!r}; a range has min, max and scale, linear or log")
    if not (_is_number(low) and _is_number(high) and low < high):
        raise _fault(path, f"{name!r} of [values] has the range {low!r} to {high!r}; min must be a number below max")
    if scale == "log" and low <= 0:
        raise _fault(path, f"{name!r} of [values] has min {low!r}; a range with the scale log must be above 0")


def _draw(choices: Any, generator: np.random.Generator) -> Any:
    """Return one of a list of values, or a number of a range; whole numbers if both ends are whole."""
    if isinstance(choices, Sequence):
        return choices[int(generator.integers(len(choices)))]
    low, high = choices["min"], choices["max"]
    share = generator.random()
    is_log = choices.get("scale") == "log"
    value = low * (high / low) ** share if is_log else low + (high - low) * share
    return round(value) if type(low) is int and type(high) is int else float(f"{value:.4g}")


def _shown(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)


def _is_number(value: Any) -> TypeGuard[float]:
    return type(value) in (int, float) and math.isfinite(value)


def _fault(path: Path, text: str) -> OptionsError:
    return OptionsError(f"{path}: {text}", field="sweep", value=str(path))
