"""Files that are written whole or not at all, and JSON and YAML that hold plain values."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import secrets
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from semipose import limits
from semipose.errors import UserError, reason_of

HEAD = 1 << 16
"""Bytes at each end of a file that tell whose it is."""


def ready(path: Path, mark: bytes) -> Path:
    """A file that is to be written later: makes its folder.

    Raises:
        UserError: as `refuse_foreign`, or its folder cannot be made or written; better said before the work.
    """
    refuse_foreign(path, mark)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent} cannot be made ({error.strerror or error}); name another file") from None
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"{path.parent} cannot be written; name a file elsewhere")
    return path


def below(folder: Path) -> list[Path]:
    """All files in a folder and the folders below it, sorted. Folders that are links are entered too, each folder once,
    by its own path where it has one; one that leads back up is not."""
    return [Path(folder, name) for name in names_below(folder)]


def names_below(folder: Path) -> list[str]:
    """The same relative to the folder, as texts: a million of them take a tenth of what paths do."""
    found: list[str] = []
    seen, waiting = set(map(str, folder.resolve().parents)), [str(folder)]
    while waiting:
        for here, folders, files in os.walk(waiting.pop(0)):
            real = os.path.realpath(here)
            if real in seen:
                folders.clear()
                continue
            seen.add(real)
            waiting += [path for path in (os.path.join(here, name) for name in sorted(folders)) if os.path.islink(path)]
            start = os.path.relpath(here, folder)
            found += files if start == os.curdir else (os.path.join(start, name) for name in files)
    return sorted(found, key=lambda name: name.replace(os.sep, "\0"))  # as paths are: a folder before what it begins


@lru_cache(4096)
def _real_folder(folder: str) -> str:
    return os.path.realpath(folder)


def real(path: str) -> str:
    """`os.path.realpath`, quick for many files of few folders that no link leads to meanwhile."""
    folder, name = os.path.split(path)
    if not name or os.path.islink(path):
        return os.path.realpath(path)
    return os.path.join(_real_folder(os.path.join(os.getcwd(), folder)), name)


def refuse_foreign(path: Path, mark: bytes) -> None:
    """
    Args:
        mark: a pattern that is in the first or last `HEAD` bytes of all that we write under such a name, and hardly in
            what others do.

    Raises:
        UserError: `path` is a folder, or a file without the mark.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file in it")
    if path.exists() and not bears(path, mark):
        raise UserError(f"{path} is there and semipose did not write it; name another file, or move it away")


def bears(path: Path, mark: bytes) -> bool:
    """Whether a file has a pattern in its first or last `HEAD` bytes; an empty one has nothing to lose."""
    try:
        with limits.opened(path) as file:
            ends = file.read(HEAD)
            file.seek(max(HEAD, os.fstat(file.fileno()).st_size - HEAD))
            ends += file.read()
    except OSError:
        return False
    return not ends or re.search(mark, ends) is not None


PART = re.compile(r"\.[0-9a-f]{8}\.part$")
"""How the names of such files end."""
SHORT = 60
"""Characters before that, without those that not every library can write: a disk's names end at 255 bytes."""


def sweep(place: Path) -> None:
    """Remove what killed processes left of a file that only one at a time writes."""
    for left in place.parent.glob(f"{glob.escape(place.name)}.*.part"):
        if PART.search(left.name):
            with contextlib.suppress(OSError):
                left.unlink()


class Part:
    """A file that is written under a name of its own beside its place, `path`, and moved there when it is complete.
    Several processes may write one file: the last that is complete stays.

    Attributes:
        path: the name under which it is written.
    """

    def __init__(self, place: Path) -> None:
        self.place = place
        short = place.name.encode("ascii", "ignore").decode()[:SHORT]
        self.path = place.with_name(f"{short}.{secrets.token_hex(4)}.part")

    def done(self) -> None:
        """Move it to its place; it can be read and written by whom the file that was there could be."""
        with contextlib.suppress(OSError):
            shutil.copymode(self.place, self.path)
        os.replace(self.path, self.place)

    def drop(self) -> None:
        """Leave nothing; what was there before is intact."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def writing(path: Path, *others: type[Exception]) -> Iterator[None]:
    """Around what writes a file: a full disk or a folder that cannot be written is one line.

    Args:
        others: what a library raises there, beside OSError.

    Raises:
        UserError: in place of one of these.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        if not isinstance(error, (OSError, *others)):
            raise
        raise UserError(f"{path} could not be written ({reason_of(error)}); what was there before is intact") from error


def plain_bytes(text: str) -> bytes:
    """UTF-8, with a backslash and its number for each byte of a file's name that is none."""
    return text.encode("utf-8", "backslashreplace")


def write_atomically(path: Path, *parts: bytes | memoryview) -> None:
    """Write, flush to disk, then rename: the old file stays until the new one is complete.

    Raises:
        UserError: the disk is full or the folder cannot be written; the old file is as it was.
    """
    write_parts(path, parts)


