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


def min_p(logits: Float[np.ndarray, "row step"], share: float) -> Float[np.ndarray, "row step"]:
    """Keep what is at least so probable as a share of the most probable.

    Source: M. Nguyen et al., "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs",
    arXiv 2407.01082, section 3.
    """
    if share == 0:
        return logits
    return np.where(logits < logits.max(axis=1, keepdims=True) + np.log(share), -np.inf, logits)


def typical(logits: Float[np.ndarray, "row step"], mass: float) -> Float[np.ndarray, "row step"]:
    """Keep the fewest steps, those whose surprise is nearest to the entropy first, that sum to at least a mass.

    Source: C. Meister, T. Pimentel, G. Wiher and R. Cotterell, "Locally Typical Sampling", TACL 2023, section 3.
    """
    probabilities = softmax(logits)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = -np.log(probabilities)
        entropy = np.where(probabilities > 0, probabilities * surprise, 0.0).sum(axis=1, keepdims=True)
    order = np.argsort(np.abs(surprise - entropy), axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, 1)
    before = np.cumsum(ranked, axis=1) - ranked
    struck = np.zeros(logits.shape, bool)
    np.put_along_axis(struck, order, before >= mass, 1)
    return np.where(struck | (probabilities == 0), -np.inf, logits)


def mirostat(row: Float[np.ndarray, " step"], surprise: float) -> Float[np.ndarray, " step"]:
    """Keep what is no more surprising than so many bits; the most probable always.

    Source: S. Basu, G. Ramachandran, N. Keskar and L. Varshney, "Mirostat: A Neural Text Decoding Algorithm that
    Directly Controls Perplexity", ICLR 2021, in its second form (without the estimate of Zipf's exponent), as in the
    authors' repository; `History` holds the surprise that is learnt.
    """
    probabilities = softmax(row[None])[0]
    kept = probabilities >= 2.0**-surprise
    kept[int(row.argmax())] = True
    return np.where(kept, row, -np.inf)
