"""A new plugin's wheel has no fault, and each fault of a wheel breaks the rule that is named for it."""

import sys
from pathlib import Path

import pytest

from seqforge.errors import SeqforgeError, UsageError
from seqforge.publishing import RULES, build_package, check_wheel
from seqforge.scaffold import new_plugin

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "testing")]
from sentences import assert_recorded  # noqa: E402
from wheels import FAULTS, INFO, PACKAGE, Files, read_files, write_wheel  # noqa: E402

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "plugins" / "midi" / "src" / "seqforge_midi" / "models" / "drums.safetensors"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return the files of the wheel of a new plugin."""
    folder = tmp_path_factory.mktemp("new") / "package"
    new_plugin("toy", suffix=".toy", folder=folder, kind="vectors")
    with build_package(folder) as built:
        report = check_wheel(built.wheel)
        assert report.ok and report.rules == tuple(RULES), report.faults
        assert built.archive.name == "seqforge_toy-0.1.0.tar.gz"
        return read_files(built.wheel)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_breaks_its_rule_and_is_one_sentence(files: Files, tmp_path: Path, fault: str) -> None:
    change, rule = FAULTS[fault]
    faulty = dict(files)
    change(faulty)
    report = check_wheel(write_wheel(faulty, tmp_path / "seqforge_toy-0.1.0-py3-none-any.whl"))
    assert not report.ok and rule in {finding.rule for finding in report.faults}, report.faults
    for finding in report.faults:
        assert finding.message.startswith(finding.place) and "\n" not in finding.message
        assert not finding.message.endswith(".") and str(tmp_path) not in finding.message
    assert_recorded(f"wheel: {fault}", {rule: "; ".join(finding.message for finding in report.of(rule))})


def test_every_rule_has_a_fault_that_breaks_it_alone(files: Files, tmp_path: Path) -> None:
    alone = set()
    for change, rule in FAULTS.values():
        faulty = dict(files)
        change(faulty)
        if {finding.rule for finding in check_wheel(write_wheel(faulty, tmp_path / "a.whl")).faults} == {rule}:
            alone.add(rule)
    assert alone == set(RULES)


def test_model_of_another_plugin_on_a_private_folder_has_two_faults(files: Files, tmp_path: Path) -> None:
    faulty = {
        **files,
        f"{PACKAGE}/models/default.safetensors": MODEL.read_bytes().replace(rb"\"groove\"", rb"\"../gro\""),
    }
    findings = check_wheel(write_wheel(faulty, tmp_path / "a.whl")).faults
    assert [finding.rule for finding in findings] == ["models_can_be_loaded"] * 2
    assert "plugin 'midi'" in findings[0].message and "../gro" in findings[1].message


def test_text_readme_needs_no_heading(files: Files, tmp_path: Path) -> None:
    metadata = files[f"{INFO}/METADATA"].replace(b"text/markdown", b"text/plain").replace(b"# seqforge", b"seqforge")
    assert check_wheel(write_wheel({**files, f"{INFO}/METADATA": metadata}, tmp_path / "a.whl")).ok


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04damaged"])
def test_file_that_is_no_wheel_is_a_usage_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.whl").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        check_wheel(tmp_path / "a.whl")
    assert caught.value.field == "folder"


def test_package_that_does_not_build_is_an_error_with_the_reason(tmp_path: Path) -> None:
    new_plugin("toy", suffix=".toy", folder=tmp_path / "new")
    project = tmp_path / "new" / "pyproject.toml"
    project.write_text(project.read_text().replace('license = "MIT"', 'license = "My own"'))
    with pytest.raises(SeqforgeError, match="nvalid license"), build_package(tmp_path / "new"):
        pass
