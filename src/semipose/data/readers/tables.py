"""Labels as a table, one row an image: what DeepLabCut and Lightning Pose write, and what they become."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from semipose import limits
from semipose.data.extent import boxed, whole
from semipose.data.images import image_sizes
from semipose.data.readers.hdf5 import read_frame
from semipose.data.readers.json_files import ImageFolder, sessions_of
from semipose.data.refs import parse
from semipose.data.sample import FAR, MARKS, Sample
from semipose.errors import UserError, reads

MISSING = frozenset({"", "nan", "na", "none", "null"})
SIGNS = (",", ";", "\t")
"""What may stand between the cells of a CSV."""
DECIMAL = re.compile(r"^([-+]?\d*),(\d+(?:[eE][-+]?\d+)?)$")
"""A number with a comma for its point."""


@dataclass(frozen=True, eq=False)
class Table:
    """Labels of N images.

    Attributes:
        path: the file, for messages.
        joints: K names in the file's order.
        individuals: the animals that are labelled; ("",) where there is one, without a name.
        images: N names as the file has them, "/" between folders.
        points: (N, individuals, K, 3) float32 x, y, v; v is 2, or what the table says; 0 where x or y is missing.
        remarks: what is taken otherwise than it is written.
    """

    path: Path
    joints: tuple[str, ...]
    individuals: tuple[str, ...]
    images: tuple[str, ...]
    points: np.ndarray
    remarks: tuple[str, ...] = ()


@reads("a table of labels")
def read_table(path: Path) -> Table:
    """A .csv or .h5 with header rows scorer, (individuals,) bodyparts and coords, the image's path in one index column
    or in several (folder, video, file). An empty or NaN cell is a missing label.

    Raises:
        UserError: no such header, a joint or an image twice, x without y, a cell that is no number, or predictions
            (`likelihood`).
    """
    return _from_h5(path) if path.suffix.lower() == ".h5" else _from_csv(path)


def read_cells(path: Path) -> list[tuple[int, list[str]]]:
    """The rows of a CSV file that are not blank: the line that each ends on, and its cells.

    Where the first line has semicolons or tabs and no comma, these are between the cells; with semicolons, 12,5 is the
    number 12.5, as spreadsheets of many countries write it.

    Raises:
        UserError: it cannot be read, is no CSV in UTF-8, or has no row.
    """
    content = limits.text(path, limits.CSV, "CSV")
    said = re.match(r'"?sep=(.)"?\r?\n', content, re.IGNORECASE)  # a spreadsheet's first line
    between = said[1] if said else _between(content)
    lines = csv.reader(io.StringIO(content, newline=""), strict=True, delimiter=between)
    rows, last = [], 0
    try:
        for row in lines:
            if any("\n" in cell or "\r" in cell for cell in row):
                raise UserError(f"{path}, line {last + 1}: a quote is opened and closed on a later line; mend the line")
            if lines.line_num > (said is not None):
                rows.append((lines.line_num, [cell.strip() for cell in row]))
            last = lines.line_num
    except csv.Error as e:
        raise UserError(f"{path}, line {last + 1} or below, is not CSV ({e}); is a quote not closed? mend it") from None
    rows = [(line, row) for line, row in rows if any(row)]
    if not rows:
        raise UserError(f"{path} is empty; it has to hold labels")
    if between == ";":
        rows = [(line, [DECIMAL.sub(r"\1.\2", cell) for cell in row]) for line, row in rows]
    return rows


def _between(content: str) -> str:
    """The sign between the cells of a CSV's text."""
    first = content.lstrip("\r\n").partition("\n")[0]
    return next((sign for sign in SIGNS[1:] if first.count(sign) > 1 and SIGNS[0] not in first), SIGNS[0])


