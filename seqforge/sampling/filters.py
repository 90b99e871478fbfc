"""Filters that restrict or reshape the distribution of the next step.

Filters of logits set a removed step to -inf; filters of weights, which are unnormalised probabilities, set it to 0.
"""

import numpy as np

MIN_DYNAMIC_TEMPERATURE = 0.01
"""The lowest temperature of `scale_by_entropy`."""


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


def scale_by_entropy(logits: np.ndarray, temperature: float, width: float, exponent: float) -> np.ndarray:
    r"""Divide the logits of each row by a temperature that follows the entropy of the row (dynamic temperature).

    .. math:: T = T_- + (T_+ - T_-) \left(H / \log n\right)^{\text{exponent}}, \qquad T_\pm = T \pm \text{width}

    H is the entropy of the row, n the number of its possible steps; the lowest temperature is 0.01.

    >>> scale_by_entropy(np.array([[1.0, 1.0]]), 1.0, 0.5, 1.0)  # the entropy is largest: temperature 1.5
    array([[0., 0.]])

    Source: the sampler "dynatemp" of llama.cpp (https://github.com/ggml-org/llama.cpp, common/sampling.h, 2024).

    Args:
        logits: The logits.
        temperature: The temperature in the middle.
        width: The largest difference from it.
        exponent: The exponent of the normalised entropy.
    """
    probabilities = softmax(logits)
    with np.errstate(divide="ignore", invalid="ignore"):
        surprisal = np.where(probabilities > 0, -np.log(probabilities), 0.0)
    entropy = (probabilities * surprisal).sum(axis=1)
    largest = np.log(np.maximum((logits > -np.inf).sum(axis=1), 2))
    low, high = max(temperature - width, MIN_DYNAMIC_TEMPERATURE), temperature + width
    temperatures = low + (high - low) * (entropy / largest).clip(0, 1) ** exponent
    scaled: np.ndarray = (logits - logits.max(axis=1, keepdims=True)) / temperatures[:, None]
    return scaled


def filter_top_n_sigma(logits: np.ndarray, n: float) -> np.ndarray:
    """Keep the steps whose logit is at most n standard deviations below the largest logit.

    The deviation is that of the logits of the possible steps. The same steps stay at any temperature.

    >>> filter_top_n_sigma(np.array([[3.0, 2.9, 0.0, 0.1]]), 1.0)
    array([[ 3. ,  2.9, -inf, -inf]])

    Source: C. Tang et al., "Top-n-sigma: Not All Logits Are You Need", arXiv 2411.07641, section 3.
    """
    possible = logits > -np.inf
    count = possible.sum(axis=1, keepdims=True)
    finite = np.where(possible, logits, 0.0)
    mean = finite.sum(axis=1, keepdims=True) / count
    deviation = np.sqrt((np.where(possible, logits - mean, 0.0) ** 2).sum(axis=1, keepdims=True) / count)
    return np.where(logits >= logits.max(axis=1, keepdims=True) - n * deviation, logits, -np.inf)


def filter_epsilon(weights: np.ndarray, *, epsilon: float = 0.0, eta: float = 0.0) -> np.ndarray:
    r"""Remove improbable steps; the most probable step always stays.

    Epsilon sampling removes steps with a probability below epsilon, eta sampling those below
    :math:`\min(\eta, \sqrt\eta \, e^{-H})`, where H is the entropy: a lower bound where the distribution is flat.

    >>> filter_epsilon(np.array([[0.7, 0.28, 0.02]]), epsilon=0.05)
    array([[0.7 , 0.28, 0.  ]])

    Source: J. Hewitt, C. Manning and P. Liang, "Truncation Sampling as Language Model Desmoothing", Findings of EMNLP
    2022, sections 4.1 and 4.2.

    Args:
        weights: Unnormalised probabilities.
        epsilon: The smallest probability of epsilon sampling; 0 keeps all.
        eta: The parameter of eta sampling; 0 keeps all.
    """
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    smallest = np.full((len(weights), 1), epsilon)
    if eta > 0:
        with np.errstate(divide="ignore", invalid="ignore"):
            surprisal = np.where(probabilities > 0, -np.log(probabilities), 0.0)
        entropy = (probabilities * surprisal).sum(axis=1, keepdims=True)
        smallest = np.maximum(smallest, np.minimum(eta, eta**0.5 * np.exp(-entropy)))
    keep = (probabilities >= smallest) | (probabilities == probabilities.max(axis=1, keepdims=True))
    filtered: np.ndarray = weights * keep
    return filtered


def exclude_top_choices(weights: np.ndarray, threshold: float, applies: np.ndarray) -> np.ndarray:
    """Remove all top choices but the least probable one, in the rows to which this applies (XTC).

    Top choices are the steps with at least the probability `threshold`. A row with fewer than two is left as it is.

    >>> exclude_top_choices(np.array([[0.5, 0.3, 0.2]]), 0.25, np.array([True]))
    array([[0. , 0.3, 0.2]])

    Source: P. E. Weidmann, "Exclude Top Choices", 2024,
    https://github.com/oobabooga/text-generation-webui/pull/6335.

    Args:
        weights: Unnormalised probabilities.
        threshold: The smallest probability of a top choice.
        applies: The rows that are changed, shape (rows,).
    """
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    top = probabilities >= threshold
    least = np.where(top, probabilities, np.inf).min(axis=1, keepdims=True)
    removed = top & (probabilities > least) & applies[:, None]
    return np.where(removed, 0.0, weights)


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
