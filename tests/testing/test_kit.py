"""Reports of the conformance kit; a plugin that hangs or crashes fails one check only."""

import json
import sys
from pathlib import Path

import pytest

import seqforge
from seqforge.errors import PluginError, UsageError
from seqforge.testing import CHECKS, Result, check_plugin
from seqforge_midi.song import Song, note_array

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "fakes")]
from bundled import bundled_samples  # noqa: E402
from fakekit import install  # noqa: E402
from pairs import mutate, write_samples  # noqa: E402

SHIPPED = ("text", "abc", "midi", "handwriting")
BOOKS = ("abc", "handwriting")
"""Plugins whose corpora are a few large files of many pieces."""
CRASH = ("    # more of the codec", "    def decode(self, e):\n        import os; os._exit(5)")
CRASH_IN_FIT = (
    "    # more of the codec",
    "    @classmethod\n    def fit(cls, pieces, options):\n        import os; os._exit(1)",
)
HANG = (
    "    def violations(self, piece): return",
    "    def violations(self, piece):\n        while True: pass\n        return",
)
UPPER_CASE_SUFFIX = ('reads = (".pair",)', 'reads = (".PAIR",)')
INTEGER_MASK = ("return np.arange(self.size) > 0", "return (np.arange(self.size) > 0) * (1 if state else True)")


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    return write_samples(tmp_path / "samples")


def outcomes(results: tuple[Result, ...]) -> list[str]:
    return [result.outcome for result in results]


def test_abc_with_characters_generates_tunes(tmp_path: Path) -> None:
    checks = ["allowed_steps_decode", "model_trains", "round_trip"]
    folder = bundled_samples("abc", tmp_path / "bundled")
    report = check_plugin("abc", samples=folder, options={"encoding": "char"}, only=checks)
    assert outcomes(report.results) == ["passed"] * 3, report.results


@pytest.mark.parametrize("plugin", SHIPPED)
def test_shipped_plugin_passes_without_known_failures(tmp_path: Path, plugin: str) -> None:
    report = check_plugin(plugin, samples=bundled_samples(plugin, tmp_path / "bundled") if plugin in BOOKS else None)
    assert report.ok, report.failed
    assert set(outcomes(report.results)) <= {"passed", "skipped"}
    passed = {result.check for result in report.results if result.outcome == "passed"}
    expected = {"round_trip", "written_files_read_back", "finish_returns_a_piece", "model_trains"}
    expected |= {"constraint_allows_real_pieces"} if plugin != "handwriting" else set()  # it sets no constraint
    assert expected <= passed, expected - passed


@pytest.mark.parametrize("name", CHECKS)
def test_rule_of_a_check_is_one_sentence(name: str) -> None:
    rule = CHECKS[name].rule
    assert rule.endswith(".") and ". " not in rule and len(rule) > 40


@pytest.mark.parametrize("high", [3, 2])
def test_a_sample_that_the_codec_was_not_fitted_on_may_be_rejected(tmp_path: Path, high: int) -> None:
    for number in range(5):  # the codec is fitted on all samples but number 3, so that its pitch is out of range
        notes = [(480 * beat, 480 * beat + 480, 100 if number == high else 60 + beat, 80, 0) for beat in range(4)]
        song = Song.from_events(note_array(notes))
        seqforge.load("midi:chorales").plugin.write([seqforge.Piece(song)], tmp_path / f"{number}.mid")
    report = check_plugin("midi", samples=tmp_path, only=["constraint_allows_real_pieces"])
    assert outcomes(report.results) == ["passed"], report.results
    assert ("4 of 5 samples are allowed" in report.results[0].message) == (high == 3)


def test_crash_fails_one_check_and_the_others_run(site: Path, samples: Path) -> None:
    install(site, mutate(CRASH))
    only = ["pieces_are_encoded", "round_trip", "units_add_up"]
    report = check_plugin("good", samples=samples, only=only)
    assert outcomes(report.results) == ["passed", "failed", "passed"]
    assert "decode of the steps of sample 1 ends the process (exit code 5)" in report.results[1].message


def test_plugin_that_hangs_is_stopped(site: Path, samples: Path) -> None:
    install(site, mutate(HANG))
    only = ["codec_is_fitted", "constraint_allows_real_pieces", "files_are_written"]
    report = check_plugin("good", samples=samples, only=only, limit_s=3)
    assert outcomes(report.results) == ["passed", "failed", "passed"]
    assert report.results[1].message == "violations of sample 1 takes longer than 3 s"


