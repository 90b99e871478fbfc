"""The checks of a new training that need neither torch nor the corpus. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from seqforge.core.options import build_options
from seqforge.corpus import SplitChoice, find_corpus
from seqforge.errors import OptionsError
from seqforge.plugin import AnyPlugin
from seqforge.training.config import TrainingConfig, with_plugin_defaults

__all__ = ["check_new_run"]


def check_new_run(plugin: AnyPlugin, *, corpus: Sequence[str], split: SplitChoice, values: Mapping[str, Any]) -> None:
    """Check the options of a new run and that every corpus exists, before anything is loaded.

    Example:
        check_new_run(plugin, corpus=["ryans"], split=SplitChoice(), values={"hidden": 64})

    Args:
        plugin: The plugin.
        corpus: Names of installed corpora, folders or files.
        split: The split that the user chose.
        values: The user's options by name: fields of TrainingConfig and of the plugin's Options.

    Raises:
        UsageError: If a name does not exist, or an option is not allowed.
    """
    names = {field.name for field in fields(TrainingConfig)}
    training = {name: value for name, value in values.items() if name in names}
    options = {name: value for name, value in values.items() if name not in names}
    with_defaults = with_plugin_defaults(plugin.training_defaults, training)
    build_options(TrainingConfig, with_defaults, owner="seqforge").resolved()
    build_options(plugin.Options, options, owner=f"the plugin {plugin.name!r}")
    for name in corpus:
        if not Path(name).exists():
            find_corpus(name, domain=plugin.name)
    for field, files in (("valid", split.valid), ("test", split.test)):
        for file in files:
            if not Path(file).exists():
                raise OptionsError(
                    f"`{field}` is {file}, which is neither a file nor a folder; name files or a folder",
                    field=field,
                    value=file,
                )
