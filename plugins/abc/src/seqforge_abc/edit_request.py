"""The fields of a request that name a tune to edit: which edit they ask for, and their checks."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from seqforge import RequestError
from seqforge_abc.edits import Edit, answer, rewrite_bars, vary
from seqforge_abc.tempo_request import requested_tempo, with_tempo
from seqforge_abc.tune import Tempo, Tune
from seqforge_abc.tune_choice import TuneChoice

__all__ = ["DEFAULT_KEEP", "EditRequest"]

DEFAULT_KEEP = 0.7
"""The share of the bars that a variation keeps."""
FIELDS = ("vary", "infill", "answer")
"""The fields that name a tune to edit."""
_BESIDE = ("keep", "title", "instrument", "tempo")
"""The fields that may be set, too, if a tune is edited; the tune has its own key, meter, rhythm and bars."""


@dataclasses.dataclass(frozen=True)
class EditRequest:
    """A request to edit a tune.

    Attributes:
        field: The field that names the tune, one of `FIELDS`.
        choice: The file, the tune in it, and the bars.
        keep: The share of the bars that a variation keeps.
        tempo: The tempo of the result; None for that of the tune.
    """

    field: str
    choice: TuneChoice
    keep: float = DEFAULT_KEEP
    tempo: Tempo | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any], defaults: Mapping[str, Any]) -> "EditRequest | None":
        """Return the edit that the fields of a request ask for, None if they ask for none.

        Args:
            values: The values of all fields of the request.
            defaults: Their default values.

        Raises:
            RequestError: If the fields contradict each other, or a value is not allowed.
        """
        keep = values["keep"]
        if keep is not None and not values["vary"]:
            raise RequestError(
                "`keep` is the share of the bars that a variation keeps; set `vary` to a file, too",
                field="keep", value=keep,
            )  # fmt: skip
        fields = [name for name in FIELDS if values[name]]
        if not fields:
            return None
        field = fields[0]
        others = [name for name in values if name not in (field, *_BESIDE) and values[name] != defaults[name]]
        if others:
            raise RequestError(
                f"`{others[0]}` and `{field}` cannot be set together: the tune in the file determines everything but"
                " the new bars",
                field=others[0], value=values[others[0]],
            )  # fmt: skip
        if keep is not None and not 0 <= keep < 1:
            raise RequestError.invalid("keep", keep, "from 0 to below 1")
        choice = TuneChoice.parse(values[field], field=field)
        if field == "infill" and not choice.bars:
            raise RequestError.invalid(field, choice.text, f"a file with bars, such as {choice.text}:5-8,13")
        if field != "infill" and choice.bars:
            raise RequestError.invalid(
                field, choice.text, "a file without bars", advice="`infill` rewrites the bars that you choose"
            )
        return cls(field, choice, DEFAULT_KEEP if keep is None else keep, requested_tempo(values["tempo"]))

    def edit(self, tune: Tune | None = None) -> Edit:
        """Return the edit.

        Args:
            tune: The tune; None to read it from the file.

        Raises:
            RequestError: If the tune cannot be read or edited so.
        """
        tune = with_tempo(self.choice.read() if tune is None else tune, self.tempo)
        try:
            if self.field == "vary":
                return vary(tune, self.keep)
            return answer(tune) if self.field == "answer" else rewrite_bars(tune, self.choice.bars)
        except ValueError as error:
            raise self.error(str(error)) from error

    def error(self, reason: str) -> RequestError:
        """Return the error of the field that names the tune."""
        return RequestError(f"`{self.field}` is {self.choice.text}: {reason}", field=self.field, value=self.choice.text)
