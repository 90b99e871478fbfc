"""The files that are mutated: small valid files of every kind, built once in a folder."""

import contextlib
import dataclasses
import json
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

__all__ = ["TINY", "build_readable_files", "build_seeds", "prose", "working_in"]

TINY: dict[str, Any] = {
    "hidden": 16,
    "layers": 1,
    "embedding": 8,
    "batch_size": 4,
    "bptt": 16,
    "precision": "float32",
    "threads": 1,
}
"""Options of a training that takes a second."""
SHIPPED = (
    "text:default", "abc:default", "midi:songs", "midi:chorales", "midi:drums", "handwriting:default", "midi:voices",
)  # fmt: skip
INKML = '<ink xmlns="http://www.w3.org/2003/InkML">'
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="100mm" height="20mm" viewBox="0 0 100 20">'
INKS = {
    "a.inkml": INKML + '<annotation type="truth">so it</annotation><traceFormat><channel name="X"/><channel name="Y"/>'
    "<channel name=\"T\"/></traceFormat><traceGroup><trace>1 2 0, 3 4 1, 5 9 2</trace><trace>1125 18432 1,'23'43'7,"
    '"7"-8"1,3-5 2,*6 8,!5!5 *</trace></traceGroup></ink>',
    "b.svg": SVG + '<style>.pen{stroke:#123;fill:none}</style><defs><symbol id="a"><path d="M1 2q3 4 5 6t2 2"'
    ' class="pen"/></symbol></defs><g transform="translate(10 0) scale(2) rotate(5)" fill="none" stroke="black">'
    '<path d="M1 2 L3 4 5 6h2v-2c1 1 2 2 3 1s4 4 5 5a5 3 20 0 1 8 8M7 7l1e1 .5"/><polyline points="1,2 3,4 5,6"/>'
    '<line x1="1" y1="1" x2="2" y2="1"/></g><svg x="10" y="0" width="20" height="20" viewBox="0 0 10 10"><path'
    ' stroke="red" style="fill:none" d="M1 2L3 4"/></svg><use href="#a" x="1"/></svg>',
    "c.json": '[{"writer": "w1", "kind": "line", "text": "so", "strokes": [[1, 2, 3, 4, 5, 1], [10, 0, 3, -4]]},'
    ' {"strokes": [[5, 5, 1.5, -2e0]]}]',
}


def build_seeds(folder: Path, *, shipped: Sequence[str] = SHIPPED) -> None:
    """Write the seed files of every kind to FOLDER/KIND/, unless they are there.

    Args:
        folder: The folder.
        shipped: Names of the shipped models from which small models are built.
    """
    if (folder / "complete").exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    build_readable_files(folder)
    _build_models(folder / "model", shipped)
    _build_run(folder)
    (folder / "complete").touch()


def prose(characters: int = 6000, *, seed: int = 0) -> str:
    """Return text of words in random order, no part of which is a near duplicate of another."""
    words = "the quick brown fox jumps over a lazy dog while seven green bottles hang on that wall"
    rng, text = random.Random(seed), ""
    while len(text) < characters:
        text += " ".join(rng.choices(words.split(), k=9)) + ".\n"
    return text


