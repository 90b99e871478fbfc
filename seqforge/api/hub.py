"""Models on the Hugging Face Hub: `hf:user/name` as the name of a model, and publishing a model. No torch."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from seqforge.api.model_card import model_card
from seqforge.core.extras import require
from seqforge.errors import RequestError, SeqforgeError
from seqforge.modelfile import read_header

__all__ = ["PREFIX", "HubError", "HubName", "download_model", "is_hub_name", "push_model"]

PREFIX = "hf:"
MODEL_FILE, CARD_FILE = "model.safetensors", "README.md"
NAME = re.compile(r"hf:(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?(:(?P<file>[^:]+\.safetensors))?")


class HubError(SeqforgeError):
    """The Hugging Face Hub cannot be reached, or refuses a request."""


@dataclass(frozen=True)
class HubName:
    """The name of a model on the Hub.

    >>> HubName.parse("hf:ann/reels@v2")
    HubName(repository='ann/reels', revision='v2', file='model.safetensors')

    Attributes:
        repository: The repository, USER/NAME.
        revision: A branch, a tag or a commit; None for the newest commit of the main branch.
        file: The file in the repository.
    """

    repository: str
    revision: str | None = None
    file: str = MODEL_FILE

    @classmethod
    def parse(cls, name: str) -> "HubName":
        """Return the parts of a name such as hf:user/name, hf:user/name@v2 or hf:user/name:reels.safetensors.

        Raises:
            RequestError: If the name has another form.
        """
        match = NAME.fullmatch(name)
        if match is None:
            raise RequestError(
                f"`model` is {name!r}; a model on the Hugging Face Hub is named hf:USER/NAME, perhaps with @REVISION"
                " or :FILE.safetensors",
                field="model", value=name, allowed="hf:USER/NAME",
            )  # fmt: skip
        return cls(match["repository"], match["revision"], match["file"] or MODEL_FILE)


def is_hub_name(name: str) -> bool:
    """Return whether a name stands for a model on the Hub.

    >>> is_hub_name("hf:ann/reels"), is_hub_name("midi:songs")
    (True, False)
    """
    return name.startswith(PREFIX)


def download_model(name: str) -> Path:
    """Return the file of a model on the Hub; it is downloaded once and then read from the cache of the library.

    A model file contains no code, so that a model of a stranger is safe to load. The settings of the library apply:
    HF_TOKEN, HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE.

    Example:
        path = download_model("hf:ann/reels")

    Args:
        name: The name, as `HubName.parse` takes it.

    Raises:
        RequestError: If there is no such model.
        HubError: If the Hub cannot be reached.
        UsageError: If the library huggingface-hub is not installed.
    """
    parts = HubName.parse(name)
    hub = _library()
    try:
        return Path(hub.hf_hub_download(parts.repository, parts.file, revision=parts.revision))
    except Exception as error:
        _explain(error, name)


def push_model(path: Path, repository: str, *, private: bool = False) -> str:
    """Publish a model file with its card on the Hub; return the address of the repository.

    The repository is created if it does not exist. The token of `hf auth login` or HF_TOKEN is used.

    Example:
        push_model(Path("runs/abc/0001/model.safetensors"), "ann/reels")

    Args:
        path: The model file.
        repository: The repository, USER/NAME.
        private: Whether a new repository is private.

    Raises:
        RequestError: If the name of the repository is not allowed.
        HubError: If the Hub cannot be reached or refuses the upload.
        DamagedFileError: If the file is not a model file.
        UsageError: If the library huggingface-hub is not installed.
    """
    name = PREFIX + repository.removeprefix(PREFIX)
    parts = HubName.parse(name)
    card = model_card(read_header(path), name=parts.repository.rpartition("/")[2], model=PREFIX + parts.repository)
    hub = _library()
    interface = hub.HfApi()
    try:
        address = interface.create_repo(parts.repository, private=private, exist_ok=True)
        interface.create_commit(
            parts.repository,
            [
                hub.CommitOperationAdd(MODEL_FILE, str(path)),
                hub.CommitOperationAdd(CARD_FILE, card.encode()),
            ],
            commit_message="Upload a model of seqforge",
        )
    except Exception as error:
        _explain(error, name)
    return str(address)


def _library() -> Any:
    return require("huggingface_hub", extra="hub", purpose="a model on the Hugging Face Hub", field="model")


def _explain(error: Exception, name: str) -> NoReturn:
    """Raise the error of seqforge for an error of the library; errors of other kinds are raised again.

    Raises:
        RequestError: If the model does not exist.
        HubError: If the Hub cannot be reached or refuses the request.
    """
    kinds = require("huggingface_hub.errors", extra="hub", purpose="a model on the Hugging Face Hub", field="model")
    http = require("httpx", extra="hub", purpose="a model on the Hugging Face Hub", field="model")
    if isinstance(error, kinds.LocalEntryNotFoundError):
        raise HubError(f"{name} is not in the cache and cannot be downloaded; connect to the network, or unset"
                       " HF_HUB_OFFLINE") from error  # fmt: skip
    if isinstance(error, kinds.GatedRepoError):
        raise HubError(f"{name} may be read only after its conditions are accepted on its page; then log in with"
                       " `hf auth login`") from error  # fmt: skip
    if isinstance(error, kinds.RepositoryNotFoundError | kinds.RevisionNotFoundError | kinds.EntryNotFoundError):
        raise RequestError(
            f"there is no model {name!r} on the Hugging Face Hub, or it is private; check the name, or log in with"
            " `hf auth login`",
            field="model", value=name,
        ) from error  # fmt: skip
    if isinstance(error, kinds.HFValidationError | kinds.LocalTokenNotFoundError | kinds.HfHubHTTPError):
        reason = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
        raise HubError(f"the Hugging Face Hub refuses the request for {name}: {reason}") from error
    if isinstance(error, http.HTTPError | OSError):
        raise HubError(f"the Hugging Face Hub cannot be reached for {name}: {error}") from error
    raise error
