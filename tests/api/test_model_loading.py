import sys
from pathlib import Path
from typing import Any

import pytest
from api_kit import copy_run, edit_model

import seqforge
from seqforge import DamagedFileError, Model, PluginError, RequestError


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"gone\.safetensors") as caught:
        seqforge.load(tmp_path / "gone.safetensors")
    assert caught.value.field == "model"


def test_model_of_a_plugin_that_is_not_installed_is_an_error(
    trained: dict[str, Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = trained["numbers"].path
    assert path is not None
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if "fakes" not in entry])
    with pytest.raises(PluginError) as caught:
        seqforge.load(path)
    assert (caught.value.field, caught.value.value) == ("plugin", "numbers")
    assert caught.value.allowed == "abc, handwriting, midi, text"


def newer_version(metadata: dict[str, Any]) -> None:
    metadata["codec"]["version"] = 99


def number_as_token(metadata: dict[str, Any]) -> None:
    metadata["codec"]["data"]["vocabulary"][3] = 7


def invalid_labels(metadata: dict[str, Any]) -> None:
    metadata["codec"]["data"]["labels"] = [1]


def smaller_vocabulary(metadata: dict[str, Any]) -> None:
    del metadata["codec"]["data"]["vocabulary"][3]


def no_data(metadata: dict[str, Any]) -> None:
    del metadata["codec"]["data"]


@pytest.mark.parametrize("edit", [newer_version, number_as_token, invalid_labels, smaller_vocabulary, no_data])
def test_codec_that_does_not_fit_is_an_error(trained: dict[str, Model], tmp_path: Path, edit: Any) -> None:
    path = copy_run(trained["text"], tmp_path / "m")
    edit_model(path, edit)
    fragment = "update seqforge-text" if edit is newer_version else "codec"
    with pytest.raises(DamagedFileError, match=rf"cannot be used: .*{fragment}") as caught:
        seqforge.load(path)
    assert str(path) in str(caught.value)


def test_earlier_version_of_codec_is_upgraded(
    trained: dict[str, Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained["text"]
    path = copy_run(model, tmp_path / "m")
    upgraded = []

    def upgrade(kind: Any, data: Any, version: int) -> Any:
        upgraded.append(version)
        return data

    monkeypatch.setattr(type(model.codec), "version", 7)
    monkeypatch.setattr(type(model.codec), "upgrade_state", classmethod(upgrade))
    assert seqforge.load(path).codec.state() == model.codec.state() and upgraded == [1]
    monkeypatch.setattr(type(model.codec), "upgrade_state", classmethod(lambda *_: {}["vocabulary"]))
    with pytest.raises(DamagedFileError, match="codec has version 1"):
        seqforge.load(path)


def test_unknown_option_in_a_model_is_an_error(trained: dict[str, Model], tmp_path: Path) -> None:
    path = copy_run(trained["text"], tmp_path / "m")
    edit_model(path, lambda metadata: metadata["options"].update(flavour="sweet"))
    with pytest.raises(seqforge.SeqforgeError, match="flavour"):
        seqforge.load(path)
