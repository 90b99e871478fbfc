"""Spaces: the type of a step. Each space has a module here, a head in `network` and a distribution in `sampling`."""

from seqforge.core.spaces._base import Space, space_from_json
from seqforge.core.spaces.categorical import Categorical
from seqforge.core.spaces.mixture import Mixture

__all__ = ["Categorical", "Mixture", "Space", "space_from_json"]
