"""Filters: on logits, -inf where a step is struck out, or on weights in proportion to probabilities, 0 where it is."""

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


def top(
    weights: Float[np.ndarray, "row step"], *, k: int = 0, p: float = 1.0, min_p: float = 0.0
) -> Float[np.ndarray, "row step"]:
    """Keep the most probable steps by up to three rules, one after the other; equals of the last that is kept stay.

    Args:
        weights: of every step, in proportion to probabilities; 0 where it is struck out, as in the result.
        k: the k most probable; 0: all. A. Fan, M. Lewis and Y. Dauphin, "Hierarchical Neural Story Generation",
            ACL 2018, section 5.4.
        p: of those the nucleus: the fewest, most probable first, whose probabilities sum to at least p; 1: all.
            A. Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020, section 3.1.
        min_p: of those what is at least so probable as this share of the most probable; 0: all. M. Nguyen et al.,
            "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs", arXiv 2407.01082, section 3.
    """
    k = k if 0 < k < weights.shape[1] else 0
    best, least = weights, np.zeros((len(weights), 1))
    if k:
        best = np.partition(weights, -k, axis=1)[:, -k:]
        least = best[:, :1]
    if p < 1:
        ranked = np.sort(best, axis=1)[:, ::-1]
        mass = ranked.cumsum(axis=1)
        kept = np.minimum((mass < p * mass[:, -1:]).sum(axis=1), ranked.shape[1] - 1)
        least = np.maximum(least, ranked[np.arange(len(ranked)), kept, None])
    if min_p > 0:
        least = np.maximum(least, min_p * best.max(axis=1, keepdims=True))
    return weights * (weights >= least)


def softmax(logits: Float[np.ndarray, "row step"]) -> Float[np.ndarray, "row step"]:
    """Return probabilities; every row has at least one finite logit."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return result


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


def mirostat(weights: Float[np.ndarray, " step"], surprise: float) -> Float[np.ndarray, " step"]:
    """Keep what is no more surprising than so many bits; the most probable always.

    Source: S. Basu, G. Ramachandran, N. Keskar and L. Varshney, "Mirostat: A Neural Text Decoding Algorithm that
    Directly Controls Perplexity", ICLR 2021, in its second form (without the estimate of Zipf's exponent), as in the
    authors' repository; `History` holds the surprise that is learnt.
    """
    kept = weights >= 2.0**-surprise * weights.sum()
    kept[int(weights.argmax())] = True
    found: np.ndarray = weights * kept
    return found
