"""Temperature: one number that mends a network which is too sure of itself, or not sure enough.

Separate from calibration because it changes predictions instead of judging them. No class changes, only the confidence.
"""

from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar

from core.exceptions import InvalidParameter
from core.predictions import Predictions

LOWEST, HIGHEST = 0.05, 20.0


def temperature(predictions: Predictions) -> float:
    """Return the temperature by which logits must be divided for the least cross entropy.

    Above 1 the network was too sure. It must be found on other images than those it is then shown on: on validation, for
    test. Samples without a prediction are left out.

    Returns:
        In [0.05, 20]; an end where every larger or smaller one would be better still (a network that is never wrong). NaN
        without a sample.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
    """
    counted = predictions.has_prediction
    logits = predictions.logits[counted].astype(np.float64)
    labels = predictions.labels[counted]
    if not len(labels):
        return float("nan")
    shifted = logits - logits.max(axis=1, keepdims=True)
    own = shifted[np.arange(len(labels)), labels]

    def loss(log_temperature: float) -> float:
        sharpness = np.exp(-log_temperature)
        return float((np.log(np.exp(shifted * sharpness).sum(axis=1)) - own * sharpness).mean())

    ends = (np.log(LOWEST), np.log(HIGHEST))
    found = minimize_scalar(loss, bounds=ends, method="bounded", options={"xatol": 1e-4})
    best = min((float(found.x), *ends, 0.0), key=loss)
    return float(np.exp(best))


def tempered(predictions: Predictions, temperature: float) -> Predictions:
    """Return the same predictions with logits divided by a temperature.

    Raises:
        InvalidParameter: the temperature is not a positive number.
    """
    if not temperature > 0 or not np.isfinite(temperature):
        raise InvalidParameter(f"temperature must be above 0; got {temperature}.")
    return replace(predictions, logits=predictions.logits / np.float32(temperature))
