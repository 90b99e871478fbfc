"""What a step is. Each space has a file here, a head in `network` and a draw in `sampling`."""

from seqforge.spaces._base import Space, space_from_json
from seqforge.spaces.categorical import Categorical
from seqforge.spaces.mixture import Mixture

__all__ = ["Categorical", "Mixture", "Space", "space_from_json"]
