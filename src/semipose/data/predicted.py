"""The mark of predictions that were written for people to correct: until someone has, they are no labels.

Beside the files that `pick` writes lies `NAME` with their hashes. A file that has changed since was saved by a person
in a tool; `corrected` says that a person looked at those that have not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from semipose import limits
from semipose.errors import UserError
from semipose.files import below, read_json, write_atomically

NAME = "predicted.json"
ABOUT = "predictions of semipose for a person to correct: no labels while these files are as they were written"
KEY = "semipose_predictions"
"""In COCO's `info`: the hash of the annotations as they were written."""
TODO = "correct them in a tool and save; semipose init --corrected takes them as they are"


def mark_predicted(files: Sequence[Path]) -> list[Path]:
    """Write the mark beside files, one a folder."""
    folders: dict[Path, list[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file)
    for folder, inside in folders.items():
        content = {"about": ABOUT, "corrected": False, "files": {file.name: _hash(file) for file in inside}}
        write_atomically(folder / NAME, json.dumps(content, indent=1).encode())
    return [folder / NAME for folder in folders]


def mark_corrected(root: Path) -> list[Path]:
    """Say of all that is marked in a folder, or of one file, that a person has corrected it; returns the marks."""
    folder = root if root.is_dir() else root.parent
    marks = {path for path in below(folder) if path.name == NAME}
    marks |= {path.parent / NAME for path in below(folder) if path.suffix == ".json" and _says_so(path)}
    for path in marks:
        content = _mark(path) or {"about": ABOUT, "files": {}}
        write_atomically(path, json.dumps({**content, "corrected": True}, indent=1).encode())
    return sorted(marks)


def is_predicted(source: str | Path) -> bool:
    """Whether labels are predictions that nobody has corrected: a file, or all tables of a DeepLabCut project."""
    path = Path(source)
    folder = path if path.is_dir() else path.parent
    if path.is_dir() or path.name == "config.yaml":
        tables = [p for kind in ("csv", "h5") for p in folder.glob(f"labeled-data/*/CollectedData_*.{kind}")]
        return bool(tables) and all(map(is_predicted, tables))
    mark = _mark(folder / NAME)
    if mark is not None and mark.get("corrected"):
        return False
    hashes = mark.get("files") if mark is not None else None
    if isinstance(hashes, dict) and path.name in hashes:
        # Tools save a table as .csv and as .h5: what is new in either is a person's.
        alike = [folder / name for name in hashes if Path(name).stem == path.stem]
        return all(_hash(each) == hashes[each.name] for each in alike if each.is_file())
    return path.suffix == ".json" and _says_so(path)


def changed(file: Path) -> bool | None:
    """Whether a file of marked predictions is another than was written; None where it is not marked."""
    mark = _mark(file.parent / NAME)
    hashes = mark.get("files") if mark is not None else None
    return _hash(file) != hashes[file.name] if isinstance(hashes, dict) and file.name in hashes else None


def refuse_predicted(source: str | Path) -> None:
    """
    Raises:
        UserError: what was named as labels is predictions.
    """
    if is_predicted(source):
        raise UserError(f"{source} holds predictions of semipose, which nobody has corrected, no labels; {TODO}")


def seal(document: dict[str, Any]) -> dict[str, Any]:
    """A COCO document that says of itself that its annotations are predictions, wherever it is moved."""
    return {"info": {"description": ABOUT, KEY: _of(document)}, **document}


def _says_so(path: Path) -> bool:
    """Whether a COCO file's own mark fits its annotations."""
    try:
        with limits.opened(path) as file:
            if KEY.encode() not in file.read(4096):
                return False
        document = read_json(path)
        return bool(document["info"][KEY] == _of(document))
    except (UserError, OSError, KeyError, TypeError):
        return False


def _of(document: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document["annotations"], sort_keys=True).encode()).hexdigest()


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _mark(path: Path) -> dict[str, Any] | None:
    try:
        content = read_json(path) if path.is_file() else None
    except UserError:
        return None
    return content if isinstance(content, dict) else None