def write_parts(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """The same of parts that are made while they are written."""
    part = Part(path)
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with part.path.open("wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            part.done()
    finally:
        part.drop()


DIGITS = "Exceeds the limit"
"""How Python begins to speak of a number that is too long."""
HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""An escape in JSON that may be half a character."""


def refuse_halves(text: str, document: Any) -> None:
    """
    Raises:
        ValueError: the JSON `text` of a document has half a character.
    """
    try:
        if HALF.search(text):
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("an escape in it is half a character (\\ud8...)") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """
    Raises:
        ValueError: an object of JSON has a key twice.
    """
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice[:60]} stands twice; keep one of them")
    return made


def read_json(path: Path, once: bool = False) -> Any:
    """What a JSON file holds.

    Args:
        once: refuse a key that stands twice, of which Python takes the last; a fifth slower, so not for annotations.

    Raises:
        UserError: it cannot be read, is no JSON, nested deeper than Python can follow, too large, or has half a
            character, which cannot be printed or written.
    """
    text = limits.text(path, limits.JSON, "JSON")
    try:
        document = json.loads(text, object_pairs_hook=_once if once else None)
        refuse_halves(text, document)
    except (ValueError, RecursionError, MemoryError) as error:
        reason = "a number has thousands of digits" if DIGITS in str(error) else reason_of(error)
        raise UserError(f"{path} is not JSON: {reason}; mend it, or export it again") from error
    return document


ALIASES = 20
"""Aliases that a YAML file may have: repeated ones of aliases would grow without end when they are read out."""


MERGED = 10_000
"""Keys that it may merge by <<, which repeat likewise."""

NUMBERS = {
    "int": re.compile(r"[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"),
    "float": re.compile(
        r"[-+]?(?:(?:[0-9][0-9_]*)\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|\.(?:inf|Inf|INF))$"
        r"|\.(?:nan|NaN|NAN)$"
    ),
}
"""As YAML 1.1, without those that few mean: 010 for eight, and 1:30 for ninety."""


class _Plain(yaml.SafeLoader):
    """Plain values, each key once, and few aliases."""

    aliases = 0
    merged = 0
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, NUMBERS.get(tag.rpartition(":")[2], pattern)) for tag, pattern in resolvers]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<")
        twice = next((name for name, count in names.items() if count > 1), None)
        if twice is not None:
            raise yaml.YAMLError(f"the key {twice[:60]} stands twice; keep one of them")
        return node

    def flatten_mapping(self, node: Any) -> None:
        merges = any(getattr(key, "value", None) == "<<" for key, _ in node.value)
        super().flatten_mapping(node)
        self.merged += len(node.value) * merges
        if self.merged > MERGED:
            raise yaml.YAMLError(f"more than {MERGED} merged keys")

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.aliases += self.check_event(yaml.AliasEvent)
        if self.aliases > ALIASES:
            raise yaml.YAMLError(f"more than {ALIASES} aliases")
        return super().compose_node(parent, index)


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML file's keys, all of them texts, and plain values.

    Raises:
        UserError: it cannot be read, is not YAML or larger than `limits.YAML`, has many aliases, or holds no mapping of
            names.
    """
    return mapping(limits.text(path, limits.YAML, "YAML"), path)


def plain_yaml(text: str) -> Any:
    """The values of a YAML text; raises nearly anything where it is none."""
    content = yaml.load(text, _Plain)
    _depth(content)
    return content


def mapping(text: str, path: object) -> dict[str, Any]:
    """The same of the text of a file.

    Raises:
        UserError: as `read_mapping`.
    """
    try:
        content = plain_yaml(text) or {}
        depth = _depth(content)
    except Exception as error:  # its resolvers raise nearly anything
        raise UserError(f"{path} is not YAML ({reason_of(error)}); mend it") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds {type(content).__name__}, not a mapping of keys to values")
    if depth > DEEPEST:
        raise UserError(f"{path} is nested {depth} deep, and settings are not; mend it")
    odd = next((key for key in content if not isinstance(key, str)), None)
    if odd is not None:
        raise UserError(f"{path} has the key {odd!r}, which is no name; mend it")
    return content


DEEPEST = 20
"""Lists and mappings in each other in a YAML file of settings."""


def _depth(value: Any) -> int:
    """How deep lists and mappings are in each other; what aliases name again counts once."""
    known: dict[int, int] = {}

    def depth(value: Any) -> int:
        if isinstance(value, str):
            value.encode()  # half a character is none
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | set) else None
        if inner is None:
            return 0
        if id(value) not in known:
            known[id(value)] = 0  # until it is known: what is in itself has no end
            known[id(value)] = 1 + max(map(depth, inner), default=0)
        if not known[id(value)]:
            raise RecursionError
        return known[id(value)]

    return depth(value)
