"""From a recipe, YAML files and overrides to one checked `Config`."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from semipose.config.schema import BOXES, SOURCES, Config, DataConfig, to_dict
from semipose.errors import UsageError, UserError, reason_of
from semipose.files import bears, plain_yaml, read_mapping
from semipose.methods import METHODS, option_names, options, options_class, refuse_unread
from semipose.models.config import ModelConfig
from semipose.options import check_limits

SECTIONS = {"data", "model", "method", "optim", "peer", "find", "losses"}
EVERY = 10
"""A section of so many options that no one method reads is of a version that wrote all options of all methods."""


def resolve(base: Config, *layers: Mapping[str, Any]) -> Config:
    """`base`, with each layer of nested plain values laid over it.

    Raises:
        UsageError: a key that does not exist (the nearest is suggested), or a value of the wrong type or range.
    """
    values = to_dict(base)
    for layer in layers:
        _merge(values, {key: value for key, value in layer.items() if key != "method"}, "")
        if "method" in layer:
            values["method"] = _with_options(values["method"], layer["method"])
    if values["peer"]:  # laid over the model, its values have the model's types
        laid = to_dict(_typed({**values, "model": {**values["model"], **values["peer"]}, "peer": {}}))["model"]
        values["peer"] = {key: laid[key] for key in values["peer"]}
    _refuse_odd(values, "")
    config = _typed(values)
    check_limits(config)
    _refuse_null(config)
    for key in config.peer:
        check_limits(dataclasses.replace(config.model, **{key: config.peer[key]}), "peer.")
    return config


def _with_options(given: dict[str, Any], layer: Any) -> dict[str, Any]:
    """A method's options with a layer's laid over them. Where the layer names another method, that one keeps those it
    reads, but for what the method before has by default."""
    if not isinstance(layer, Mapping):
        inner = ", ".join(f"method.{key}" for key in option_names(given["name"]))
        raise UsageError(f"method is a section; set one of {inner}")
    name = layer.get("name", given["name"])
    if not isinstance(name, str) or not all(isinstance(key, str) for key in layer):
        raise UsageError(f"method.name is {str(name)[:60]}; it can be text, and its options have names")
    own = option_names(name)
    if len(layer) >= EVERY and not any(set(layer) <= set(option_names(other)) for other in METHODS):
        # Versions before 0.2 wrote every option of every method.
        layer = {key: value for key, value in layer.items() if key in own}
    refuse_unread(name, layer)
    usual = {} if name == given["name"] else vars(options(given["name"]))
    kept = {key: value for key, value in given.items() if key in own and not (key in usual and usual[key] == value)}
    return {**vars(options(name)), **kept, **layer}


def read_yaml(path: Path, section: str | None = None) -> dict[str, Any]:
    """A layer from a YAML file; with `section`, the file holds that section alone, or several with this one, and of a
    folder is what `init` wrote there."""
    if path.is_dir():
        there = _in_folder(path)
        if section is None or there is None or there.name == "config.yaml":
            how = f"name {there}" if there else f"semipose init {path} writes a data.yaml that trains it"
            raise UserError(f"{path} is a folder; {how}")
        path = there
    try:
        content = read_mapping(path)
    except UserError as error:
        if not path.is_file() or path.suffix.lower() in _YAML:
            raise
        raise UserError(f"{path} is no data.yaml; semipose init {path.parent} writes one from labels there") from error
    if "kpt_shape" in content and not isinstance(content.get("data"), dict):
        ours = path.with_name("semipose.yaml")
        how = f"name {ours}" if ours.exists() else f"semipose init {path} writes a semipose.yaml that trains it"
        raise UserError(f"{path} is a YOLO data set's own file; {how}")
    _refuse_beside(content, path)
    for key in content.keys() & SECTIONS:
        content[key] = {} if content[key] is None else content[key]  # a section with nothing in it
    layer = {section: content} if section and not isinstance(content.get(section), dict) else content
    data = layer.get("data")
    if isinstance(data, dict):
        for key in SOURCES:
            value = data.get(key)
            if key == "unlabeled_boxes" and value in BOXES:
                continue
            if isinstance(value, str):
                data[key] = _beside(path, value)
            elif isinstance(value, list):
                data[key] = [_beside(path, each) if isinstance(each, str) else each for each in value]
    return layer


def _refuse_beside(content: Mapping[str, Any], path: Path) -> None:
    """Keys of the section data beside settings or sections. Alone they may be another program's: YOLO has val."""
    inner = [key for key in content if key in _names(DataConfig)]
    if inner and any(key in content for key in _names(Config)):
        head = "" if "data" in content else "write data: on a line of its own; "
        raise UsageError(f"{path}: {head}{', '.join(inner)} must be indented below data:")


