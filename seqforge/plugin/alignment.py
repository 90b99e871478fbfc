"""The aligned history of a codec, with checks of the places that the codec returns."""

from typing import Any

import numpy as np

from seqforge.core.places import LOWEST_DISTANCE, AlignedHistory, Places
from seqforge.core.spaces import Categorical
from seqforge.plugin.capabilities import Aligns
from seqforge.plugin.codec import AnyCodec
from seqforge.plugin.plugin import AnyPlugin
from seqforge.plugin.validation import contract_error

__all__ = ["aligned_history"]

LARGEST = 1 << 31
"""Periods and offsets are smaller than this number."""


def aligned_history(
    plugin: AnyPlugin, codec: AnyCodec, distances: tuple[int, ...] | None = None
) -> AlignedHistory | None:
    """Return the aligned history of a codec with checked places; None if the codec names none.

    Args:
        plugin: The plugin.
        codec: The codec.
        distances: The numbers of periods by which a network looks back; None for those of the codec's places.

    Raises:
        ContractError: If `places` returns something else than Places or None, or its distances are wrong.
    """
    if not isinstance(codec, Aligns):
        return None
    places: Any = codec.places()
    if places is None:
        return None
    if not isinstance(places, Places):
        rule = "an instance of Places, or None"
        raise contract_error(plugin, "places", f"returns a {type(places).__name__}", rule, owner=codec)
    if not isinstance(codec.space, Categorical):
        problem = f"returns places for steps that are not symbols but {codec.space}"
        raise contract_error(plugin, "places", problem, "None", owner=codec)
    declared: Any = places.distances
    if (
        not isinstance(declared, tuple)
        or not declared
        or not all(type(number) is int and number >= LOWEST_DISTANCE for number in declared)
        or len(set(declared)) < len(declared)
    ):
        problem = f"returns places with the distances {declared!r}"
        raise contract_error(
            plugin, "places", problem, f"places with a tuple of different integers from {LOWEST_DISTANCE}", owner=codec
        )
    _check_markers(plugin, codec, places, codec.space.size)
    return _CheckedHistory(plugin, places, declared if distances is None else distances)


def _check_markers(plugin: AnyPlugin, codec: AnyCodec, places: Places, size: int) -> None:
    """Check that the kinds and the weights of the markers are arrays with one number per symbol.

    Raises:
        ContractError: If one is not.
    """
    markers: Any = places.markers
    if markers is not None and not (
        isinstance(markers, np.ndarray) and markers.dtype.kind == "i" and markers.shape == (size,)
    ):
        kind = f"an array of {markers.dtype} of shape {markers.shape}" if hasattr(markers, "shape") else repr(markers)
        rule = f"None, or an array of signed integers of shape ({size},)"
        raise contract_error(plugin, "places", f"returns places whose markers are {kind}", rule, owner=codec)
    weights: Any = places.marker_weights
    if weights is not None and not (
        isinstance(weights, np.ndarray)
        and weights.dtype.kind == "f"
        and weights.shape == (size,)
        and np.isfinite(weights).all()
        and (weights >= 0).all()
        and markers is not None
    ):
        rule = f"None, or an array of floats from 0 of shape ({size},) beside `markers`"
        raise contract_error(plugin, "places", "returns places whose `marker_weights` are wrong", rule, owner=codec)


class _CheckedHistory(AlignedHistory):
    """An aligned history that checks the array of places once per piece.

    Args:
        plugin: The plugin, for messages.
        places: Its places.
        distances: The numbers of periods to look back.
    """

    def __init__(self, plugin: AnyPlugin, places: Places, distances: tuple[int, ...]) -> None:
        super().__init__(places, distances)
        self.plugin = plugin

    def places_of(self, steps: np.ndarray) -> np.ndarray:
        places: Any = self.places.places(steps)
        expected = (len(steps) + 1, 2)
        if not isinstance(places, np.ndarray) or places.shape != expected or places.dtype.kind not in "iu":
            kind = f"an array of {places.dtype} of shape {places.shape}" if hasattr(places, "shape") else repr(places)
            rule = f"an array of integers of shape {expected}"
            raise contract_error(self.plugin, "places", f"returns {kind}", rule, owner=self.places)
        if (places >= LARGEST).any() or ((places < 0).any(1) & (places != -1).any(1)).any():
            rule = f"periods and offsets from 0 to {LARGEST - 1:,}, or -1 and -1"
            raise contract_error(self.plugin, "places", "returns a place out of range", rule, owner=self.places)
        return places
