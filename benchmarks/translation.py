"""Measure translation by BLEU and chrF, with attention by content and without attention.

    python benchmarks/translation.py --data multi30k --minutes 20

The folder has the parallel files train.de, train.en, val.de, val.en, and test files such as test_2016_flickr.de; they
may be compressed (.gz). Both models are trained on the same pairs for the same time, one after the other, with the same
number of threads: words that occur once are spelt, the rest are steps. The baseline is the encoder-decoder without
attention of I. Sutskever, O. Vinyals and Q. Le, "Sequence to Sequence Learning with Neural Networks", NIPS 2014.

BLEU and chrF are those of sacrebleu on the written text, with capitals and punctuation.
"""

import argparse
import gzip
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import seqforge

SEARCHES: dict[str, dict[str, Any]] = {
    "greedy": {},
    "beam 4": {"beams": 4},
    "beam 4, length penalty 0.6, coverage penalty 0.2": {"beams": 4, "length_penalty": 0.6, "coverage_penalty": 0.2},
}


def read_lines(folder: Path, prefix: str, language: str) -> list[str]:
    """Return the lines of the file of a split in one language; the first one by name if there are several."""
    paths = sorted(path for path in folder.glob(f"{prefix}*") if f".{language}" in path.suffixes)
    if not paths:
        raise SystemExit(f"{folder} has no file {prefix}*.{language} or {prefix}*.{language}.gz")
    opened = gzip.open if paths[0].suffix == ".gz" else open
    with opened(paths[0], "rt", encoding="utf-8") as file:
        return [" ".join(line.split()) for line in file]


def write_pairs(data: Path, folder: Path, languages: tuple[str, str]) -> None:
    """Write the splits as files of tab-separated pairs into folders train/, valid/ and test/."""
    for prefix, split in (("train", "train"), ("val", "valid"), ("test", "test")):
        sources, targets = (read_lines(data, prefix, language) for language in languages)
        if len(sources) != len(targets):
            raise SystemExit(f"the files {prefix}* of {data} have {len(sources)} and {len(targets)} lines")
        (folder / split).mkdir()
        lines = [f"{source}\t{target}\n" for source, target in zip(sources, targets, strict=True)]
        (folder / split / f"{split}.tsv").write_text("".join(lines), encoding="utf-8")


def train(corpus: Path, attention: str, seed: int, arguments: argparse.Namespace) -> seqforge.Model:
    """Return a model that was trained on the pairs."""
    run = {} if arguments.run is None else {"run": f"{arguments.run}-{attention}-{seed}"}
    return seqforge.train(
        "text", corpus=str(corpus), pairs="tsv", level="word", attention=attention, minutes=arguments.minutes,
        threads=arguments.threads, seed=seed, layers=2, hidden=256, embedding=128, dropout=0.4,
        recurrent_dropout=0.0, batch_size=16, bptt=64, learning_rate=0.003, **run,
    )  # fmt: skip


def evaluate(name: str, model: seqforge.Model, corpus: Path, limit: int | None) -> list[dict[str, Any]]:
    """Return the metrics of a model with each search, and print them."""
    reports = []
    for search, options in SEARCHES.items():
        if model.header.network.attention != "content" and "coverage_penalty" in options:
            continue
        start = time.perf_counter()
        result = model.evaluate_predictions(["bleu", "chrf"], [str(corpus)], split="test", limit=limit, **options)
        values = ", ".join(f"{metric} {value:.2f}" for metric, value in result.metrics.items())
        print(f"{name}, {search}: {values}; {time.perf_counter() - start:.0f} s", flush=True)
        reports.append({"name": name, "search": search, **result.to_json()})
    return reports


def main() -> None:
    """Train the models, and print their metrics."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder with the parallel files")
    parser.add_argument("--source", default="de", help="suffix of the source files")
    parser.add_argument("--target", default="en", help="suffix of the target files")
    parser.add_argument("--minutes", type=float, default=20.0, help="training time of each model")
    parser.add_argument("--threads", type=int, default=1, help="number of threads")
    parser.add_argument("--members", type=int, default=1, help="number of models with attention that are averaged")
    parser.add_argument("--limit", type=int, help="the largest number of sentences of the test split")
    parser.add_argument("--run", help="the beginning of the names of the run folders; default: in runs/text/")
    parser.add_argument("--no-baseline", action="store_true", help="do not train the model without attention")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "pairs")
        corpus.mkdir()
        write_pairs(arguments.data, corpus, (arguments.source, arguments.target))
        reports, members = [], []
        for seed in range(arguments.members):
            members.append(train(corpus, "content", seed, arguments))
            steps = members[-1].header.provenance.get("steps")
            print(json.dumps({"attention": "content", "seed": seed, "steps": steps}))
        reports += evaluate("attention by content", members[0], corpus, arguments.limit)
        if len(members) > 1:
            members[0].ensemble_with(members[1:])
            reports += evaluate(f"{len(members)} models averaged", members[0], corpus, arguments.limit)
        if not arguments.no_baseline:
            baseline = train(corpus, "none", 0, arguments)
            print(json.dumps({"attention": "none", "steps": baseline.header.provenance.get("steps")}))
            reports += evaluate("no attention", baseline, corpus, arguments.limit)
    print(json.dumps(reports))


if __name__ == "__main__":
    main()
