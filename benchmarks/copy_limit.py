"""The longest runs that generated pieces share with the training corpus, with and without `max_copy`.

    python benchmarks/copy_limit.py --model abc -n 200 --max-copy 12

Runs are counted in steps, over whole generated pieces, with a suffix array of the training corpus. Prints the median
and the longest run of the pieces, how many pieces have a run above the limit, and the processor time per piece.
"""

import argparse
import time

import seqforge
from seqforge.api.training_corpus import training_steps
from seqforge.evaluation import longest_runs


def main() -> None:
    """Generate with and without the limit, and compare both with the training corpus."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="abc")
    parser.add_argument("-n", type=int, default=200, help="number of pieces")
    parser.add_argument("--max-copy", type=int, default=12)
    parser.add_argument("--free", type=int, default=None, help="number of pieces without the limit; default: n")
    arguments = parser.parse_args()
    model = seqforge.load(arguments.model)
    training = training_steps(model)
    print(f"{len(training):,} training pieces, {sum(map(len, training)):,} steps", flush=True)
    print("limit\tpieces\tmedian\tlongest\tabove the limit\tdistinct\tseconds per piece")
    for limit, n in ((0, arguments.n if arguments.free is None else arguments.free), (arguments.max_copy, arguments.n)):
        if not n:
            continue
        start = time.process_time()
        examples = [model.codec.encode(piece) for piece in model.generate(n, seed=1, max_copy=limit)]
        seconds = (time.process_time() - start) / n
        steps = [example.steps for example in examples]
        lengths = sorted(longest_runs(training, steps))
        above = sum(length > arguments.max_copy for length in lengths)
        distinct = len({values.tobytes() for values in steps})
        print(f"{limit or '-'}\t{n}\t{lengths[n // 2]}\t{lengths[-1]}\t{above}\t{distinct}\t{seconds:.2f}", flush=True)


if __name__ == "__main__":
    main()