@contextlib.contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Use a working folder, and a cache in it, within a `with` block."""
    cache = os.environ.get("SEQFORGE_CACHE")
    os.environ["SEQFORGE_CACHE"] = str(folder / "cache")
    with contextlib.chdir(folder):
        yield
    if cache is None:
        del os.environ["SEQFORGE_CACHE"]
    else:
        os.environ["SEQFORGE_CACHE"] = cache


def build_readable_files(folder: Path) -> None:
    """Write the seed files of every kind that plugins read, and of tables and corpora, to FOLDER/KIND/."""
    corpora = Path(str(files("seqforge_corpora")))
    content: dict[str, str | bytes] = {
        "read-text/a.txt": prose(1500, seed=1) + "\n\n" + prose(300, seed=2),
        "read-text/b.txt": "\ufeffNaïve café “déjà”\r\nline 2\r\rline 4\u2028line 5 👩‍👩‍👧\n",
        "labels/a.csv": 'file,style,bpm\n0.txt,funk,120-139\n1.txt,"a, ""b""",\n"2.txt",soul,100\n',
        "labels/b.csv": "\ufefffile;style\r\n0.txt;x\r\n",
    }
    for number, name in enumerate(("ryans", "cre", "oneills1850")):
        path = next((corpora / name).glob("*.abc"))
        tunes = path.read_text(encoding="utf-8").split("\n\n")
        content[f"read-abc/{name}.abc"] = "\n\n".join(tunes[40 * number : 40 * number + 4]) + "\n"
    for name in ("jsb/train", "groove", "lieder"):
        paths = sorted((corpora / name).glob("*.mid"), key=lambda path: (path.stat().st_size, path.name))
        for path in (paths[0], paths[10]):
            content[f"read-midi/{path.name}"] = path.read_bytes()
    midi = sorted((corpora / "groove").glob("*.mid"))[0].read_bytes()
    content["read-midi/a.rmi"] = b"RIFF" + (len(midi) + 12).to_bytes(4, "little") + b"RMIDdata" + (
        len(midi).to_bytes(4, "little") + midi
    )  # fmt: skip
    lines = (corpora / "unipen" / "train" / "unipen.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    content["read-handwriting/d.jsonl"] = "".join(sorted(lines, key=len)[100:103])
    content |= {f"read-handwriting/{name}": text for name, text in INKS.items()}
    for path in sorted(corpora.glob("*/corpus.toml")):
        content[f"corpus/{path.parent.name}.toml"] = path.read_bytes()
    for name, data in content.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)


def _build_models(folder: Path, shipped: Sequence[str]) -> None:
    """Write models with the codecs of shipped models and with small networks that are not trained."""
    from seqforge.api.model_paths import resolve_model
    from seqforge.modelfile import read_header, write_model
    from seqforge.network import Network

    folder.mkdir()
    for name in shipped:
        header = read_header(resolve_model(name).path)
        shape = dataclasses.replace(header.network, layers=1, hidden=8, embedding=8, encoder_units=2)
        network = Network(header.space, shape, seed=0)
        path = folder / f"{name.replace(':', '-')}.safetensors"
        write_model(path, dataclasses.replace(header, network=shape), network.arrays(), precision="bfloat16")


def _build_run(folder: Path) -> None:
    """Write the files of a training, of its prepared corpus and of a generation."""
    import seqforge
    from seqforge.cli.main import main

    run = folder / "run"
    run.mkdir()
    with working_in(run):
        for number in range(24):
            Path(f"{number}.txt").write_text(prose(300, seed=number), encoding="utf-8")
        Path("corpus").mkdir()
        for path in sorted(Path().glob("*.txt")):
            path.rename(Path("corpus") / path.name)
        (Path("corpus") / "labels.csv").write_text(
            "file,style\n1.txt,plain\n2.txt,rich\n3.txt,plain\n", encoding="utf-8"
        )
        seqforge.train("text", corpus="corpus", steps=60, stop_at=50, run="r", workers=1, **TINY)
        with contextlib.suppress(SystemExit):
            main(["generate", "--model", "r", "-n", "2", "--max-steps", "20", "--quiet", "-o", "out/"])
        with contextlib.suppress(SystemExit):
            main(["generate", "--model", "r", "--max-steps", "20", "--quiet", "-o", "one.txt"])
    copies = {
        "state": [run / "r" / "state.safetensors"],
        "config": [run / "r" / "config.toml"],
        "metrics": [run / "r" / "metrics.jsonl"],
        "manifest": list((run / "cache").rglob("manifest.json")),
        "shard": list((run / "cache").rglob("0*-0*.safetensors")),
        "prepared": [*(run / "cache").rglob("[sc]*.safetensors"), *(run / "cache").rglob("encoded*.json")],
        "provenance": list(run.glob("**/*provenance.json")),
    }
    for kind, paths in copies.items():
        (folder / kind).mkdir()
        for number, path in enumerate(sorted(paths)):
            name = f"{number}.provenance.json" if kind == "provenance" else path.name
            shutil.copyfile(path, folder / kind / name)
        if not paths:
            raise FileNotFoundError(f"there is no seed file of the kind {kind!r}")
    json.loads((folder / "manifest" / "manifest.json").read_text(encoding="utf-8"))
