"""The training options of the plugin."""

from dataclasses import dataclass
from typing import Literal

from seqforge import flag


@dataclass(frozen=True)
class AbcOptions:
    """How tunes are encoded.

    >>> AbcOptions(encoding="char")
    AbcOptions(encoding='char')
    """

    encoding: Literal["tokens", "char"] = flag(
        "tokens", help="Encode the music as tokens, or its ABC text by character."
    )
