"""Checks of the capabilities: augmentation, division, fingerprints, statistics, streaming and previews."""

import io
import wave
from dataclasses import replace

import numpy as np

from seqforge.api.text import text_of
from seqforge.core.places import Places
from seqforge.core.safe_svg import safe_svg
from seqforge.core.spaces import Categorical
from seqforge.errors import ReadError, listing
from seqforge.plugin import (
    Aligns,
    Classifies,
    Describes,
    Divides,
    Fingerprints,
    FromText,
    Piece,
    Preview,
    Previews,
    Streams,
)
from seqforge.plugin.alignment import aligned_history
from seqforge.plugin.first_steps import first_step_classes
from seqforge.plugin.validation import (
    validate_fingerprints,
    validate_parts,
    validate_units,
    validated_augment,
)
from seqforge.testing._compare import digest
from seqforge.testing._results import CheckSkipped
from seqforge.testing._subject import Subject
from seqforge.testing._violations import check_violations, is_valid_sample

FRACTIONS = (0.5, 0.25, 0.25, 0.0)
STRANGE_TEXTS = ("\0", " ", "\n\n", "x" * 1000, "\N{SNOWMAN}\ufeff\r\n")


def augmentation_is_valid(subject: Subject) -> str:
    """`augment` returns a new example with as many valid steps and known labels, which depends on `rng` alone."""
    codec, changed = subject.codec, 0
    augment = validated_augment(subject.plugin, codec)
    if augment is None:
        raise CheckSkipped("the codec does not augment")
    valid = {subject.sample_name(number) for number in range(len(subject.pieces)) if is_valid_sample(subject, number)}
    for name, example in subject.short_samples:
        before = digest(example)
        for seed in range(3):
            with subject.calling("augment", name):
                variant = augment(example, np.random.default_rng(seed))
                again = augment(example, np.random.default_rng(seed))
            if any(value not in codec.labels.get(label, ()) for label, value in variant.labels.items()):
                raise subject.failure("augment", f"returns the labels {dict(variant.labels)}", "labels of the codec")
            if digest(variant) != digest(again):
                raise subject.failure("augment", "returns two variants for one seed; use no randomness but `rng`")
            if digest(example) != before:
                raise subject.failure("augment", "changes the example that it receives", "a new one")
            with subject.calling("decode", f"a variant of {name}"):
                piece = codec.decode(variant)
            if name in valid:
                check_violations(subject, piece, f"a variant of {name}", method="augment")
            changed += digest(variant) != before
    return f"{changed} of {3 * len(subject.short_examples)} variants differ from their piece"


def places_are_valid(subject: Subject) -> str:
    """`places` returns Places whose `places` array equals `place` after each step, and which change no state."""
    plugin, codec = subject.plugin, subject.codec
    if not isinstance(codec, Aligns):
        raise CheckSkipped("the codec names no places")
    with subject.calling("places", "the codec"):
        history = aligned_history(plugin, codec)
    if history is None or not isinstance(codec.space, Categorical):
        raise CheckSkipped("the codec names no places with these options")
    rng, equal_steps, total = np.random.default_rng(0), 0, 0
    random_steps = [rng.integers(0, codec.space.size, 40).astype(codec.space.dtype) for _ in range(5)]
    for number, steps in enumerate([*(example.steps for example in subject.short_examples), *random_steps]):
        samples = len(subject.short_examples)
        name = f"sample {number + 1}" if number < samples else f"random steps {number - samples + 1}"
        with subject.calling("places", name):
            references = history.references(steps)
            at_once, in_turn = history.places.places(steps), Places.places(history.places, steps)
            again = Places.places(history.places, steps)
            index = history.index()
            rows = [index.references()]
            for step in steps.tolist():
                index.add(step)
                rows.append(index.references())
        if not np.array_equal(in_turn, again):
            raise subject.failure("places", f"of {name} depend on earlier calls; `advance` must return a new state")
        if not np.array_equal(at_once, in_turn):
            position = int(np.flatnonzero((at_once != in_turn).any(1))[0])
            problem = f"of {name} returns {at_once[position].tolist()} after {position} steps"
            raise subject.failure("places", problem, f"{in_turn[position].tolist()} as `place` does")
        if rows != references.tolist():
            raise subject.failure("places", f"of {name} gives other references step by step than at once")
        if number < samples:
            aligned = references[:-1, : len(history.distances)]
            equal_steps += int((aligned == steps.astype(np.int64)[:, None] + 1).any(1).sum())
            total += len(steps)
    return f"{equal_steps / max(1, total):.0%} of the steps equal a corresponding one; distances {history.distances}"