def refuse_other_signs(path: Path) -> None:
    """
    Raises:
        UserError: a CSV has no commas between its cells, so that what the labelling page writes would differ from it.
    """
    content = limits.text(path, limits.CSV, "CSV")
    if _between(content) != SIGNS[0] or content.lower().startswith(("sep=", '"sep=')):
        raise UserError(f"{path.name} has no commas between its cells: it can be looked at and not changed")


def number(cell: str, where: str) -> float:
    """A cell's number, NaN where it is missing."""
    if cell.lower() in MISSING:
        return float("nan")
    try:
        value = float(cell.replace("_", "?"))  # Python takes 1_0 for 10
    except ValueError:
        raise UserError(
            f"{where} is {cell[:40]!r}, not a number; mend it, or leave it empty where unlabelled"
        ) from None
    if not abs(value) <= FAR:
        raise UserError(f"{where} is {cell[:40]}, farther away than any image is large; mend it, or leave it empty")
    return value


def is_table(path: Path) -> bool:
    """Whether a file is such a table, by its first word (any .h5 is taken for one)."""
    if path.suffix.lower() == ".h5":
        return path.is_file()
    try:
        with limits.opened(path) as file:
            head = file.read(4096).decode("utf-8-sig", "replace").replace('"', "").lower()
            head = re.sub(r"^sep=.\r?\n", "", head)
            return path.suffix.lower() == ".csv" and re.match(r"[\s,;]*scorer[,;\t]", head) is not None
    except OSError:
        return False


def samples_of(table: Table, folder: Path, order: Sequence[int | None]) -> tuple[list[Sample], list[str]]:
    """A sample each labelled individual; one of an image with a single individual stays without labels too. And what is
    said of the table: images that do not exist are left out.

    The box is the whole frame, or, where the table has several individuals, the extent of each one's labels. The
    session is the folder of the image: DeepLabCut and Lightning Pose keep one a video.

    Args:
        folder: what the image names are relative to; a file that is not there is looked for beside the table, then by
            its name in the folders below.
        order: for each joint of the skeleton, its place in the table, or None.

    Raises:
        NoImages: none of them exists.
    """
    points = np.zeros((*table.points.shape[:2], len(order), 3), np.float32)
    here = [k for k, i in enumerate(order) if i is not None]
    points[:, :, here] = table.points[:, :, [i for i in order if i is not None]]
    paths, sessions = paths_of(table, folder), sessions_of(table.images)
    gone, remarks = missing(paths, table.path)
    sizes = image_sizes([path for path in paths if path not in gone], str(table.path))
    samples = []
    for name, path, people in zip(table.images, paths, points, strict=True):
        if path in gone:
            continue
        size = sizes[path]
        for who, joints in zip(table.individuals, people, strict=True):
            if len(people) > 1 and not joints[:, 2].any():
                continue
            number = f"{name}#{who}" if who else name
            samples.append(Sample(number, path, whole(size), joints, image_id=name, session=sessions[name]))
    return boxed(samples) if len(table.individuals) > 1 else samples, [*table.remarks, *remarks]


def paths_of(table: Table, folder: Path) -> list[str]:
    """The absolute path of each image, as `samples_of` finds it."""
    files, beside = ImageFolder(folder, table.images), Path(os.path.abspath(table.path)).parent
    there = {name for name in table.images if os.path.exists(files.folder / name)}
    named = {os.path.realpath(files.folder / name) for name in there}
    alike = Counter(PurePosixPath(name).name for name in table.images)
    paths = []
    for name in table.images:
        near = beside / PurePosixPath(name).name
        # Where several videos' pictures have one name, which of them lies beside the table cannot be told.
        moved = name not in there and alike[near.name] == 1 and os.path.exists(near)
        moved = moved and os.path.realpath(near) not in named
        paths.append(str(near) if moved else files.path(name, str(table.path)))
    return paths


class NoImages(UserError):
    """None of a table's images exists."""


