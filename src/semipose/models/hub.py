"""Networks on a model hub (Hugging Face's, or whatever HF_ENDPOINT names): weights as safetensors, and what they are.

What comes from there is another's: two files of fixed names and bounded size are fetched, no code and no pickle, and of
the description only `TAKEN` is read.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from semipose.errors import UserError, reason_of
from semipose.models.tensors import description_of

HUB = "hf://"
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
REVISION = re.compile(r"[\w.-]{1,100}")
FILES = {"model.json": 16 << 20, "model.safetensors": 8 << 30}
"""What is fetched, and at most how many bytes of each."""
TAKEN = ("backbone", "options", "decoder", "deconv", "sigma", "bgr")
"""Of a described network what a training that starts from it has as well; size and padding are the data's."""


def network_of(place: Path) -> dict[str, Any]:
    """The model section of a run that starts from a file of weights, by the description beside it. Its values are
    checked where the network is built, as those of any configuration.

    Raises:
        UserError: there is none.
    """
    file = place / "model.safetensors" if place.is_dir() else place
    model = description_of(file).get("model")
    if not isinstance(model, dict) or not isinstance(model.get("backbone"), str):
        raise UserError(f"{file.with_suffix('.json')} does not describe a network; it was edited or damaged")
    return {**{key: model[key] for key in TAKEN if key in model}, "weights": "none"}


def located(address: str | Path) -> Path:
    """A folder or file of weights; one of the hub, `hf://owner/name` or `hf://owner/name@revision`, is fetched first.

    Raises:
        UserError: as `fetch`.
    """
    return fetch(str(address)) if str(address).startswith(HUB) else Path(address)


def fetch(address: str) -> Path:
    """The folder, in the hub's cache, with `model.safetensors` and `model.json`.

    Raises:
        UserError: the address is none, huggingface_hub is not installed, or the files are not there, too large or
            cannot be fetched.
    """
    name, _, revision = address.removeprefix(HUB).partition("@")
    if not NAME.fullmatch(name) or (revision and not REVISION.fullmatch(revision)):
        raise UserError(f"{address[:200]!r} is no address of a hub; write hf://owner/name, or hf://owner/name@revision")
    hub = _library()
    where: dict[str, Any] = {"revision": revision or None}
    file = Path()
    for part, most in FILES.items():
        try:
            url = hub.hf_hub_url(name, part, endpoint=endpoint(), **where)
            size = hub.get_hf_file_metadata(url).size
            if size is None or size > most:
                raise UserError(f"{address} has a {part} of {size} bytes; at most {most} are fetched")
            file = Path(hub.hf_hub_download(name, part, endpoint=endpoint(), **where))
        except UserError:
            raise
        except Exception as error:  # of a library that raises many kinds
            raise UserError(
                f"{address}: {part} cannot be fetched ({_said(error)}); check the name and the connection"
            ) from error
    return file.parent


def send(name: str, files: dict[str, bytes | Path], private: bool) -> str:
    """Put files into a repository of the hub, which is made where it is not there; the address of the commit.

    Raises:
        UserError: the name is none, huggingface_hub is not installed, or the hub refuses.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"{name[:200]!r} is no name of a hub's repository; write owner/name")
    hub = _library()
    try:
        api = hub.HfApi(endpoint=endpoint())
        api.create_repo(name, private=private, exist_ok=True)
        parts = [hub.CommitOperationAdd(path, content) for path, content in files.items()]
        return str(api.create_commit(name, parts, commit_message="A network of semipose").commit_url)
    except Exception as error:
        raise UserError(
            f"{name} cannot be sent ({_said(error)}); log in with hf auth login, and check the name"
        ) from error


def endpoint() -> str | None:
    """Of another hub."""
    return os.environ.get("HF_ENDPOINT") or None


def _library() -> Any:
    try:
        import huggingface_hub
    except ImportError:
        raise UserError("a hub needs huggingface_hub: pip install 'semipose[hub]'") from None
    return huggingface_hub


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {reason_of(error)}"
