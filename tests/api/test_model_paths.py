import subprocess
import sys
from pathlib import Path

import pytest
from api_kit import copy_run

import seqforge
from seqforge import Model, PluginError, RequestError
from seqforge.api import model_paths
from seqforge.api.model_paths import ModelPath, resolve_model, shipped_models


@pytest.fixture
def text(trained: dict[str, Model]) -> Model:
    return trained["text"]


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[tuple[str, str], Path]:
    """Models of fake packages; two plugins ship one with the name "small"."""
    keys = [("text", "default"), ("text", "small"), ("numbers", "small"), ("numbers", "rows")]
    models = {key: tmp_path / key[0] / f"{key[1]}.safetensors" for key in keys}
    monkeypatch.setattr(model_paths, "shipped_models", lambda: models)
    return models


def test_file_and_run_folder(text: Model, tmp_path: Path) -> None:
    path = copy_run(text, tmp_path / "mine")
    assert resolve_model(path) == resolve_model(str(path)) == ModelPath(path, "the given file")
    assert resolve_model(path.parent) == resolve_model(f"{path.parent}/") == ModelPath(path, "the given run")


def test_folder_without_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"contains no model\.safetensors") as caught:
        resolve_model(tmp_path)
    assert (caught.value.field, caught.value.value) == ("model", str(tmp_path))


def test_plugin_is_its_newest_finished_run_by_number(text: Model, tmp_path: Path) -> None:
    for number in (2, 9, 10):
        copy_run(text, tmp_path / "runs" / "text" / f"{number:04d}")
    copy_run(text, tmp_path / "runs" / "text" / "0011", finished=False)
    (tmp_path / "runs" / "text" / "notes").mkdir()
    expected = ModelPath(Path("runs/text/0010/model.safetensors"), "the newest finished run")
    assert resolve_model("text") == resolve_model(plugin="text") == resolve_model("text", plugin="text") == expected
    assert seqforge.load("text").path == expected.path


def test_run_with_damaged_state_is_unfinished(text: Model, tmp_path: Path) -> None:
    for number in ("0001", "0002"):
        copy_run(text, tmp_path / "runs" / "text" / number)
    (tmp_path / "runs" / "text" / "0002" / "state.safetensors").write_bytes(b"junk")
    assert resolve_model("text").path.parent.name == "0001"


def test_plugin_without_run_is_its_default_shipped_model() -> None:
    resolved = resolve_model("text")
    assert resolved == resolve_model("text:default") == resolve_model("shipped", plugin="text")
    assert resolved.path.name == "default.safetensors" and resolved.path.is_file()
    assert resolved.reason == "ships with the plugin 'text'"


def test_shipped_takes_precedence_over_runs_if_named(text: Model, tmp_path: Path) -> None:
    copy_run(text, tmp_path / "runs" / "text" / "0001")
    for name in ("shipped", "default"):
        assert resolve_model(name, plugin="text").reason == "ships with the plugin 'text'"


def test_path_takes_precedence_over_names(text: Model, tmp_path: Path) -> None:
    path = copy_run(text, tmp_path / "text")
    assert resolve_model("text").path.absolute() == path


@pytest.mark.usefixtures("text")
def test_name_of_one_shipped_model(shipped: dict[tuple[str, str], Path]) -> None:
    assert resolve_model("rows") == ModelPath(shipped["numbers", "rows"], "ships with the plugin 'numbers'")
    assert resolve_model("numbers:rows").path == shipped["numbers", "rows"]
    assert resolve_model("rows", plugin="numbers").path == shipped["numbers", "rows"]


def test_name_that_several_plugins_ship(shipped: dict[tuple[str, str], Path]) -> None:
    with pytest.raises(RequestError) as caught:
        resolve_model("small")
    error = caught.value
    assert (error.field, error.value, error.allowed) == ("model", "small", "text:small, numbers:small")
    assert resolve_model("text:small").path == shipped["text", "small"]
    assert resolve_model("small", plugin="numbers").path == shipped["numbers", "small"]


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize(
    ("name", "plugin", "allowed", "suggestion"),
    [
        ("row", None, "text:default, text:small, numbers:small, numbers:rows", "rows"),
        ("numbers:row", None, "text:default, text:small, numbers:small, numbers:rows", "numbers:rows"),
        ("texxt", None, "text:default, text:small, numbers:small, numbers:rows", "text"),
        ("smal", "numbers", "small, rows", "small"),
        ("default", "numbers", "small, rows", ""),
        ("gone.safetensors", None, "text:default, text:small, numbers:small, numbers:rows", ""),
    ],
)
def test_unknown_name_is_an_error(name: str, plugin: str | None, allowed: str, suggestion: str) -> None:
    with pytest.raises(RequestError) as caught:
        resolve_model(name, plugin=plugin)
    error = caught.value
    assert (error.field, error.value, error.allowed) == ("model", name, allowed)
    assert (f"Did you mean {suggestion!r}?" in str(error)) if suggestion else True
    assert caught.value.exit_code == 2


def test_no_name_at_all_is_an_error() -> None:
    with pytest.raises(RequestError) as caught:
        resolve_model()
    assert caught.value.field == "model"


def test_plugin_that_is_not_installed_is_an_error() -> None:
    with pytest.raises(PluginError, match="Did you mean 'text'"):
        resolve_model(plugin="texxt")


def test_plugin_without_any_model_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqforge.plugin.registry.shipped_models", lambda plugin: [])
    for name in (None, "shipped"):
        with pytest.raises(RequestError, match="seqforge train --plugin text") as caught:
            resolve_model(name, plugin="text")
        assert caught.value.field == "model"


def test_shipped_models_are_found_without_import() -> None:
    script = (
        "import sys\n"
        "from seqforge.api.model_paths import resolve_model, shipped_models\n"
        "print(*[':'.join(key) for key in shipped_models()])\n"
        "resolve_model('songs')\n"
        "print([name for name in ('torch', 'seqforge_text', 'seqforge_midi') if name in sys.modules])"
    )
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    names, modules = child.stdout.splitlines()
    assert {"abc:default", "midi:songs", "text:default"} <= set(names.split())
    assert modules == "[]"


def test_broken_package_ships_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fakekit import install

    monkeypatch.syspath_prepend(install(tmp_path / "site", target="no_such_package.module:Good"))
    assert "good" not in {plugin for plugin, _ in shipped_models()}
