"""Join models of the same network as the members of one model file, whose predictions are averaged.

python -m tools.join_members runs/text/0001 runs/text/0002 -o members.safetensors

`seqforge train --members` trains the members of one file together. This tool makes the same file from runs that were
trained apart, such as on several machines. The header is that of the first model; its provenance names all of them.
"""

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from seqforge import Model, load
from seqforge.api.run_writer import licences_of
from seqforge.errors import SeqforgeError
from seqforge.modelfile import write_model

__all__ = ["join_members"]


def join_members(models: Sequence[Model], path: Path) -> None:
    """Write the members of all models as one model.

    Example:
        join_members([load("runs/text/0001"), load("runs/text/0002")], Path("members.safetensors"))

    Args:
        models: Two or more models of the same network and the same codec.
        path: The file to write.

    Raises:
        ValueError: If the networks or the codecs differ.
    """
    first = models[0].header
    for model in models[1:]:
        if (model.header.network, model.header.space) != (first.network, first.space):
            raise ValueError(f"the networks of {models[0].name} and {model.name} differ; join models of one network")
        if model.header.codec != first.codec:
            raise ValueError(f"the codecs of {models[0].name} and {model.name} differ; join models of one corpus")
    members = [member.arrays for model in models for member in model.members]
    arrays = {f"members.{number}.{name}": array for number, part in enumerate(members) for name, array in part.items()}
    provenance = {**first.provenance, "joined_from": [model.name for model in models]}
    provenance["licences"] = licences_of((), models)
    provenance.pop("valid_nats_per_unit", None)
    write_model(path, dataclasses.replace(first, members=len(members), provenance=provenance), arrays)


def main() -> None:
    """Write the file, and evaluate each model and the result on the valid split."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="run folders or model files, two or more")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the file to write")
    arguments = parser.parse_args()
    if len(arguments.models) < 2:
        parser.error("two or more models are needed")
    try:
        models = [load(name) for name in arguments.models]
        join_members(models, arguments.output)
        for model in [*models, load(arguments.output)]:
            loss = model.evaluate(split="valid").nats_per_unit
            sys.stdout.write(f"{model.name}: {loss:.4f} nats per {model.header.unit} on valid\n")
    except (SeqforgeError, ValueError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()