def classes_are_stated(subject: Subject) -> str:
    """`classes` returns values with different steps, and a piece decodes with each of them as its first step."""
    codec, variants = subject.codec, 0
    if not isinstance(codec, Classifies):
        raise CheckSkipped("the codec names no classes")
    with subject.calling("classes", "the codec"):
        classes = first_step_classes(subject.plugin, codec)
    for name, example in subject.short_samples[:5]:
        for property_name, steps in classes.items():
            for value, step in steps.items():
                if example.steps[0] not in steps.values():
                    continue
                variant = replace(example, steps=np.array([step, *example.steps[1:]], example.steps.dtype))
                with subject.calling("decode", f"{name} with the {property_name} {value!r}"):
                    piece = codec.decode(variant)
                with subject.calling("encode", f"{name} with the {property_name} {value!r}"):
                    first = codec.encode(piece).steps[:1].tolist()
                if first != [step] and "round_trip" not in subject.failed:
                    problem = f"of {name} with the {property_name} {value!r} gives the first step {first}"
                    raise subject.failure("encode", problem, f"{step}, as `classes` says")
                variants += 1
    return f"{listing(classes)}; {variants} variants"


def pieces_are_divided(subject: Subject) -> str:
    """`divide` returns one part per fraction, an empty one for 0, and the parts have all units of the piece."""
    plugin, codec, examples = subject.plugin, subject.codec, subject.examples
    if not isinstance(plugin, Divides):
        raise CheckSkipped("the plugin does not divide")
    subject.require("units_add_up")
    for number, piece in enumerate(subject.pieces[:10]):
        with subject.calling("divide", subject.sample_name(number)):
            parts = validate_parts(plugin, plugin.divide(piece, list(FRACTIONS)), FRACTIONS)
        with subject.calling("encode", f"the parts of {subject.sample_name(number)}"):
            units = [float(validate_units(plugin, codec, codec.encode(part).steps).sum()) for part in parts]
        total = float(validate_units(plugin, codec, examples[number].steps).sum())
        if units[-1] or abs(sum(units) - total) > 0.02 * total + 1:
            problem = f"returns parts of {units} units for a piece of {total:g}"
            raise subject.failure("divide", problem, "parts that together make up the piece")
    return f"by the fractions {', '.join(map(str, FRACTIONS))}"


def fingerprints_are_valid(subject: Subject) -> str:
    """`fingerprints` returns integers from 0 to 2^64 - 1, which are the same when it is called again."""
    plugin, total = subject.plugin, 0
    if not isinstance(plugin, Fingerprints):
        raise CheckSkipped("the plugin computes no fingerprints")
    for number, piece in enumerate(subject.pieces):
        name = subject.sample_name(number)
        with subject.calling("fingerprints", name):
            keys = validate_fingerprints(plugin, plugin.fingerprints(piece))
            again = validate_fingerprints(plugin, plugin.fingerprints(piece))
        if any(not 0 <= key < 2**64 for key in keys):
            raise subject.failure("fingerprints", f"of {name} returns {keys[:3]}", "integers from 0 to 2^64 - 1")
        if sorted(keys) != sorted(again):
            raise subject.failure("fingerprints", f"of {name} returns other keys the second time", "the same")
        total += len(keys)
    return f"{total / len(subject.pieces):.0f} keys per piece"


def texts_become_pieces(subject: Subject) -> str:
    """`piece_from_text` returns a piece for the text of each sample, and a piece or a ReadError for any other text."""
    plugin = subject.plugin
    if not isinstance(plugin, FromText):
        raise CheckSkipped("the plugin makes no pieces from text")
    texts = {subject.sample_name(number): text_of(plugin, [piece]) for number, piece in enumerate(subject.pieces[:10])}
    texts |= {repr(text[:10]): text for text in STRANGE_TEXTS}
    for name, text in texts.items():
        if not text:
            continue
        with subject.calling("piece_from_text", name):
            item: object = plugin.piece_from_text(text, subject.options)
        if not isinstance(item, Piece | ReadError):
            raise subject.failure("piece_from_text", f"returns {type(item).__name__}", "a Piece or a ReadError")
        if isinstance(item, ReadError) and text not in STRANGE_TEXTS:
            raise subject.failure("piece_from_text", f"of the text of {name} returns the ReadError {item}", "a Piece")
    return f"{len(texts)} texts"


