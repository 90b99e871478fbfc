"""All checks of one plugin, for Python, the command line and pytest."""

import atexit
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqforge.errors import PluginError
from seqforge.plugin import registry
from seqforge.testing._checks import CHECKS, chosen
from seqforge.testing._results import CheckFailed, Report, Result, judged, run_check
from seqforge.testing._subject import Subject
from seqforge.testing._worker import Worker

LIMIT_S = 60.0


def check_plugin(
    plugin: str,
    *,
    samples: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    requests: Sequence[Mapping[str, Any]] = (),
    known: Mapping[str, str] | None = None,
    only: Iterable[str] | None = None,
    isolated: bool = True,
    limit_s: float = LIMIT_S,
    on_result: Callable[[Result], None] = lambda _: None,
) -> Report:
    """Return whether an installed plugin keeps the contract, check by check.

    Args:
        plugin: its name.
        samples: a folder (or file) of files to try it on; default: the corpora that are installed for it.
        options: fields of its Options, where not the defaults.
        requests: what else to ask for: fields of its Request.
        known: checks that are known to fail, each with the reason; one that passes after all fails.
        only: names of checks; default: all.
        isolated: in a process of their own, which may hang or crash; else here, where a debugger sees them.
        limit_s: seconds that one call into the plugin may take, where isolated.
        on_result: is told each result as it comes.

    Raises:
        UsageError: there is no such plugin or check, or nothing to try it on.
    """
    names = chosen(only)
    expected = dict(known or {})
    chosen(expected)
    owners = [entry.distribution for entry in registry.installed() if entry.name == plugin]
    if not owners:
        registry.load(plugin)  # says that there is none, and which there are
    results: list[Result] = []

    def keep(result: Result) -> None:
        results.append(judged(result, expected))
        on_result(results[-1])

    told = ""
    try:
        if isolated:
            with Worker(plugin, samples=samples, options=options or {}, requests=requests, limit_s=limit_s) as worker:
                worker.start()
                told = worker.samples
                for name in names:
                    keep(worker.run(name))
        else:
            subject = Subject(plugin, samples=samples, options=options, requests=requests)
            told = subject.described()
            for name in names:
                keep(run_check(CHECKS[name], subject))
    except PluginError as error:  # it cannot be loaded at all
        results.clear()
        keep(Result("declaration_is_right", "failed", str(error)))
    return Report(plugin, owners[0], told, tuple(results))


def parametrize_with_checks(
    plugin: str,
    *,
    samples: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    requests: Sequence[Mapping[str, Any]] = (),
    known: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> Any:
    """Return a pytest decorator that runs a test once for each check; see `check_plugin` for the arguments.

    The test takes `check`, and calls it:

        @parametrize_with_checks("chess", samples=Path(__file__).parent / "samples")
        def test_contract(check):
            check()
    """
    import pytest

    names = chosen(None)
    expected = dict(known or {})
    chosen(expected)
    worker = Worker(plugin, samples=samples, options=options or {}, requests=requests, limit_s=limit_s)
    atexit.register(worker.close)

    def make(name: str) -> Callable[[], None]:
        def check() -> None:
            __tracebackhide__ = True
            result = judged(worker.run(name), expected)
            if name == names[-1]:
                worker.close()
            if result.outcome == "skipped":
                pytest.skip(result.message)
            if result.outcome == "known failure":
                pytest.xfail(result.message)
            if result.outcome == "failed":
                raise CheckFailed(f"{name}: {result.message}\nThe rule: {CHECKS[name].rule}")

        return check

    return pytest.mark.parametrize("check", [pytest.param(make(name), id=name) for name in names])
