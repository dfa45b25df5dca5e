"""`semipose init`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semipose.data.project import Project


def init(
    folder: str | Path,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    category: str | None = None,
    outside: bool = False,
    corrected: bool = False,
) -> Project:
    """Look at a folder of labels, images and videos, and write a data.yaml that trains as it is.

    With it come split.json where no validation data is found, or where it is among what is labelled, and unlabeled.json
    where there are images without labels. For another --out, a.yaml, they are a-split.json and a-unlabeled.json.

    Args:
        folder: A project of DeepLabCut or Lightning Pose, or any folder or file of labels.
        out: The file to write; data.yaml in the folder by default, semipose.yaml beside another program's data.yaml.
        overwrite: Replace files that an earlier init wrote.
        category: Which kind of thing, by name, where the labels have several with other joints.
        outside: Use images and videos that a file of labels names outside the folder.
        corrected: A person has corrected the predictions that pick wrote here: take them for labels.

    Returns: what was found, line by line, and the files written.

    Raises:
        UserError: no labels are found or can be read, or a file exists or cannot be written.

    Example: semipose init my-project
    """
    from semipose.data.project import begin

    return begin(folder, out, overwrite, category, outside, corrected)


def _print(result: Project, asked: SimpleNamespace) -> None:
    print(*result.lines, sep="\n")
    print(f"wrote {', '.join(map(str, result.files))}; semipose train {result.files[0]} trains it")
