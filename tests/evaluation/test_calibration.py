"""Temperature scaling: the fitted temperature is the best one, and follows the scale of the likelihoods."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqforge.evaluation import classify, evaluate_classifier, fit_temperature
from seqforge.evaluation.calibration import TEMPERATURES

FLAT = np.log(np.full(3, 1 / 3))


def cases(seed: int, certainty: float) -> tuple[np.ndarray, np.ndarray]:
    """Return nats of 200 pieces with three values, and true values drawn from their posterior, made more certain."""
    rng = np.random.default_rng(seed)
    nats = rng.normal(0, 2, (200, 3))
    targets = np.array([rng.choice(3, p=row) for row in classify(nats, FLAT)])
    return nats * certainty, targets


def loss(nats: np.ndarray, targets: np.ndarray, temperature: float) -> float:
    return evaluate_classifier("kind", "abc", classify(nats, FLAT, temperature), targets).nats


@given(st.integers(0, 1000), st.floats(0.2, 50), st.floats(0.1, 100))
def test_no_temperature_has_lower_nats(seed: int, certainty: float, other: float) -> None:
    nats, targets = cases(seed, certainty)
    fitted = fit_temperature(nats, FLAT, targets)
    assert loss(nats, targets, fitted) <= loss(nats, targets, other) + 1e-9
    assert fit_temperature(3 * nats, FLAT, targets) == pytest.approx(3 * fitted)


def test_temperature_recovers_calibrated_probabilities() -> None:
    nats, targets = cases(0, certainty=8)
    fitted = fit_temperature(nats, FLAT, targets)
    assert fitted == pytest.approx(8, rel=0.3)
    results = [evaluate_classifier("kind", "abc", classify(nats, FLAT, t), targets) for t in (1.0, fitted)]
    assert results[1].accuracy == results[0].accuracy
    assert results[1].calibration_error < results[0].calibration_error / 2


def test_temperature_of_a_classifier_without_errors_or_without_information() -> None:
    nats = np.array([[1.0, 2.0], [2.0, 1.0]])
    flat = np.log([0.5, 0.5])
    assert fit_temperature(nats, flat, np.array([0, 1])) == pytest.approx(TEMPERATURES[0])
    assert fit_temperature(nats, flat, np.array([1, 0])) == pytest.approx(TEMPERATURES[1])
