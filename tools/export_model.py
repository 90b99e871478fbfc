"""Makes of a run's model the file that ships in a plugin's package: in bfloat16, half the size.

python -m tools.export_model out/models/text plugins/text/src/seqforge_text/models/default.safetensors
"""

import argparse
import dataclasses
import sys
from pathlib import Path

from seqforge.corpus import find_corpus, find_sources, prepare
from seqforge.errors import SeqforgeError
from seqforge.core.files import make_folder
from seqforge.api.model import Model, load
from seqforge.api.run_writer import licence_of
from seqforge.modelfile import ModelHeader, write_model


def main() -> None:
    """Write the file, then measure both on the split they were chosen by."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="a run's folder, or a model file")
    parser.add_argument("output", type=Path)
    parser.add_argument("--corpus", help="an installed one, whose pieces the model offers (the hands of its writers),"
                        " where it was trained on more than that")  # fmt: skip
    asked = parser.parse_args()
    try:
        model = load(asked.run)
        header = header_for(model, asked.corpus) if asked.corpus else model.header
        make_folder(asked.output.parent)
        write_model(asked.output, header, model.network.state_dict(), precision="bfloat16")
        where = asked.corpus or None
        before, after = (each.evaluate(where, split="valid").nats_per_unit for each in (model, load(asked.output)))
    except SeqforgeError as error:
        sys.exit(str(error))
    sys.stdout.write(
        f"{asked.output}: {asked.output.stat().st_size / 1e6:.1f} MB,"
        f" {after:.4f} nats per {model.header.unit} on valid (float32 {before:.4f})\n"
    )


def header_for(model: Model, corpus: str) -> ModelHeader:
    """Return a model's header with what its codec offers taken from an installed corpus."""
    sources = find_sources([corpus], reads=model.plugin.reads, domain=model.plugin.name)
    codec = prepare(model.plugin, model.options, sources, codec=model.codec, widen=True).codec
    provenance = {**model.header.provenance, "corpus": [corpus], "licences": [licence_of(find_corpus(corpus))]}
    return dataclasses.replace(
        model.header,
        codec={"version": codec.version, "data": codec.to_json()},
        arrays=dict(codec.arrays()),
        provenance=provenance,
    )


if __name__ == "__main__":
    main()
