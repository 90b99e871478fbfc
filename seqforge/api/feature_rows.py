"""The features of a request, and the checks that they fit a model. No torch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from seqforge.corpus import open_features
from seqforge.errors import CorpusError, OptionsError, RequestError
from seqforge.network.config import NetworkConfig

__all__ = ["FeatureRows", "check_features", "check_training", "feature_rows", "plain_features"]

FeatureRows = str | tuple[tuple[float, ...], ...]
"""The features of a request: the path of a file, or the numbers of each row; "" or () for none."""


def plain_features(features: Any) -> FeatureRows:
    """Return features as a request stores them.

    >>> plain_features([0.5, 1.0])
    ((0.5, 1.0),)

    Args:
        features: The path of a `.npy` or `.csv` file, an array of shape (features,) or (pieces, features), or None.

    Raises:
        OptionsError: If it is something else, or a number is not finite.
    """
    if features is None:
        return ()
    if isinstance(features, str | Path):
        return str(Path(features).absolute()) if str(features) else ""
    try:
        rows = np.atleast_2d(np.asarray(features, np.float32))
    except (TypeError, ValueError):
        rows = np.zeros((0, 0, 0), np.float32)
    if rows.ndim != 2 or not rows.size or not np.isfinite(rows).all():
        allowed = "a file, or an array of finite numbers of shape (features,) or (pieces, features)"
        raise OptionsError.invalid("features", repr(features)[:80], allowed)
    return tuple(tuple(row) for row in rows.tolist())


def feature_rows(features: FeatureRows, width: int, *, computed: bool = False) -> np.ndarray | None:
    """Return the features of a request, shape (rows, features), float32; None if the model reads none.

    Args:
        features: The features, as `plain_features` returns them.
        width: The number of features that the model reads.
        computed: Whether the plugin computes the features from the request.

    Raises:
        RequestError: If there are no features and the model reads some, or they have another width.
    """
    if not features:
        if not width or computed:
            return None
        raise RequestError(
            f"the model reads {width} features per piece, and none are set; set `features` to a .npy or .csv file",
            field="features", allowed=f"{width} numbers per piece",
        )  # fmt: skip
    if not width or computed:
        reason = "its plugin computes them" if computed else "it was trained without features"
        raise RequestError(
            f"`features` is set, and the model reads no features from a file, since {reason}; leave it out",
            field="features", allowed="none",
        )  # fmt: skip
    if isinstance(features, str):
        if not Path(features).is_file():
            raise RequestError(
                f"`features` is {features}; there is no such file", field="features", value=features
            )  # fmt: skip
        try:
            values = open_features(Path(features)).values
        except CorpusError as error:
            raise RequestError(str(error), field="features", value=features) from error
    else:
        values = np.array(features, np.float32)
    if values.shape[1] != width:
        name = f"{features} has" if isinstance(features, str) else "`features` has"
        raise RequestError(
            f"{name} {values.shape[1]} features per piece, and the model reads {width}",
            field="features", value=values.shape[1], allowed=str(width),
        )  # fmt: skip
    return values


def check_features(width: int, corpus: int, names: Sequence[str] = ()) -> None:
    """Check that a corpus has as many features per piece as a model reads.

    Args:
        width: The number of features that the model reads.
        corpus: The number of features of the corpus.
        names: The names of the corpus, for the message.

    Raises:
        CorpusError: If they differ.
    """
    if width == corpus:
        return
    name = " ".join(names) or "the corpus"
    if not corpus:
        raise CorpusError(
            f"the model reads {width} features per piece, and {name} has none; put features.npy or features.csv beside"
            " the files"
        )
    raise CorpusError(f"{name} has {corpus} features per piece, and the model reads {width}; use another corpus")


def check_training(value: str, corpus: int, base: NetworkConfig | None) -> None:
    """Check that the features of a corpus fit the options of a training.

    Args:
        value: The option `features_at`.
        corpus: The number of features of the corpus.
        base: The network of the model from which the training starts; None for fresh weights.

    Raises:
        OptionsError: If the features are to decide the initial state, and the corpus has none.
        CorpusError: If the model reads another number of features.
    """
    if base is not None:
        check_features(base.features, corpus)
    if value != "steps" and not corpus:
        raise OptionsError(
            f"`features_at` is {value}, and the corpus has no features; put features.npy or features.csv beside the"
            " files, or leave `features_at` out",
            field="features_at", value=value, allowed="steps",
        )  # fmt: skip
