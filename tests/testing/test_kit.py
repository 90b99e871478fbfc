"""What the kit tells, and that a plugin which hangs or crashes costs one check."""

import json
import sys
from pathlib import Path

import pytest

from seqforge.errors import PluginError, UsageError
from seqforge.testing import CHECKS, Result, check_plugin

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]

FIRST_PARTY = ("text", "abc", "midi", "handwriting")
CHARACTERS = {
    "allowed_steps_decode": "any characters may come, and not all of them spell a tune",
    "model_trains": "a model of six steps spells no tune yet",
}
CRASH = ("    # more of the codec", "    def decode(self, e):\n        import os; os._exit(5)")
HANG = (
    "    def violations(self, piece): return",
    "    def violations(self, piece):\n        while True: pass\n        return",
)
LIES = ('reads = (".pair",)', 'reads = (".PAIR",)')


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    from pairs import write_samples

    return write_samples(tmp_path / "samples")


def put(site: Path, *changes: tuple[str, str]) -> None:
    from fakekit import install
    from pairs import changed

    install(site, changed(*changes))


def test_abc_by_characters_passes_but_for_what_is_known() -> None:
    report = check_plugin("abc", options={"encoding": "char"}, known=CHARACTERS, only=[*CHARACTERS, "round_trip"])
    assert [result.outcome for result in report.results] == ["passed", "known failure", "known failure"], report.results


@pytest.mark.parametrize("plugin", FIRST_PARTY)
def test_a_plugin_of_ours_passes_with_no_known_failure(plugin: str) -> None:
    report = check_plugin(plugin)
    assert report.ok, report.failed
    assert {result.outcome for result in report.results} <= {"passed", "skipped"}
    passed = {result.check for result in report.results if result.outcome == "passed"}
    expected = {"round_trip", "written_files_read_back", "model_trains"}
    expected |= {"constraint_allows_real_pieces"} if plugin != "handwriting" else set()  # one sets none
    assert expected <= passed


@pytest.mark.parametrize("name", CHECKS)
def test_the_rule_of_a_check_is_one_sentence(name: str) -> None:
    rule = CHECKS[name].rule
    assert rule.endswith(".") and ". " not in rule and len(rule) > 40


def test_a_crash_fails_one_check_and_the_others_are_made(site: Path, samples: Path) -> None:
    put(site, CRASH)
    only = ["pieces_are_encoded", "round_trip", "units_add_up"]
    report = check_plugin("good", samples=samples, only=only)
    assert [result.outcome for result in report.results] == ["passed", "failed", "passed"]
    assert "decode of the steps of sample 1 (a.pair" not in report.results[0].message
    assert "decode of the steps of sample 1 ends the process (code 5)" in report.results[1].message


def test_a_plugin_that_hangs_is_stopped(site: Path, samples: Path) -> None:
    put(site, HANG)
    only = ["codec_is_fitted", "constraint_allows_real_pieces", "files_are_written"]
    report = check_plugin("good", samples=samples, only=only, limit_s=3)
    assert [result.outcome for result in report.results] == ["passed", "failed", "passed"]
    assert report.results[1].message == "violations of sample 1 takes longer than 3 s"


def test_what_later_checks_need_is_not_tried_again_after_a_crash(site: Path, samples: Path) -> None:
    put(
        site,
        ("def fit(self, pieces, options):", "def fit(self, pieces, options):\n        import os; os._exit(1)\n       "),
    )
    report = check_plugin("good", samples=samples, only=["codec_is_fitted", "round_trip", "units_add_up"])
    assert [result.message for result in report.results[1:]] == ["see codec_is_fitted"] * 2


def test_a_known_failure_is_told_with_its_reason_and_fails_nothing(site: Path, samples: Path) -> None:
    put(site, LIES, ("return np.arange(self.size) > 0", "return 1 * (np.arange(self.size) > 0)"))
    told: list[Result] = []
    known = {"constraint_keeps_its_laws": "masks are numbers until 2.0"}
    report = check_plugin(
        "good",
        samples=samples / "a.pair",
        only=["declaration_is_right", "constraint_keeps_its_laws"],
        known=known,
        isolated=False,
        on_result=told.append,
    )
    assert tuple(told) == report.results
    assert [result.outcome for result in report.results] == ["failed", "known failure"]
    assert report.results[1].message.startswith("masks are numbers until 2.0 (Even (fake-good 2.5).allowed gives int64")
    assert not report.ok and [result.check for result in report.failed] == ["declaration_is_right"]
    assert json.loads(json.dumps(report.to_json()))["results"][1]["outcome"] == "known failure"


def test_a_known_failure_that_passes_is_to_be_taken_off(site: Path, samples: Path) -> None:
    put(site)
    known = {"round_trip": "once it did"}
    report = check_plugin("good", samples=samples, only=["round_trip"], known=known, isolated=False)
    assert report.failed[0].message == "it passes now; take it off the known failures (once it did)"


def test_an_unknown_check_is_refused_with_a_guess(site: Path, samples: Path) -> None:
    put(site)
    with pytest.raises(UsageError, match="Did you mean 'round_trip'"):
        check_plugin("good", samples=samples, only=["roundtrip"])
    with pytest.raises(UsageError, match="there is no check 'speed'"):
        check_plugin("good", samples=samples, known={"speed": "slow"})


def test_an_unknown_plugin_is_refused() -> None:
    with pytest.raises(PluginError, match="there is no plugin 'chess'"):
        check_plugin("chess")


def test_without_samples_and_corpora_the_author_is_told_what_to_name(site: Path) -> None:
    put(site)
    for isolated in (True, False):
        with pytest.raises(UsageError, match=r"no corpus is installed for the plugin 'good'.*--samples"):
            check_plugin("good", isolated=isolated)


@pytest.mark.parametrize("isolated", [True, False])
def test_a_plugin_that_cannot_be_loaded_is_a_report(site: Path, isolated: bool) -> None:
    from fakekit import install

    install(site, "import no_such_library")
    report = check_plugin("good", samples=site, isolated=isolated)
    (result,) = report.failed
    assert result.check == "declaration_is_right"
    assert "'good' of fake-good 2.5 does not import: ModuleNotFoundError" in result.message


def test_options_of_the_caller_are_tried_and_wrong_ones_refused(site: Path, samples: Path) -> None:
    put(site)
    report = check_plugin("good", samples=samples, options={"order": "up"}, only=["round_trip"])
    assert report.ok and "'order': 'up'" in report.samples
    with pytest.raises(UsageError, match="no option 'ordr'"):
        check_plugin("good", samples=samples, options={"ordr": "up"}, only=["round_trip"])


def test_what_a_plugin_prints_is_no_result(site: Path, samples: Path) -> None:
    put(site, ("import re\n", "import re\nprint('{}')\n"))
    assert check_plugin("good", samples=samples, only=["samples_are_read"]).ok
