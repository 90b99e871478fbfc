"""Temperature scaling: one number that makes the probabilities of a classifier as certain as they are right."""

import numpy as np

from seqforge.evaluation.classification import classify

__all__ = ["TEMPERATURES", "fit_temperature"]

TEMPERATURES = (0.1, 10_000.0)
"""The lowest and the highest temperature that is fitted."""
ITERATIONS = 60
"""The number of halvings of the interval; the temperature is then exact to the precision of a float."""


def fit_temperature(nats: np.ndarray, log_prior: np.ndarray, targets: np.ndarray) -> float:
    """Return the temperature with the lowest mean nats of the true values.

    >>> nats = np.array([[10.0, 14.0], [20.0, 24.0], [34.0, 30.0], [40.0, 44.0]])
    >>> temperature = fit_temperature(nats, np.log([0.5, 0.5]), np.array([0, 0, 1, 1]))  # one of four is wrong
    >>> classify(nats, np.log([0.5, 0.5]), temperature).max(1).round(3).tolist()
    [0.75, 0.75, 0.75, 0.75]

    The mean nats are convex in the inverse temperature. Their derivative there is the mean difference between the
    likelihood of the true value and the expected one, and its zero is found by bisection. If the classifier is never
    wrong, or never better than the prior, the result is one end of `TEMPERATURES`.

    Source: C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On Calibration of Modern Neural Networks", ICML 2017,
    section 4.2.

    Args:
        nats: The negative log-likelihood of each piece given each value, in nats, shape (pieces, values).
        log_prior: The logarithm of the prior probability of each value, shape (values,) or (pieces, values).
        targets: The index of the true value of each piece, shape (pieces,). The pieces should not be those on which the
            classifier is evaluated.
    """
    true = nats[np.arange(len(targets)), targets]
    low, high = np.log(TEMPERATURES)
    for _ in range(ITERATIONS):
        middle = (low + high) / 2
        expected = (classify(nats, log_prior, float(np.exp(middle))) * nats).sum(1)
        if (true - expected).mean() < 0:  # a lower temperature makes the true values more probable
            high = middle
        else:
            low = middle
    return float(np.exp((low + high) / 2))
