"""Filters on log-probabilities: each takes and returns rows, -inf where a step is struck out."""

import numpy as np
from jaxtyping import Float


def temperature(logits: Float[np.ndarray, "row step"], value: float) -> Float[np.ndarray, "row step"]:
    """Divide the logits, so that below 1 the probable becomes more probable.

    Source: D. Ackley, G. Hinton and T. Sejnowski, "A Learning Algorithm for Boltzmann Machines",
    Cognitive Science 9, 1985, equation 4.
    """
    with np.errstate(over="ignore"):  # what is far below the most probable becomes impossible
        divided: np.ndarray = (logits - logits.max(axis=1, keepdims=True)) / value
    return divided


def top_k(logits: Float[np.ndarray, "row step"], k: int) -> Float[np.ndarray, "row step"]:
    """Strike out all but the k largest; equals of the k-th are kept.

    Source: A. Fan, M. Lewis and Y. Dauphin, "Hierarchical Neural Story Generation", ACL 2018, section 5.4.
    """
    if k >= logits.shape[1]:
        return logits
    kth = np.partition(logits, -k, axis=1)[:, -k, None]
    return np.where(logits < kth, -np.inf, logits)


def top_p(logits: Float[np.ndarray, "row step"], p: float) -> Float[np.ndarray, "row step"]:
    """Keep the nucleus: the fewest steps, most probable first, whose probabilities sum to at least p.

    Source: A. Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020, section 3.1.
    """
    order = np.argsort(-logits, axis=1, kind="stable")
    ranked = np.take_along_axis(softmax(logits), order, 1)
    before = np.cumsum(ranked, axis=1) - ranked
    struck = np.zeros(logits.shape, bool)
    np.put_along_axis(struck, order, before >= p, 1)
    return np.where(struck, -np.inf, logits)


def softmax(logits: Float[np.ndarray, "row step"]) -> Float[np.ndarray, "row step"]:
    """Return probabilities; every row has at least one finite logit."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return result
