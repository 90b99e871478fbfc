"""Inference: a trained network on arrays, one step at a time. No torch.

`Engine` reads prompts and steps, `Ensemble` averages several engines, and `kernels.c` has the inner loops.
"""

from seqforge.inference.device import CPU, device_products
from seqforge.inference.engine import Engine
from seqforge.inference.ensemble import Ensemble, log_softmax
from seqforge.inference.guidance import GuidedEngine
from seqforge.inference.kernels import instruction_set
from seqforge.inference.prompts import Conditions, PromptBatch, join_prompts, prompt_batch
from seqforge.inference.stepping import MAX_ROWS, Beginning, EngineState, StepEngine
from seqforge.inference.weights import NetworkWeights
from seqforge.network.precision import Precision

__all__ = [
    "CPU",
    "MAX_ROWS",
    "Beginning",
    "Conditions",
    "Engine",
    "EngineState",
    "Ensemble",
    "GuidedEngine",
    "NetworkWeights",
    "Precision",
    "PromptBatch",
    "StepEngine",
    "device_products",
    "instruction_set",
    "join_prompts",
    "log_softmax",
    "prompt_batch",
]
