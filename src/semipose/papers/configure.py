"""From a recipe's name, a data.yaml and settings to one configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semipose.config import Config
from semipose.config.resolve import read_yaml, resolve
from semipose.errors import UserError
from semipose.files import read_json
from semipose.papers.find import recipe


def configure(
    base: str | Config | None = "dual", data: str | Path | Mapping[str, Any] | None = None, *layers: Mapping[str, Any]
) -> Config:
    """A recipe's configuration (the defaults when None), with a data.yaml and further layers laid over it. A data.yaml
    may have further sections; of a recipe that is named, its method is used and not the file's."""
    start = base if isinstance(base, Config) else recipe(base) if base else Config()
    layers = tuple(nested(layer) for layer in layers)
    if isinstance(data, str | Path):
        file = read_yaml(Path(data), "data")
        layers = (
            {key: value for key, value in file.items() if not (isinstance(base, str) and key == "method")},
            *layers,
        )
    elif data is not None:
        layers = ({"data": data}, *layers)
    return resolve(start, *layers)


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by section, of which a key may name its section too: {"optim.lr": 3e-4} is {"optim": {"lr": 3e-4}}."""
    layer: dict[str, Any] = {}
    for key, value in settings.items():
        section, dot, name = key.partition(".")
        if dot:
            value = nested({name: value})
        both = isinstance(value, Mapping) and isinstance(layer.get(section), Mapping)
        layer[section] = {**layer[section], **value} if both else value
    return layer


def has_settings(data: str | Path | Mapping[str, Any] | None) -> bool:
    """Whether a data.yaml has settings of its own beside the data section."""
    return isinstance(data, str | Path) and bool(set(read_yaml(Path(data), "data")) - {"data"})


def read_pair(path: str | Path) -> dict[str, str]:
    """`method.easy` and `method.hard`, both of the plain image, from a file of `gap`: its first pair.

    Raises:
        UserError: it is no such file, or no pair in it qualifies.
    """
    if not Path(path).is_file():
        raise UserError(f"{path} cannot be read (there is no such file); make it with semipose gap")
    try:
        method = read_json(Path(path))["method"]
        pair = {**{key: str(method[key]) for key in ("easy", "hard")}, "hard_of": "image"} if method else None
    except (UserError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a result of semipose gap; make it with semipose gap MODEL --out") from error
    if pair is None:
        raise UserError(f"no pair in {path} qualifies as easy-hard; set method.easy and method.hard yourself")
    return pair
