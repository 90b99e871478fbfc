"""The steps of the corpus that a model was trained on, and the limit of what is copied from them."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from seqforge.api.generated import Generated
from seqforge.api.model_base import ModelBase
from seqforge.api.model_sources import sources_of_model
from seqforge.core.run_index import RunIndex
from seqforge.core.sequences import Prompt
from seqforge.core.spaces import Categorical
from seqforge.corpus import prepare
from seqforge.errors import RequestError, UsageError
from seqforge.plugin.validation import validate_example
from seqforge.sampling.copy_limit import CopyLimit

__all__ = ["copied_run", "limit_copying", "training_steps"]


def training_steps(model: ModelBase) -> list[np.ndarray]:
    """Return the steps of each piece of the train split of a model's corpus, as the model's codec encodes them.

    Example:
        print(sum(map(len, training_steps(seqforge.load("abc")))), "steps")

    Raises:
        UsageError: If the corpus is not found.
    """
    _, sources = sources_of_model(model.plugin, model.path, model.header.provenance, None, None)
    dataset = prepare(model.plugin, model.options, sources, codec=model.codec).datasets["train"]
    return [np.array(dataset.steps(number)) for number in range(len(dataset))]


def limit_copying(model: ModelBase, prompts: Sequence[Prompt], limit: int) -> list[Prompt]:
    """Return prompts whose constraints also forbid runs of more than `limit` steps of the training corpus.

    Args:
        model: The model.
        prompts: The prompts.
        limit: The length of the longest run that may be written, in steps.

    Raises:
        RequestError: If the steps are not symbols, or the corpus is not found.
    """
    space = model.header.space
    if not isinstance(space, Categorical):
        raise RequestError(
            f"`max_copy` applies to symbols, and the steps of this model are {space.kind}, which never repeat exactly;"
            " leave it out",
            field="max_copy", value=limit, allowed="0",
        )  # fmt: skip
    index = model.run_indices.get(limit)
    if index is None:
        try:
            steps = training_steps(model)
        except UsageError as error:
            raise RequestError(
                f"`max_copy` needs the corpus that the model was trained on: {error}", field="max_copy", value=limit
            ) from error
        index = model.run_indices[limit] = RunIndex(steps, longest=limit + 1)
    return [
        dataclasses.replace(
            prompt,
            constraint=CopyLimit(
                prompt.constraint, index, limit, size=space.size, prompt_steps=len(prompt.example.steps)
            ),
        )
        for prompt in prompts
    ]


def copied_run(model: ModelBase, generated: Generated, limit: int, *, prompt_steps: int) -> int:
    """Return the length of the longest run of the training corpus in a piece as its file is encoded.

    The codec may encode a written piece in other steps than those that were drawn, such as a tune in another unit
    length. The steps that were drawn are within the limit (`limit_copying`).

    Args:
        model: The model; `limit_copying` has been called with the limit.
        generated: The piece.
        limit: The length of the longest run that may be written, in steps.
        prompt_steps: Number of steps of the prompt; runs that end within as many steps do not count.

    Returns:
        The length, at most `limit` + 1; 0 if the steps are those that were drawn.
    """
    steps = validate_example(model.plugin, model.codec, model.codec.encode(generated.piece)).steps
    if np.array_equal(steps, np.concatenate([example.steps for example in generated.examples])):
        return 0
    index, longest = model.run_indices[limit], 0
    run: tuple[int, ...] = ()
    for position, step in enumerate(steps.tolist(), 1):
        run = index.longest_suffix((*run, step))
        longest = max(longest, len(run) if position > prompt_steps else 0)
    return longest
