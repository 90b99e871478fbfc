"""The training options of the plugin."""

from dataclasses import dataclass
from typing import Literal

from seqforge import OptionsError, flag, listing

KEEPABLE = ("tempo", "slurs", "parts", "lyrics", "voices")
"""The elements that are encoded only if `AbcOptions.keep` names them."""


@dataclass(frozen=True)
class AbcOptions:
    """How tunes are encoded.

    >>> sorted(AbcOptions(keep="slurs, tempo").kept)
    ['slurs', 'tempo']

    Raises:
        OptionsError: If `keep` names something else than `KEEPABLE`, or the encoding is by character.
    """

    encoding: Literal["tokens", "char"] = flag(
        "tokens", help="Encode the music as tokens, or its ABC text by character."
    )
    pitches: Literal["degrees", "names"] = flag(
        "degrees", help="tokens: Encode pitches as degrees of the scale of the key, or as note names."
    )
    keep: str = flag("", help=f"Also encode these, separated by commas: {', '.join(KEEPABLE)}.", unit="NAMES")

    def __post_init__(self) -> None:
        unknown = self.kept.difference(KEEPABLE)
        if unknown:
            raise OptionsError.invalid("keep", self.keep, f"names separated by commas: {listing(KEEPABLE)}")
        if self.kept and self.encoding == "char":
            raise OptionsError(
                "`keep` needs the `encoding` tokens; leave one of the two out",
                field="keep", value=self.keep, allowed="nothing with the `encoding` char",
            )  # fmt: skip

    @property
    def kept(self) -> frozenset[str]:
        """The names in `keep`."""
        return frozenset(name for name in self.keep.lower().replace(",", " ").split() if name)