def missing(images: Sequence[str], path: Path) -> tuple[set[str], list[str]]:
    """Those of a table's images that do not exist, or are links to nothing, and what is said of them.

    Raises:
        NoImages: they all are.
    """
    every = list(dict.fromkeys(images))
    gone = [image for image in every if not os.path.exists(parse(image).file or "")]
    if len(gone) == len(every) and gone:
        raise NoImages(
            f"{path}: {len(gone)} of its {len(gone)} images do not exist, first {gone[0]}; copy them there,"
            " name their folder, or remove their rows"
        )
    lost = (
        f"left out: {len(gone)} of the {len(every)} images of {path}, which do not exist, first {', '.join(gone[:3])}"
    )
    return set(gone), [lost] if gone else []


VISIBLE = ("visible", "visibility", "v")
COORDS = ("x", "y", "likelihood", *VISIBLE)
"""What a column may be."""


def _from_csv(path: Path) -> Table:
    rows = read_cells(path)
    if [cell.lower() for cell in rows[0][1][:2]] == ["", "scorer"]:  # a numbering of the rows before it
        rows = [(line, row[1:]) for line, row in rows if len(row) > 1]
    depth = next((i for i, (_, row) in enumerate(rows[:6]) if row[0].lower() == "coords"), None)
    if depth is None or rows[0][1][0].lower() != "scorer":
        raise UserError(f"{path} has no header rows scorer, bodyparts and coords; is it labels of DeepLabCut?")
    coords = rows[depth][1]
    start = next((i for i, cell in enumerate(coords) if cell.lower() in COORDS), len(coords))
    width = max((i + 1 for i, cell in enumerate(coords) if cell), default=0)
    rows = [(line, row[:width] if not any(row[width:]) else row) for line, row in rows]
    coords = rows[depth][1]
    header = {row[0].lower(): row[start:] for _, row in rows[: depth + 1]}
    lines = rows[depth + 1 :]
    odd = next(((line, len(row)) for line, row in lines if len(row) != len(coords)), None)
    if odd is not None:
        raise UserError(f"{path}, line {odd[0]}: {odd[1]} cells where the header has {len(coords)}; mend the line")
    values = np.array(
        [[number(cell, f"{path}, line {line}, column {start + i + 1}") for i, cell in enumerate(row[start:])]
         for line, row in lines]
    )  # fmt: skip
    return _table(path, header, ["/".join(cell for cell in row[:start] if cell) for _, row in lines], values)


def _from_h5(path: Path) -> Table:
    frame = read_frame(path)
    return _table(path, frame.header, frame.index, frame.values)


