"""What a step is. Each space has a file here, a head in `network` and a draw in `sampling`."""

from seqforge.spaces._base import Space, space_from_json
from seqforge.spaces.categorical import Categorical

__all__ = ["Categorical", "Space", "space_from_json"]
