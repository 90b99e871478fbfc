"""All checks of one plugin, for Python, the command line and pytest."""

import atexit
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqforge.errors import ContractError
from seqforge.plugin import registry
from seqforge.testing._checks import CHECKS, select
from seqforge.testing._results import CheckFailed, Report, Result, apply_known, run_check, without_advice
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
    """Check that an installed plugin follows the contract, and return a report of all checks.

    Example:
        report = check_plugin("chess", samples="my/games", requests=[{"opening": "e4"}])
        assert report.ok, report.failed

    Args:
        plugin: The name of the plugin.
        samples: A folder or file to check with; None for the corpora that are installed for the plugin.
        options: Fields of the plugin's Options that differ from the defaults.
        requests: Requests beside the default one, as fields of the plugin's Request.
        known: Checks that are known to fail, with the reason. A known failure that passes is reported as failed.
        only: Names of the checks to run; None for all.
        isolated: Whether to run in a child process, which may hang or crash. In this process, a debugger can be used.
        limit_s: Time limit of one call of the plugin, in seconds; only for a child process.
        on_result: Called with each result as soon as it is known.

    Raises:
        UsageError: If there is no such plugin or check, or there are no samples.
    """
    names = select(only)
    known = dict(known or {})
    select(known)
    entry = registry.find_entry(plugin)
    results: list[Result] = []

    def add(result: Result) -> None:
        results.append(apply_known(result, known))
        on_result(results[-1])

    description = ""
    try:
        if isolated:
            with Worker(plugin, samples=samples, options=options or {}, requests=requests, limit_s=limit_s) as worker:
                worker.start()
                description = worker.samples
                for name in names:
                    add(worker.run(name))
        else:
            subject = Subject(plugin, samples=samples, options=options, requests=requests)
            description = subject.description()
            for name in names:
                add(run_check(CHECKS[name], subject))
    except ContractError as error:  # the plugin cannot be loaded
        results.clear()
        add(Result("declaration_is_valid", "failed", without_advice(error)))
    return Report(plugin, entry.distribution, description, tuple(results))


def parametrize_with_checks(
    plugin: str,
    *,
    samples: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    requests: Sequence[Mapping[str, Any]] = (),
    known: Mapping[str, str] | None = None,
    limit_s: float = LIMIT_S,
) -> Any:
    """Return a pytest decorator that runs a test once per check. The test takes `check` and calls it.

    Example:
        @parametrize_with_checks("chess", samples=Path(__file__).parent / "samples")
        def test_contract(check):
            check()

    Args:
        plugin: The name of the plugin.
        samples: As for `check_plugin`.
        options: As for `check_plugin`.
        requests: As for `check_plugin`.
        known: Checks that are known to fail, with the reason; their tests are expected failures.
        limit_s: Time limit of one call of the plugin, in seconds.
    """
    import pytest

    names = select(None)
    expected = dict(known or {})
    select(expected)
    worker = Worker(plugin, samples=samples, options=options or {}, requests=requests, limit_s=limit_s)
    atexit.register(worker.remove_folder)
    atexit.register(worker.close)

    def test_of(name: str) -> Callable[[], None]:
        def check() -> None:
            __tracebackhide__ = True
            result = apply_known(worker.run(name), expected)
            if name == names[-1]:
                worker.close()
                worker.remove_folder()
            if result.outcome == "skipped":
                pytest.skip(result.message)
            if result.outcome == "known failure":
                pytest.xfail(result.message)
            if result.outcome == "failed":
                raise CheckFailed(f"{name}: {result.message}\nThe rule: {CHECKS[name].rule}")

        return check

    return pytest.mark.parametrize("check", [pytest.param(test_of(name), id=name) for name in names])
