"""Makes of a run's model the file that ships in a plugin's package: in bfloat16, half the size.

python -m seqforge.forge.ship out/models/text plugins/text/src/seqforge_text/models/default.safetensors
"""

import argparse
import sys
from pathlib import Path

from seqforge.errors import SeqforgeError
from seqforge.files import make_folder
from seqforge.forge.model import load
from seqforge.modelfile import write_model


def main() -> None:
    """Write the file, then measure both on the split they were chosen by."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", help="a run's folder, or a model file")
    parser.add_argument("output", type=Path)
    asked = parser.parse_args()
    try:
        model = load(asked.run)
        make_folder(asked.output.parent)
        write_model(asked.output, model.header, model.network.state_dict(), precision="bfloat16")
        before, after = (each.evaluate(split="valid").nats_per_unit for each in (model, load(asked.output)))
    except SeqforgeError as error:
        sys.exit(str(error))
    sys.stdout.write(
        f"{asked.output}: {asked.output.stat().st_size / 1e6:.1f} MB,"
        f" {after:.4f} nats per {model.header.unit} on valid (float32 {before:.4f})\n"
    )


if __name__ == "__main__":
    main()