def _in_folder(folder: Path) -> Path | None:
    """The file of settings in a folder."""
    there = (folder / name for name in ("semipose.yaml", "data.yaml", "config.yaml"))
    return next((path for path in there if path.is_file() and bears(path, b"labeled:")), None)


_YAML = (".yaml", ".yml")


def is_data_yaml(path: Path) -> bool:
    """Whether a file's name is that of a data.yaml; config.yaml is a project's of DeepLabCut."""
    return path.suffix.lower() in _YAML and path.name != "config.yaml"


def split_file(words: list[str]) -> tuple[str | None, list[str]]:
    """The first of a command's words that is neither a setting nor the value of one, and the others."""
    for i, word in enumerate(words):
        value = i > 0 and words[i - 1].startswith("--") and "=" not in words[i - 1]
        if not word.startswith("--") and not value:
            return word, words[:i] + words[i + 1 :]
    return None, words


def _beside(path: Path, name: str) -> str:
    """Links stay links: what lies beside them is not beside what they point to."""
    file = name.rpartition("#")[0] or name  # "data.yaml#val" of YOLO-pose
    there = os.path.exists(path.parent / name) or os.path.exists(path.parent / file)
    return os.path.abspath(path.parent / name) if there else name


def read_overrides(words: Iterable[str]) -> dict[str, Any]:
    """A layer from `--section.key=value` words (or `--section.key value`); values are read as YAML."""
    layer: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        key, equals, text = word.removeprefix("--").partition("=")
        if not word.startswith("--"):
            raise UsageError(f"{word!r} is not understood; settings are written --section.key=value")
        if not equals:
            if not rest or rest[0].startswith("--"):
                raise UsageError(f"{word} needs a value: {word}=...")
            text = rest.pop(0)
        inner = layer
        *path, last = key.replace("-", "_").split(".")
        for name in path:
            inner = inner.setdefault(name, {})
        try:
            inner[last] = plain_yaml(text) if text.strip() else text
        except Exception as error:  # its resolvers raise nearly anything
            raise UsageError(f"--{key} is {text[:60]!r}, which is not YAML ({reason_of(error)})") from None
    return layer


def _merge(values: dict[str, Any], layer: Mapping[str, Any], prefix: str) -> None:
    for key, value in layer.items():
        if key not in values and not (prefix == "peer." and key in _names(ModelConfig)):
            raise UsageError(f"there is no setting {prefix}{key}{_nearest(prefix + str(key))}")
        section = isinstance(values.get(key), dict) and key not in ("options", "skeleton")
        if section and not isinstance(value, Mapping):
            inner = (each for each in keys() if each.startswith(f"{prefix}{key}."))
            raise UsageError(f"{prefix}{key} is a section; set one of {', '.join(inner)}")
        if section:
            _merge(values[key], value, f"{prefix}{key}.")
        else:
            values[key] = value


