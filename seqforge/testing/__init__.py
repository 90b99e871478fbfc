"""Checks that a plugin follows the contract: from Python, in pytest, or with `seqforge plugins check`.

    from seqforge.testing import check_plugin, parametrize_with_checks

    report = check_plugin("chess", samples="my/games")
    assert report.ok, report.failed

    @parametrize_with_checks("chess", samples="my/games")
    def test_contract(check):
        check()

Every check is a function; the first line of its docstring is its rule (`CHECKS`). Values that a plugin returns are
checked by `seqforge.plugin.validation`, the same code that the core runs. The checks here add rules that the core does
not test while it trains and generates: round trips, determinism, damaged input, the laws of constraints.
"""

from seqforge.testing._checks import CHECKS
from seqforge.testing._results import Check, CheckFailed, Report, Result
from seqforge.testing._run import check_plugin, parametrize_with_checks
from seqforge.testing._subject import Subject

__all__ = [
    "CHECKS",
    "Check",
    "CheckFailed",
    "Report",
    "Result",
    "Subject",
    "check_plugin",
    "parametrize_with_checks",
]
