"""The properties that the first step of a piece states: the capability, and checks of what the codec returns."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from seqforge.core.spaces import Categorical
from seqforge.plugin.codec import AnyCodec
from seqforge.plugin.contract_errors import contract_error, kind_of
from seqforge.plugin.plugin import AnyPlugin

__all__ = ["Classifies", "first_step_classes"]


class Classifies(ABC):
    """Capability of a codec of symbols: the first step of a piece states a property, by which pieces are classified.

    `seqforge classify --label NAME` then scores a piece once with each value in its first step, and Bayes' rule turns
    the likelihoods of the other steps into the probabilities of the values.

    Example:
        class TuneCodec(TokenCodec[str, NoOptions, NoRequest], Classifies):
            def classes(self):
                return {"rhythm": {rhythm: self.index[f"R:{rhythm}"] for rhythm in ("jig", "reel")}}
    """

    @abstractmethod
    def classes(self) -> Mapping[str, Mapping[str, int]]:
        """Return the properties by name, each with its values and the step that states each value.

        The names are not names of labels. A piece whose first step is none of these has an unknown value.
        """


def first_step_classes(plugin: AnyPlugin, codec: AnyCodec) -> Mapping[str, Mapping[str, int]]:
    """Return the properties that the first step of a piece states; none if the codec lacks the capability.

    A property without values is left out.

    Args:
        plugin: The plugin.
        codec: The codec.

    Raises:
        ContractError: If `classes` returns something else than names, values and different steps of the codec's space.
    """
    if not isinstance(codec, Classifies):
        return {}
    classes: Any = codec.classes()
    if not isinstance(classes, Mapping) or not all(
        isinstance(name, str) and isinstance(steps, Mapping) and all(isinstance(value, str) for value in steps)
        for name, steps in classes.items()
    ):
        rule = "a mapping of names to mappings of values to steps"
        raise contract_error(plugin, "classes", f"returns {kind_of(classes)}", rule, owner=codec)
    size = codec.space.size if isinstance(codec.space, Categorical) else 0
    for name, steps in classes.items():
        if name in codec.labels:
            raise contract_error(plugin, "classes", f"returns {name!r}, a label", "other names", owner=codec)
        numbers = list(steps.values())
        if not all(type(step) is int and 0 <= step < size for step in numbers) or len(set(numbers)) < len(numbers):
            rule = f"different integers from 0 to {size - 1}"
            raise contract_error(plugin, "classes", f"returns the steps {numbers} of {name!r}", rule, owner=codec)
    return {name: steps for name, steps in classes.items() if steps}
