"""Looking through data before anything is trained on it: every image is read, every label compared with its image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from semipose.data.crop_store import digest
from semipose.data.crops import UNLABELED_BAD_LIMIT
from semipose.data.duplicates import Print, fingerprint, near_duplicates
from semipose.data.images import decode_image, inside, read_bytes, read_image
from semipose.data.open import open_all, open_unlabeled
from semipose.data.sample import SYNTH, VIDEO, PoseData, Sample
from semipose.data.split import check_overlap
from semipose.data.swapped import orders
from semipose.data.video import read_images
from semipose.errors import UserError
from semipose.sides import find_sides
from semipose.skeleton import joint_map

_LISTED = 20


@dataclass(frozen=True)
class Finding:
    """One thing found. A problem stops training or makes it worthless; a note is dealt with, and worth a look."""

    problem: bool
    text: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Report:
    """What `check` found. `ok`: no problem among the findings."""

    summary: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not any(f.problem for f in self.findings)

    def text(self) -> str:
        """The report to print. Samples are listed by id: all where they are a problem, the first 20 of a note."""
        lines = list(self.summary)
        for finding in sorted(self.findings, key=lambda f: not f.problem):
            lines.append(f"{'PROBLEM' if finding.problem else 'note'}: {finding.text}")
            shown = finding.ids if finding.problem else finding.ids[:_LISTED]
            lines += [f"    {i}" for i in shown]
            if len(shown) < len(finding.ids):
                lines.append(f"    ... and {len(finding.ids) - len(shown)} more")
        problems = sum(f.problem for f in self.findings)
        lines.append("ok: nothing stops training" if self.ok else f"{problems} problems must be mended before training")
        return "\n".join(lines)


@dataclass(frozen=True)
class _Scan:
    """Each image of one set: (height, width), content hash and what tells near-duplicates, or the error that reading
    it gave."""

    shapes: dict[str, tuple[int, int]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    prints: dict[str, Print] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


_Seen = tuple[tuple[int, int], str, Print]


def check(
    labeled: PoseData | str | Path | None = None,
    unlabeled: PoseData | str | Path | None = None,
    val: PoseData | str | Path | None = None,
    progress: bool = True,
    workers: int = 0,
) -> Report:
    """Check the data sets of a training, each a `PoseData` or a source that `open_all`, `open_unlabeled` take.

    A source that cannot be opened is a problem in the report, so that the others are checked all the same.

    Args:
        workers: threads that read images; 0 reads in the caller's.
    """
    summary: list[str] = []
    findings: list[Finding] = []
    sets: dict[str, PoseData] = {}
    for use, source in (("labeled", labeled), ("unlabeled", unlabeled), ("val", val)):
        try:
            data = _opened(use, source)
        except UserError as e:
            findings.append(Finding(True, f"{use}: {e}"))
            continue
        if data is not None:
            sets[use] = data
    scans = {use: _scan(data, progress, workers) for use, data in sets.items()}
    for use, data in sets.items():
        summary += _summary(use, data, scans[use])
        findings += _images(use, scans[use])
        findings += _samples(use, data, scans[use])
        if use != "unlabeled" and not any(s.labeled for s in data):
            findings.append(Finding(True, f"{use}: none of the {len(data)} samples has a labelled joint"))
    findings += _joints(sets)
    findings += _overlap(sets, scans)
    return Report(tuple(summary), tuple(findings))


def _opened(use: str, source: PoseData | str | Path | None) -> PoseData | None:
    if source is None or isinstance(source, PoseData):
        return source
    return open_unlabeled(source) if use == "unlabeled" else open_all(source)


def _scan(data: PoseData, progress: bool, workers: int) -> _Scan:
    scan = _Scan()
    with ThreadPoolExecutor(max(1, workers)) as pool:
        stills = [image for image in data.images if not image.startswith(VIDEO)]
        read = zip(stills, pool.map(_read, stills) if workers else map(_read, stills), strict=True)
        films = [image for image in data.images if image.startswith(VIDEO)]
        frames = ((image, _frame(image, pixels)) for image, pixels in read_images(films))
        both, console = chain(read, frames), Console(stderr=True)
        for image, result in track(
            both, f"reading {data.name}", len(data.images), console=console, disable=not progress
        ):
            if isinstance(result, str):
                scan.errors[image] = result
            else:
                scan.shapes[image], scan.digests[image], scan.prints[image] = result
    return scan


def _read(image: str) -> _Seen | str:
    try:
        if image.startswith(SYNTH):
            pixels = read_image(image)
            return pixels.shape[:2], image, fingerprint(pixels)
        content = read_bytes(image)
        pixels = decode_image(content, image)
        return pixels.shape[:2], digest(content), fingerprint(pixels)
    except UserError as e:
        return str(e)


def _frame(image: str, pixels: np.ndarray | UserError) -> _Seen | str:
    if isinstance(pixels, UserError):
        return str(pixels)
    return pixels.shape[:2], digest(pixels.tobytes()), fingerprint(pixels)


def _summary(use: str, data: PoseData, scan: _Scan) -> list[str]:
    labels = sum(s.labeled for s in data)
    lines = [f"{use}: {data.name}, {len(data)} samples ({labels} labelled) in {len(data.images)} images"]
    if scan.shapes:
        heights, widths = np.array(list(scan.shapes.values())).T
        lines.append(
            f"    image heights {heights.min()} to {heights.max()}, widths {widths.min()} to {widths.max()} pixels"
        )
    if data.skeleton and labels:
        points = np.stack([s.keypoints for s in data if s.keypoints is not None])
        share = (points[..., 2] > 0).mean(0)
        coverage = [f"{joint} {100 * part:.0f}%" for joint, part in zip(data.skeleton.joints, share, strict=True)]
        lines.append(f"    labelled joints: {', '.join(coverage)}")
    return lines


def _images(use: str, scan: _Scan) -> list[Finding]:
    found = []
    if scan.errors:
        total = len(scan.errors) + len(scan.shapes)
        stops = use != "unlabeled" or len(scan.errors) > UNLABELED_BAD_LIMIT * total
        text = f"{use}: {len(scan.errors)} of {total} images cannot be used"
        text += "" if stops else "; training leaves them out"
        found.append(Finding(stops, text, tuple(scan.errors.values())))
    copies: dict[str, list[str]] = {}
    for image, content in scan.digests.items():
        copies.setdefault(content, []).append(image)
    twice = tuple(" = ".join(same) for same in copies.values() if len(same) > 1)
    if twice:
        found.append(Finding(False, f"{use}: {len(twice)} images are in the set more than once, byte for byte", twice))
    return found


def _samples(use: str, data: PoseData, scan: _Scan) -> list[Finding]:
    readable = [s for s in data if s.image in scan.shapes]
    places = Counter((s.image, s.box) for s in data)
    found = [
        (True, "boxes lie outside their image", [s.id for s in readable if _is_outside(s, scan)]),
        (False, "samples repeat another's image and box", [s.id for s in data if places[s.image, s.box] > 1]),
    ]
    if use != "unlabeled":
        found += [
            (
                False,
                "samples have joints outside the image, which are treated as unlabelled",
                _strays(readable, data, scan),
            ),
            (False, "samples have no labelled joint and teach nothing", [s.id for s in data if not s.labeled]),
            (False, "joints are never labelled", _never(data)),
        ]
        found += [(False, text, ids) for text, ids in _left_and_right(data)]
    return [Finding(problem, f"{use}: {len(ids)} {what}", tuple(ids)) for problem, what, ids in found if ids]


def _left_and_right(data: PoseData) -> list[tuple[str, list[str]]]:
    if data.skeleton is None or not any(s.labeled for s in data):
        return []
    swapped = [f"{i}: {each.left} - {each.right}" for each in orders(data) for i in each.swapped]
    return [
        ("labels look as if left and right were swapped; semipose doctor shows them", swapped),
        ("joint names leave left and right unclear", list(find_sides(data.skeleton.joints).remarks)),
    ]


def _is_outside(sample: Sample, scan: _Scan) -> bool:
    (x, y, w, h), (height, width) = sample.box, scan.shapes[sample.image]
    return x >= width or y >= height or x + w <= 0 or y + h <= 0


def _strays(samples: Sequence[Sample], data: PoseData, scan: _Scan) -> list[str]:
    """ "id: joint, joint" of each sample with labelled joints outside its image."""
    found = []
    for sample in samples:
        if sample.keypoints is not None and data.skeleton is not None:
            out = (sample.keypoints[:, 2] > 0) & ~inside(sample.keypoints[:, :2], scan.shapes[sample.image])
            if out.any():
                found.append(f"{sample.id}: {', '.join(np.array(data.skeleton.joints)[out])}")
    return found


def _never(data: PoseData) -> list[str]:
    points = [s.keypoints for s in data if s.keypoints is not None]
    if data.skeleton is None or not points:
        return []
    return [
        joint for joint, n in zip(data.skeleton.joints, (np.stack(points)[..., 2] > 0).sum(0), strict=True) if not n
    ]


def _joints(sets: dict[str, PoseData]) -> list[Finding]:
    """Where the validation joints are others, by name: they are scored on those in common."""
    skeletons = [sets[use].skeleton for use in ("labeled", "val") if use in sets]
    if len(skeletons) < 2 or None in skeletons:
        return []
    ours, theirs = skeletons
    assert ours is not None and theirs is not None
    lacking = [name for name, i in zip(ours.joints, joint_map(theirs, ours), strict=True) if i is None]
    unknown = [name for name, i in zip(theirs.joints, joint_map(ours, theirs), strict=True) if i is None]
    if len(lacking) == len(ours):
        return [Finding(True, "val: no joint is one of labeled's by name; rename them", theirs.joints)]
    found = []
    if lacking:
        found.append(Finding(False, f"val: {len(lacking)} of labeled's joints are not in it, by name", tuple(lacking)))
    if unknown:
        found.append(Finding(False, f"val: {len(unknown)} joints are not labeled's and are left out", tuple(unknown)))
    return found


def _overlap(sets: dict[str, PoseData], scans: dict[str, _Scan]) -> list[Finding]:
    """Leakage into validation, of the same files and of copies under another name."""
    if "val" not in sets:
        return []
    held_out = {content: image for image, content in scans["val"].digests.items()}
    found = []
    for use in ("labeled", "unlabeled"):
        if use not in sets:
            continue
        try:
            check_overlap(**{use: sets[use]}, val=sets["val"])
        except UserError as e:
            found.append(Finding(True, str(e)))
            continue
        near = near_duplicates(scans[use].prints, scans["val"].prints)
        near = {image: other for image, other in near.items() if scans[use].digests[image] not in held_out}
        if near:
            text = f"{len(near)} {use} images are near-duplicates of validation images, whose scores they may flatter"
            found.append(Finding(False, text, tuple(f"{image} ~ {other}" for image, other in near.items())))
        copies = [f"{i} = {held_out[c]}" for i, c in scans[use].digests.items() if c in held_out]
        if copies:
            found.append(
                Finding(True, f"{len(copies)} {use} images are copies of validation images (leakage)", tuple(copies))
            )
    return found