def _nearest(key: str) -> str:
    known = keys()
    near = difflib.get_close_matches(key, known, 1, 0.5)
    if not near:
        last = difflib.get_close_matches(key.split(".")[-1], [k.split(".")[-1] for k in known], 1, 0.6)
        near = [k for k in known if last and k.split(".")[-1] == last[0]]
    return f"; did you mean {near[0]}?" if near else "; semipose train --print-config lists them"


def keys() -> list[str]:
    """Every setting's dotted name, of every method's options."""
    names = [f"method.{key}" for key in dict.fromkeys(key for name in METHODS for key in option_names(name))]
    for field in dataclasses.fields(Config):
        section = field.default_factory() if field.default_factory is not dataclasses.MISSING else None
        if field.name not in ("method", "peer"):
            inner = _names(type(section)) if dataclasses.is_dataclass(section) else ()
            names += [f"{field.name}.{name}" for name in inner] or [field.name]
    return names + [f"peer.{name}" for name in _names(ModelConfig)]


def _names(section: Any) -> list[str]:
    return [field.name for field in dataclasses.fields(section)]


@cache
def _parser(section: type) -> Any:
    """Made once: that reads every docstring and type, and takes as long as parsing."""
    from jsonargparse import ArgumentParser

    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(section, "config", skip={"method"})
    return parser


def _refuse_odd(values: Any, key: str) -> None:
    """A whole number that no float can hold is no setting, nor is 1:30, which YAML takes for ninety."""
    inner = values.items() if isinstance(values, Mapping) else enumerate(values) if isinstance(values, list) else ()
    for name, value in inner:
        _refuse_odd(value, f"{key}.{name}".lstrip("."))
    if isinstance(values, int) and abs(values).bit_length() > 1000:
        raise UsageError(f"{key} is a number of more than 300 digits, and no setting is that large")
    named = key.startswith("data.skeleton.")  # a joint may be called so
    if isinstance(values, str) and not named and re.fullmatch(r"[-+]?\d+(:\d+)+", values):
        raise UsageError(f"{key} is {values!r}, which is no number; write how many")


def _refuse_null(section: Any, prefix: str = "") -> None:
    """A number or text that is null, as where a file was cut short, is none."""
    for key, kind in get_type_hints(type(section), localns={"Options": object}).items():
        value = getattr(section, key)
        if value is None and NoneType not in get_args(kind):
            raise UsageError(f"{prefix}{key} is null; it can be {_words(kind)}")
        if dataclasses.is_dataclass(value):
            _refuse_null(value, f"{prefix}{key}.")


def _typed(values: dict[str, Any]) -> Config:
    of_method = values["method"]
    method = _typed_section(options_class(of_method["name"]), of_method, "method.")
    rest = {key: value for key, value in values.items() if key != "method"}
    return dataclasses.replace(_typed_section(Config, rest, ""), method=method)


def _typed_section(section: type, values: dict[str, Any], prefix: str) -> Any:
    parser = _parser(section)
    try:
        return parser.instantiate(parser.parse_object({"config": values})).config
    except Exception as error:  # the library raises several kinds; each says which key and why
        found = re.search(r'key "config\.([\w.]+)"', str(error))
        if found is None:
            raise UsageError(prefix + " ".join(str(error).split()).replace("config.", "")[:300]) from None
        value, kind = values, section
        for name in found[1].split("."):
            value, kind = value[name], get_type_hints(kind, localns={"Options": object})[name]
        raise UsageError(f"{prefix}{found[1]} is {value!r}; it can be {_words(kind)}") from None


def _words(kind: Any) -> str:
    """A type, as one who writes YAML would say it."""
    inner = get_args(kind)
    if get_origin(kind) in (Union, UnionType):
        return ", ".join(_words(each) for each in inner[:-1]) + f" or {_words(inner[-1])}"
    if get_origin(kind) is Literal:
        return ", ".join(inner)
    if get_origin(kind) is list:
        return f"a list of {'whole numbers' if inner[0] is int else 'numbers' if inner[0] is float else 'texts'}"
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}
    return words.get(kind, "keys with values")
