"""Does a plugin keep the contract? Checks that its author runs: from Python, in pytest, or `seqforge plugins check`.

    from seqforge.testing import check_plugin, parametrize_with_checks

    report = check_plugin("chess", samples="my/games")
    assert report.ok, report.failed

    @parametrize_with_checks("chess", samples="my/games")
    def test_contract(check):
        check()

Each check is a function with its rule in a sentence (`CHECKS`). A failure that is known is named with a reason.
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