def test_checks_that_need_a_crashed_one_are_skipped(site: Path, samples: Path) -> None:
    install(site, mutate(CRASH_IN_FIT))
    report = check_plugin("good", samples=samples, only=["codec_is_fitted", "round_trip", "units_add_up"])
    assert [result.message for result in report.results[1:]] == ["see codec_is_fitted"] * 2


def test_known_failure_is_reported_with_its_reason_and_does_not_fail(site: Path, samples: Path) -> None:
    install(site, mutate(UPPER_CASE_SUFFIX, INTEGER_MASK))
    results: list[Result] = []
    report = check_plugin(
        "good",
        samples=samples / "a.pair",
        only=["declaration_is_valid", "constraint_follows_its_laws"],
        known={"constraint_follows_its_laws": "masks are integers until 2.0"},
        isolated=False,
        on_result=results.append,
    )
    assert tuple(results) == report.results
    assert outcomes(report.results) == ["failed", "known failure"]
    message = report.results[1].message
    assert message.startswith("masks are integers until 2.0 (") and "Even.allowed returns an array of int64" in message
    assert not report.ok and [result.check for result in report.failed] == ["declaration_is_valid"]
    assert json.loads(json.dumps(report.to_json()))["results"][1]["outcome"] == "known failure"


def test_known_failure_that_passes_is_reported_as_failed(site: Path, samples: Path) -> None:
    install(site, mutate())
    known = {"round_trip": "fails until 2.0"}
    report = check_plugin("good", samples=samples, only=["round_trip"], known=known, isolated=False)
    assert report.failed[0].check == "round_trip" and "fails until 2.0" in report.failed[0].message


def test_unknown_check_is_rejected_with_a_suggestion(site: Path, samples: Path) -> None:
    install(site, mutate())
    with pytest.raises(UsageError, match="Did you mean 'round_trip'") as caught:
        check_plugin("good", samples=samples, only=["roundtrip"])
    assert caught.value.value == "roundtrip"
    with pytest.raises(UsageError, match="'speed'"):
        check_plugin("good", samples=samples, known={"speed": "slow"})


def test_unknown_plugin_is_rejected() -> None:
    with pytest.raises(PluginError, match="'chess'"):
        check_plugin("chess")


@pytest.mark.parametrize("isolated", [True, False])
def test_missing_samples_are_a_usage_error(site: Path, isolated: bool) -> None:
    install(site, mutate())
    with pytest.raises(UsageError, match=r"no corpus is installed .*'good'.*`samples`"):
        check_plugin("good", isolated=isolated)


@pytest.mark.parametrize("isolated", [True, False])
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("import no_such_library", "does not import: ModuleNotFoundError"),
        (mutate(("    name = ", "    api = 1\n    name = ")), "api 1"),
    ],
    ids=["import", "api"],
)
def test_plugin_that_cannot_be_loaded_gives_a_failed_report(site: Path, isolated: bool, code: str, reason: str) -> None:
    install(site, code)
    report = check_plugin("good", samples=site, isolated=isolated)
    (result,) = report.failed
    assert result.check == "declaration_is_valid"
    assert "'good' of fake-good 2.5" in result.message and reason in result.message


def test_plugin_that_ends_the_process_on_import_gives_a_failed_report(site: Path) -> None:
    install(site, "import os; os._exit(3)")
    (result,) = check_plugin("good", samples=site).failed
    assert result.check == "declaration_is_valid" and "exit code 3" in result.message


def test_options_of_the_caller_are_used_and_unknown_ones_rejected(site: Path, samples: Path) -> None:
    install(site, mutate())
    report = check_plugin("good", samples=samples, options={"order": "up"}, only=["round_trip"])
    assert report.ok and "'order': 'up'" in report.samples
    with pytest.raises(UsageError, match="no option 'ordr'"):
        check_plugin("good", samples=samples, options={"ordr": "up"}, only=["round_trip"])


def test_requests_of_the_caller_are_used(site: Path, samples: Path) -> None:
    code = mutate(
        (
            "    # more of the codec",
            "    def task(self, request): return Task([self.prompt(request.first)])\n    # more of the codec",
        )
    )
    install(site, code)
    only = ["task_has_prompts", "finish_returns_a_piece"]
    report = check_plugin("good", samples=samples, requests=[{"first": "ae"}], only=only, isolated=False)
    assert report.ok, report.failed
    assert "0 to 2 steps" in report.results[0].message


def test_output_of_a_plugin_is_not_taken_for_a_result(site: Path, samples: Path) -> None:
    install(site, mutate(("import re\n", "import re\nprint('{}')\n")))
    assert check_plugin("good", samples=samples, only=["samples_are_read"]).ok
