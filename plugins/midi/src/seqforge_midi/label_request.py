"""The labels of a request: the key that it names, and the labels of the file that it continues or edits."""

import dataclasses
from collections.abc import Mapping

from seqforge import Prompt, ReadError
from seqforge_midi.request import MidiRequest, parse_key
from seqforge_midi.song_files import read_song_file
from seqforge_midi.song_labels import song_labels


def requested_labels(request: MidiRequest, names: tuple[str, ...]) -> dict[str, str]:
    """Return the labels that condition the song of a request.

    A song that is continued or edited has all labels of its file, a melody that is accompanied has its key. The field
    `key` has precedence over the key of the file.

    Example:
        labels = requested_labels(MidiRequest(key="G"), ("key", "density"))
        labels  # {"key": "G"}

    Args:
        request: The request.
        names: The names of the labels that the model computes.

    Raises:
        RequestError: If the text of the key names none.
    """
    labels: dict[str, str] = {}
    path = request.melody_file or request.prompt_file
    if path is not None and path.is_file():  # a file that is missing or damaged is reported where it is used
        piece = next(iter(read_song_file(path)))
        if not isinstance(piece, ReadError):
            labels = song_labels(piece.content, names)
    if request.melody_file is not None:
        labels = {name: value for name, value in labels.items() if name == "key"}
    if request.key and "key" in names:
        labels["key"] = str(parse_key(request.key))
    return labels


def with_labels(prompt: Prompt, labels: Mapping[str, str]) -> Prompt:
    """Return a prompt whose example has labels."""
    if not labels:
        return prompt
    example = dataclasses.replace(prompt.example, labels={**prompt.example.labels, **labels})
    return dataclasses.replace(prompt, example=example)