def statistics_are_valid(subject: Subject) -> str:
    """`describe` returns named integer arrays, `trace` integers, `measure` figures, `similarity` a square matrix."""
    plugin = subject.plugin
    if not isinstance(plugin, Describes):
        raise CheckSkipped("the plugin has no statistics")
    names: set[str] = set()
    for number, piece in enumerate(subject.pieces):
        with subject.calling("describe", subject.sample_name(number)):
            statistics = plugin.describe(piece)
        for name, values in statistics.items():
            if np.ndim(values) != 1 or not np.issubdtype(np.asarray(values).dtype, np.integer):
                raise subject.failure(
                    "describe", f"returns {values!r} as {name!r}", "one-dimensional arrays of integers"
                )
        names.update(statistics)
        with subject.calling("trace", subject.sample_name(number)):
            trace = list(plugin.trace(piece))
        if any(not isinstance(value, int | np.integer) for value in trace):
            raise subject.failure("trace", f"of {subject.sample_name(number)} returns {trace[:3]}", "integers")
        with subject.calling("similarity", subject.sample_name(number)):
            matrix = plugin.similarity(piece)
        if matrix is not None and (matrix.shape != (len(matrix), len(matrix)) or not (abs(matrix - 0.5) <= 0.5).all()):
            raise subject.failure(
                "similarity", f"of {subject.sample_name(number)} has the shape {matrix.shape}", "(parts, parts), 0 to 1"
            )
    for pieces in (subject.pieces, subject.pieces[:1]):
        with subject.calling("measure", f"{len(pieces)} samples"):
            measures = {name: float(value) for name, value in plugin.measure(pieces).items()}
        names.update(measures)
    return ", ".join(sorted(names))


def steps_are_streamed(subject: Subject) -> str:
    """The function that `stream` returns gives, step by step, the text that `decode` gives, each time it is called."""
    codec = subject.codec
    if not isinstance(codec, Streams):
        raise CheckSkipped("the codec does not stream")
    for name, example in subject.short_samples:
        with subject.calling("stream", name):
            first, second = ([add(step) for step in example.steps] for add in (codec.stream(), codec.stream()))
        if any(not isinstance(text, str) for text in first):
            raise subject.failure("stream", "returns a function that does not return strings")
        if first != second:
            raise subject.failure("stream", "returns a function that gives another text the second time")
        with subject.calling("decode", name):
            content = codec.decode(example).content
        if "round_trip" not in subject.failed and isinstance(content, str) and "".join(first) != content:
            raise subject.failure("stream", f"of {name} gives another text than `decode`")
    return f"{len(subject.short_examples)} samples"


def previews_are_valid(subject: Subject) -> str:
    """`preview` returns a Preview with text, a picture in safe SVG or a WAV file, and the same one the second time."""
    plugin, parts = subject.plugin, set()
    if not isinstance(plugin, Previews):
        raise CheckSkipped("the plugin has no previews")
    for number, piece in enumerate(subject.pieces[:2]):
        name = subject.sample_name(number)
        with subject.calling("preview", name):
            preview, again = plugin.preview(piece), plugin.preview(piece)
        if not isinstance(preview, Preview):
            raise subject.failure("preview", f"of {name} returns {type(preview).__name__}", "a Preview")
        if preview != again:
            raise subject.failure("preview", f"of {name} returns another preview the second time", "the same")
        with subject.calling("sketch", name):
            plugin.sketch(piece)
        for region in preview.regions:
            if region.element and f'id="{region.element}"' not in preview.svg:
                raise subject.failure("preview", f"of {name} has no element {region.element!r}, which a region names")
            if any(not 0 <= start <= end for start, end in region.spans):
                raise subject.failure("preview", f"of {name} has a region whose spans are not ascending times")
        if preview.svg and not safe_svg(preview.svg):
            raise subject.failure("preview", f"of {name} returns a picture that is no SVG, or that declares entities")
        if preview.audio:
            try:
                wave.open(io.BytesIO(preview.audio)).close()
            except (wave.Error, EOFError) as error:
                problem = f"of {name} returns sound that is no WAV file ({error})"
                raise subject.failure("preview", problem) from error
        parts |= {part for part in ("svg", "audio", "text") if getattr(preview, part)}
    if not parts:
        raise subject.failure("preview", "returns empty previews", "a picture, sound or text")
    return ", ".join(sorted(parts))