def _table(path: Path, header: Mapping[str, Sequence[str]], images: Sequence[str], values: np.ndarray) -> Table:
    if "bodyparts" not in header or "coords" not in header:
        raise UserError(f"{path} has no header rows bodyparts and coords; is it labels of DeepLabCut?")
    coords = [c.lower() for c in header["coords"]]
    bodyparts, coords = header["bodyparts"], ["visible" if c in VISIBLE else c for c in coords]
    who = header.get("individuals", [""] * len(coords))
    if "likelihood" in coords:
        raise UserError(f"{path} has likelihoods: these are predictions, not labels; name the CollectedData file")
    if not len(coords) == len(bodyparts) == len(who) or set(coords) - {"visible"} != {"x", "y"}:
        raise UserError(f"{path}: its header does not name x and y of each bodypart; make the table again")
    places: dict[tuple[str, str, str], int] = {}
    for i, key in enumerate(zip(who, bodyparts, coords, strict=True)):
        if key in places:
            raise UserError(f"{path}: column {' '.join(filter(None, key))} occurs twice; joint names must differ")
        places[key] = i
    alone = next((k for k in places if not {(*k[:2], "x"), (*k[:2], "y")} <= places.keys()), None)
    if alone:
        raise UserError(f"{path}: {alone[1]!r} has {alone[2]} alone; each bodypart needs x and y")
    if not images:
        raise UserError(f"{path} has a header and no row; label some images first")
    names = tuple(name.replace("\\", "/") for name in images)
    nameless = next((i for i, name in enumerate(names) if not name), None)
    if nameless is not None:
        raise UserError(f"{path}: row {nameless + 1} of its labels names no image; mend or remove it")
    refuse_repeated(names, path)
    unique = _of_no_animal(list(places))
    places = {key: i for key, i in places.items() if key[1] not in unique}
    joints, people = tuple(dict.fromkeys(key[1] for key in places)), tuple(dict.fromkeys(key[0] for key in places))
    limits.refuse_cells(path, len(names) * len(people) * len(joints) * 3)
    if not (np.isnan(values) | (np.abs(values) <= FAR)).all():
        row = int(np.argmin((np.isnan(values) | (np.abs(values) <= FAR)).all(1)))
        raise UserError(f"{path}: {names[row]} has a label farther away than any image is large; mend or empty it")
    points = np.full((len(names), len(people), len(joints), 3), np.nan, np.float32)
    for (person, joint, coord), i in places.items():
        points[:, people.index(person), joints.index(joint), ("x", "y", "visible").index(coord)] = values[:, i]
    half = np.isfinite(points[..., 0]) != np.isfinite(points[..., 1])
    if half.any():
        raise UserError(f"{path}: {names[int(half.any((1, 2)).argmax())]} has x without y, or y without x; mend it")
    seen = points[..., 2]
    odd = ~(np.isnan(seen) | np.isin(seen, MARKS))
    if odd.any():
        row = int(np.argmax(odd.any((1, 2))))
        raise UserError(
            f"{path}: {names[row]} has visible {seen[odd][0]:g}; it can be 0 missing, 1 occluded or 2 visible"
        )
    unseen = int((np.isfinite(points[..., :2]).all(-1) & (seen == 0)).sum())
    return Table(path, joints, people, names, labelled(points, seen), said_unseen(unseen, path))


def said_unseen(count: int, path: Path) -> tuple[str, ...]:
    """What is said of labels that have a place and are not visible."""
    return (f"{path}: {count} labels with x and y have visible 0: they are taken for missing",) if count else ()


UNIQUE = "single"
"""The individual by which DeepLabCut means what is no animal's: a corner of the box, say."""


def _of_no_animal(columns: Collection[tuple[str, str, str]]) -> set[str]:
    """The bodyparts that `UNIQUE` alone has, beside animals that have others."""
    single, animals = ({joint for who, joint, _ in columns if (who == UNIQUE) == is_it} for is_it in (True, False))
    return single if animals and not single & animals else set()


def labelled(points: np.ndarray, seen: np.ndarray | None = None) -> np.ndarray:
    """(..., 3) with v set where x and y are finite, else all zero, which is COCO's way to say unlabelled. v is 2, or
    what `seen` (...) says where it is not NaN."""
    there = np.isfinite(points[..., :2]).all(-1)
    v = np.full(there.shape, 2.0) if seen is None else np.where(np.isnan(seen), 2.0, seen)
    there = there & (v > 0)
    points = np.where(there[..., None], points, 0).astype(np.float32)
    points[..., 2] = np.where(there, v, 0)
    return points


def refuse_repeated(images: Sequence[str], path: Path) -> None:
    twice = [name for name, n in Counter(images).items() if n > 1]
    if twice:
        raise UserError(
            f"{path}: {len(twice)} images stand in more than one row, first {twice[0]!r}; keep one row of each"
        )


def root_of(path: Path, images: str | Path | None, first: str) -> Path:
    """What a table's image names are relative to: the folder given, else the nearest above the table that has the
    first image; of a link, above the link, then above what it leads to."""
    if images is not None:
        return Path(images)
    above = [*Path(os.path.abspath(path)).parents[:3], *path.resolve().parents[:3]]
    return next((folder for folder in above if os.path.exists(folder / first)), path.parent)
