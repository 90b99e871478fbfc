"""Spelling to pronunciation on CMUdict: phoneme and word error rates, beside an encoder-decoder without attention.

    pip install examples/phonemes
    python benchmarks/phonemes.py --minutes 10

Both are trained on the 113,484 words of `train` for so many minutes, one after the other, on as many threads, and asked
for the same words of `valid`, drawn once. The peer is what one writes first in PyTorch (I. Sutskever, O. Vinyals and
Q. Le, "Sequence to Sequence Learning with Neural Networks", arXiv 1409.3215): nn.LSTM reads the letters last to first,
nn.LSTM of the same shape goes on from its state, Adam, float32, batches of whole words of like length; as wide as it
must be to have as many parameters.

phonemes  edits (insertions, deletions, substitutions) over the phonemes of the reference; where a word has several
          pronunciations, that with the fewest edits.
words     those that none of their references matches.

Both are told with stress dropped, as papers on CMUdict do, and with stress kept (AH0 and AH1 are two phonemes).
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from _edits import edits
from _spelling import Peer, peer_of, train_peer

import seqforge
from seqforge.corpus import find_corpus

Entries = Mapping[str, Sequence[tuple[str, ...]]]
"""Words and their pronunciations."""
AT_ONCE = 250


def entries_of(side: str) -> dict[str, list[tuple[str, ...]]]:
    """Return the words of a side of CMUdict."""
    plugin, found = seqforge.plugin.registry.load("phonemes"), dict[str, list[tuple[str, ...]]]()
    for path in find_corpus("cmudict").paths():
        if path.parent.name == side:
            for piece in plugin.read(path, plugin.Options()):
                assert isinstance(piece, seqforge.Piece)
                (entry,) = piece.content
                found.setdefault(entry.word, []).append(entry.phonemes)
    return found


def errors(said: Mapping[str, Sequence[str]], references: Entries, *, stress: bool) -> dict[str, float]:
    """Return the shares of phonemes and words that are wrong, in percent."""

    def plain(phonemes: Sequence[str]) -> list[str]:
        return [phoneme if stress else phoneme.rstrip("012") for phoneme in phonemes]

    wrong = total = words = 0
    for word, phonemes in said.items():
        distances = [(edits(plain(phonemes), plain(each)), len(each)) for each in references[word]]
        fewest, length = min(distances)
        wrong, total, words = wrong + fewest, total + length, words + (fewest > 0)
    return {"phonemes_percent": round(100 * wrong / total, 2), "words_percent": round(100 * words / len(said), 2)}


def told(name: str, say: Callable[[Sequence[str]], Mapping[str, Sequence[str]]], wanted: Entries) -> dict[str, Any]:
    """Return name, errors and how long it took to say all words."""
    began, said = time.perf_counter(), dict[str, Sequence[str]]()
    words = list(wanted)
    for first in range(0, len(words), AT_ONCE):
        said |= say(words[first : first + AT_ONCE])
    took = time.perf_counter() - began
    rates = {kind: errors(said, wanted, stress=kind == "stress") for kind in ("plain", "stress")}
    print(
        f"{name:<28} stress dropped: {rates['plain']['phonemes_percent']:5.2f} % of phonemes,"
        f" {rates['plain']['words_percent']:5.2f} % of words; kept: {rates['stress']['phonemes_percent']:5.2f} %,"
        f" {rates['stress']['words_percent']:5.2f} %; said in {took:.0f} s",
        flush=True,
    )
    return {"name": name, "seconds": round(took, 1), **rates}


def ours(model: Any, **asked: Any) -> Callable[[Sequence[str]], Mapping[str, Sequence[str]]]:
    """Return what pronounces words with a model of seqforge."""

    def say(words: Sequence[str]) -> dict[str, Sequence[str]]:
        (piece,) = model.generate(1, words=" ".join(words), **asked)
        return {entry.word: entry.phonemes for entry in piece.content}

    return say


def theirs(peer: Peer, beams: int) -> Callable[[Sequence[str]], Mapping[str, Sequence[str]]]:
    """Return what pronounces words with the peer."""
    return lambda words: dict(zip(words, peer.say(words, beams), strict=True))


def main() -> None:
    """Train both, then print what they get wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--words", type=int, default=2000, help="of the valid split, drawn once")
    parser.add_argument("--model", help="a model file: nothing of ours is trained then")
    parser.add_argument("--run", type=Path, help="the run's folder; default: the next of runs/phonemes/")
    parser.add_argument("--encoder", type=int, help="as of `seqforge train`; 0: attention to the bare letters")
    parser.add_argument("--no-peer", action="store_true")
    asked = parser.parse_args()
    valid = entries_of("valid")
    chosen = sorted(random.Random(0).sample(sorted(valid), min(asked.words, len(valid))))
    wanted = {word: valid[word] for word in chosen}
    if asked.model:
        model = seqforge.load(asked.model)
    else:
        shape = {} if asked.encoder is None else {"encoder_units": asked.encoder}
        threads = torch.get_num_threads()
        model = seqforge.train(
            "phonemes", corpus="cmudict", minutes=asked.minutes, run=asked.run, threads=threads, **shape
        )
    made, parameters = model.header.provenance, model.network.parameter_count()
    head = {"minutes": made.get("minutes"), "steps": made.get("steps"), "parameters": parameters}
    print(json.dumps({**head, "words": len(wanted), "valid_nats_per_phoneme": made.get("valid_nats_per_unit")}))
    found = [told("seqforge, greedy", ours(model, greedy=True), wanted)]
    found.append(told("seqforge, beam 4", ours(model, beams=4), wanted))
    if not asked.no_peer:
        train = entries_of("train")
        peer = peer_of(parameters, train)
        steps = train_peer(peer, train, asked.minutes)
        size = sum(parameter.numel() for parameter in peer.parameters())
        print(json.dumps({"peer": "encoder-decoder", "steps": steps, "parameters": size}))
        found += [told(f"encoder-decoder, {how}", theirs(peer, n), wanted) for how, n in (("greedy", 1), ("beam 4", 4))]
        rates = [each["plain"]["phonemes_percent"] for each in found]
        print(
            f"phonemes wrong, ours over the peer's: {rates[0] / rates[2]:.2f} greedy, {rates[1] / rates[3]:.2f} beam 4"
        )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
