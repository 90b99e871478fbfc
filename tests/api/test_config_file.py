from pathlib import Path
from typing import Any

import pytest

from seqforge import OptionsError, PluginError
from seqforge.api.config_file import ConfigFile, config_from_values, read_config


def config(values: dict[str, Any], **more: Any) -> ConfigFile:
    return config_from_values(values, source="a.toml", **more)


def test_flags_with_dashes_and_underscores() -> None:
    file = config({"plugin": "text", "batch-size": 4, "input_dropout": 0.1, "level": "byte", "corpus": ["a", "b"]})
    assert file.plugin == "text" and file.arguments == {"corpus": ["a", "b"]}
    assert file.options == {"batch_size": 4, "input_dropout": 0.1, "level": "byte"}


def test_values_of_the_user_take_precedence() -> None:
    file = ConfigFile("text", {"corpus": "a", "run": "r"}, {"minutes": 5.0, "hidden": 64, "seed": 1})
    merged = file.merged({"run": "s"}, {"steps": 9, "seed": 2})
    assert merged.arguments == {"corpus": "a", "run": "s"}
    assert merged.options == {"steps": 9, "hidden": 64, "seed": 2}
    assert "hidden" not in file.merged({}, {"size": "small"}).options
    assert file.merged({"init": "shipped"}, {}).options == {"minutes": 5.0, "seed": 1}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"plugin": "text", "hiden": 4}, "hiden"),
        ({"plugin": "text", "hidden": "4"}, "hidden"),
        ({"plugin": "text", "hidden": True}, "hidden"),
        ({"plugin": "text", "hidden": 4, "training": {"hidden": 8}}, "hidden"),
        ({"plugin": "text", "corpus": [1]}, "corpus"),
        ({"plugin": "text", "stop_at": True}, "stop_at"),
        ({"plugin": "text", "sweep": {"hidden": [4]}}, "config"),
        ({"plugin": "text", "training": 3}, "training"),
        ({"plugin": 3}, "plugin"),
        ({"level": "char"}, "level"),  # an option of a plugin, and no plugin is named
    ],
)
def test_faults(values: dict[str, Any], field: str) -> None:
    with pytest.raises(OptionsError) as caught:
        config(values)
    assert caught.value.field == field


def test_a_file_for_another_plugin() -> None:
    with pytest.raises(OptionsError) as caught:
        config({"plugin": "text"}, plugin="abc")
    assert caught.value.field == "plugin"
    with pytest.raises(PluginError):
        config({"plugin": "chess2"})


@pytest.mark.parametrize("content", [None, b"hidden 4", b"\xff\xfe"])
def test_files_that_are_not_toml(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.toml").write_bytes(content)
    with pytest.raises(OptionsError) as caught:
        read_config(tmp_path / "a.toml")
    assert caught.value.field == "config" and caught.value.value == str(tmp_path / "a.toml")
