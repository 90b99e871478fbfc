"""Trials: a scenario is killed once, resumed, and its files are compared with those of an undisturbed run."""

import json
import os
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.crash.processes import run_forked
from tools.crash.scenarios import SCENARIOS, Inputs, Scenario, build_inputs

__all__ = ["Kill", "TrialResult", "inputs_in", "run_trials"]


@dataclass(frozen=True)
class Kill:
    """When a process is killed.

    Attributes:
        scenario: The name of the scenario.
        operation: The number of the file operation before which it is killed, from 1; 0 for a moment.
        share: The moment as a share of the duration of the undisturbed run, if `operation` is 0.
    """

    scenario: str
    operation: int = 0
    share: float = 0.0


@dataclass(frozen=True)
class TrialResult:
    """What a kill led to.

    Attributes:
        kill: The kill.
        killed: Whether the process was still running at that time.
        differing: Names of files, or parts of them, that differ from the undisturbed run.
        dead_end: The last message of the command that should have continued, "" if one did.
        leftovers: Names of hidden files that are left in the end.
    """

    kill: Kill
    killed: bool
    differing: Sequence[str] = ()
    dead_end: str = ""
    leftovers: Sequence[str] = ()


@dataclass(frozen=True)
class _Reference:
    """The undisturbed run of a scenario."""

    files: Mapping[str, bytes]
    operations: int
    seconds: float


def inputs_in(folder: Path) -> Inputs:
    """Build the common files in a folder, in a process of its own, and return their paths."""
    folder.mkdir(parents=True)
    result = run_forked(lambda: bool(build_inputs(folder / "inputs")) - 1, folder)
    if result.code:
        raise RuntimeError(f"the inputs cannot be built: {result.output}")
    inputs = folder / "inputs"
    return Inputs(inputs / "corpus", inputs / "cache", inputs / "model" / "model.safetensors")


def run_trials(
    folder: Path, *, moments: Mapping[str, int], operations: int | None = None, seed: int = 0, workers: int = 1
) -> list[TrialResult]:
    """Kill every scenario at random moments and at file operations, and return the results.

    Args:
        folder: A folder for the files of the trials; it must not exist.
        moments: Number of kills at random moments, by scenario; other scenarios are left out.
        operations: Number of kills at file operations per scenario, evenly spaced; None for every operation.
        seed: Seed of the moments.
        workers: Number of trials at the same time.
    """
    inputs = inputs_in(folder)
    references = {name: _undisturbed(SCENARIOS[name], inputs, folder / name) for name in moments}
    rng = random.Random(seed)
    kills: list[Kill] = []
    for name, reference in references.items():
        total = reference.operations
        count = total if operations is None else min(operations, total)
        kills += [Kill(name, operation=1 + number * total // count) for number in range(count)]
        kills += [Kill(name, share=rng.uniform(0.02, 0.9)) for _ in range(moments[name])]
    lanes = [folder / f"lane-{lane}.jsonl" for lane in range(workers)]
    processes = []
    for lane, path in enumerate(lanes):
        process = os.fork()
        if process == 0:
            _run_lane(kills[lane::workers], references, inputs, folder / f"lane-{lane}", path)
        processes.append(process)
    codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
    if any(codes):
        raise RuntimeError(f"a process that runs trials ended with exit code {max(codes)}")
    lines = [line for path in lanes for line in path.read_text(encoding="utf-8").splitlines()]
    return [TrialResult(**{**values, "kill": Kill(**values["kill"])}) for values in map(json.loads, lines)]


def _undisturbed(scenario: Scenario, inputs: Inputs, folder: Path) -> _Reference:
    folder.mkdir()
    result = run_forked(lambda: scenario.start(inputs), folder)
    if result.code:
        raise RuntimeError(f"the undisturbed run fails: {result.output}")
    return _Reference(scenario.files(folder), result.operations, result.seconds)


def _run_lane(
    kills: Sequence[Kill], references: Mapping[str, _Reference], inputs: Inputs, folder: Path, results: Path
) -> None:
    code = 1
    try:
        folder.mkdir()
        with results.open("w", encoding="utf-8") as file:
            for number, kill in enumerate(kills):
                result = _run_trial(kill, references[kill.scenario], inputs, folder / str(number))
                file.write(json.dumps(asdict(result)) + "\n")
        code = 0
    finally:
        os._exit(code)


def _run_trial(kill: Kill, reference: _Reference, inputs: Inputs, folder: Path) -> TrialResult:
    scenario = SCENARIOS[kill.scenario]
    folder.mkdir()
    first = run_forked(
        lambda: scenario.start(inputs),
        folder,
        kill_at=kill.operation or None,
        kill_after=None if kill.operation else kill.share * reference.seconds,
    )
    killed = first.code == -9
    torn: list[str] = []
    if scenario.is_whole:
        torn = [name for name, data in scenario.files(folder).items() if data != reference.files.get(name)]
    dead_end = ""
    for resume in scenario.resume if killed else ():
        result = run_forked(lambda resume=resume: resume(inputs), folder)  # type: ignore[misc]
        dead_end = "" if result.code == 0 else (result.output.strip().splitlines() or [f"exit code {result.code}"])[-1]
        if not dead_end:
            break
    after = scenario.files(folder)
    names = sorted(reference.files.keys() | after.keys())
    differing = [name for name in names if reference.files.get(name) != after.get(name)]
    hidden = [path.name for path in folder.rglob(".*") if path.is_file() and path.name != ".provenance.json"]
    if not (differing or torn or dead_end or hidden):
        shutil.rmtree(folder)
    return TrialResult(kill, killed, sorted({*torn, *differing}), dead_end, sorted(hidden))
