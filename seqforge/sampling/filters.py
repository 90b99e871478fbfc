"""Filters that restrict or reshape the distribution of the next step.

Filters of logits set a removed step to -inf; filters of weights, which are unnormalised probabilities, set it to 0.
"""

import numpy as np


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the probabilities of logits; every row must have a finite logit.

    >>> softmax(np.array([[0.0, 0.0, -np.inf]]))
    array([[0.5, 0.5, 0. ]])
    """
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return result


def scale_by_temperature(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Divide logits by a temperature: below 1 probable steps become more probable, above 1 less probable.

    >>> scale_by_temperature(np.array([[2.0, 0.0]]), 0.5)
    array([[ 0., -4.]])

    Source: D. Ackley, G. Hinton and T. Sejnowski, "A Learning Algorithm for Boltzmann Machines",
    Cognitive Science 9, 1985, equation 4.
    """
    with np.errstate(over="ignore"):  # steps far below the most probable one become impossible
        scaled: np.ndarray = (logits - logits.max(axis=1, keepdims=True)) / temperature
    return scaled


def filter_top(weights: np.ndarray, *, k: int = 0, p: float = 1.0, min_p: float = 0.0) -> np.ndarray:
    """Keep the most probable steps by top-k, then top-p, then min-p; steps that tie with the last one kept stay too.

    >>> filter_top(np.array([[0.5, 0.3, 0.2]]), k=2)
    array([[0.5, 0.3, 0. ]])

    Args:
        weights: Unnormalised probabilities, 0 for steps that an earlier filter removed.
        k: Keep the k most probable steps; 0 keeps all. A. Fan, M. Lewis and Y. Dauphin, "Hierarchical Neural Story
            Generation", ACL 2018, section 5.4.
        p: Keep the nucleus, the smallest set of most probable steps whose probabilities sum to at least p; 1 keeps
            all. A. Holtzman et al., "The Curious Case of Neural Text Degeneration", ICLR 2020, section 3.1.
        min_p: Keep steps with at least this fraction of the highest probability; 0 keeps all. M. Nguyen et al.,
            "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs", arXiv 2407.01082, section 3.

    Returns:
        The weights, 0 for removed steps; they are not normalised again.
    """
    k = k if 0 < k < weights.shape[1] else 0
    largest, threshold = weights, np.zeros((len(weights), 1))
    if k:
        largest = np.partition(weights, -k, axis=1)[:, -k:]
        threshold = largest[:, :1]
    if p < 1:
        ranked = np.sort(largest, axis=1)[:, ::-1]
        mass = ranked.cumsum(axis=1)
        last = np.minimum((mass < p * mass[:, -1:]).sum(axis=1), ranked.shape[1] - 1)
        threshold = np.maximum(threshold, ranked[np.arange(len(ranked)), last, None])
    if min_p > 0:
        threshold = np.maximum(threshold, min_p * largest.max(axis=1, keepdims=True))
    return weights * (weights >= threshold)


def filter_typical(logits: np.ndarray, mass: float) -> np.ndarray:
    """Keep the steps whose surprisal is closest to the entropy: the fewest whose probabilities sum to at least `mass`.

    >>> softmax(filter_typical(np.log([[0.6, 0.2, 0.2]]), 0.5))
    array([[1., 0., 0.]])

    Source: C. Meister, T. Pimentel, G. Wiher and R. Cotterell, "Locally Typical Sampling", TACL 2023, section 3.
    """
    probabilities = softmax(logits)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprisal = -np.log(probabilities)
        entropy = np.where(probabilities > 0, probabilities * surprisal, 0.0).sum(axis=1, keepdims=True)
    order = np.argsort(np.abs(surprisal - entropy), axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, 1)
    mass_before = np.cumsum(ranked, axis=1) - ranked
    removed = np.zeros(logits.shape, bool)
    np.put_along_axis(removed, order, mass_before >= mass, 1)
    return np.where(removed | (probabilities == 0), -np.inf, logits)


def filter_mirostat(weights: np.ndarray, max_surprisal: float) -> np.ndarray:
    """Keep steps whose surprisal is at most `max_surprisal` bits; the most probable step always stays.

    >>> filter_mirostat(np.array([0.5, 0.25, 0.25]), 1.5)
    array([0.5, 0. , 0. ])

    `seqforge.sampling.history.History` adapts the bound after every step.

    Source: S. Basu, G. Ramachandran, N. Keskar and L. Varshney, "Mirostat: A Neural Text Decoding Algorithm that
    Directly Controls Perplexity", ICLR 2021. This is its second version, without the estimate of Zipf's exponent, as
    in the authors' repository.
    """
    keep = weights >= 2.0**-max_surprisal * weights.sum()
    keep[int(weights.argmax())] = True
    filtered: np.ndarray = weights * keep
    return filtered
