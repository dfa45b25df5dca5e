"""Looking through data before anything is trained on it: every image is read, every label compared with its image."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semipose.data.checks.duplicates import Twins
from semipose.data.checks.frame import Doubt, Header, at_the_corner, box_doubts, frame_doubts
from semipose.data.checks.scan import Scan, read_all
from semipose.data.checks.swapped import orders
from semipose.data.checks.symmetry import side_doubts
from semipose.data.coordinates import in_pixels
from semipose.data.extent import LARGE, is_huge, lies_beside
from semipose.data.open import open_all, open_unlabeled
from semipose.data.pictures import UNLABELED_BAD_LIMIT, inside
from semipose.data.refs import Frame, is_frame, parse
from semipose.data.sample import PoseData, Sample
from semipose.data.split import check_overlap
from semipose.data.video import cut_short
from semipose.errors import UserError, UserErrors, plain_text
from semipose.skeleton import Skeleton, joint_map

_LISTED, SHOWN = 20, 6
APART = {
    "labeled": "put both of a pair on one side, by hand in the split, or take one out",
    "unlabeled": "leave these images out of data.unlabeled, or validate on others",
}
"""What to do about near-duplicates across validation."""
ONCE = "keep one of each: the others only make it weigh more"
NEARLY = 0.05
"""Of a body's longer side: two people who label it differ by less, and two bodies by more."""
DARK = 40
"""Of 255: a set whose brightest pixel is below was not stored with the range that its file format has."""

Source = PoseData | str | Path | list[str] | UserError | None
"""Of one set: as it is, what `open_all` and `open_unlabeled` take, or why it could not be opened."""


@dataclass(frozen=True, eq=False)
class Look:
    """A picture to look at: a sample with its labels, where it has any, and what to see. `mirrored`: as training shows
    the mirror image; `whole`: with all that lies around."""

    sample: Sample
    skeleton: Skeleton | None
    caption: str
    mirrored: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Finding:
    """One thing found. A problem stops training or makes it worthless; a note is dealt with, and worth a look. `todo`
    says what to do about it; `looks` show it on a page."""

    problem: bool
    text: str
    ids: tuple[str, ...] = ()
    todo: str = ""
    looks: tuple[Look, ...] = ()


@dataclass(frozen=True)
class Counts:
    """What one set holds. `heights` and `widths`: of its images, least and most, where one could be read; `coverage`:
    joint -> the share of instances in which it is labelled, where there are labels."""

    use: str
    name: str
    samples: int
    labeled: int
    images: int
    heights: tuple[int, int] | None
    widths: tuple[int, int] | None
    coverage: dict[str, float]

    def lines(self) -> list[str]:
        """The same to print."""
        lines = [f"{self.use}: {self.name}, {self.samples} samples ({self.labeled} labelled) in {self.images} images"]
        if self.heights and self.widths:
            (low, high), (thin, wide) = self.heights, self.widths
            lines.append(f"    image heights {low} to {high}, widths {thin} to {wide} pixels")
        if self.coverage:
            shares = (f"{joint} {100 * part:.0f}%" for joint, part in self.coverage.items())
            lines.append(f"    labelled joints: {', '.join(shares)}")
        return lines


@dataclass(frozen=True)
class Report:
    """What `check` found. `ok`: no problem among the findings."""

    sets: tuple[Counts, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return not any(f.problem for f in self.findings)

    def text(self) -> str:
        """The report to print. Samples are listed by id: all where they are a problem, the first 20 of a note."""
        lines = [line for counts in self.sets for line in counts.lines()]
        for finding in sorted(self.findings, key=lambda f: not f.problem):
            lines.append(f"{'PROBLEM' if finding.problem else 'note'}: {finding.text}")
            shown = finding.ids if finding.problem else finding.ids[:_LISTED]
            lines += [f"    {i}" for i in shown]
            if len(shown) < len(finding.ids):
                lines.append(f"    ... and {len(finding.ids) - len(shown)} more")
            lines += [f"    -> {finding.todo}"] if finding.todo else []
        problems = sum(f.problem for f in self.findings)
        lines.append("ok: nothing stops training" if self.ok else f"{problems} problems must be mended before training")
        return "\n".join(map(plain_text, lines))


def check(
    labeled: Source = None,
    unlabeled: Source = None,
    val: Source = None,
    progress: bool = True,
    workers: int = 0,
    paired: bool = False,
    settled: Collection[str] = (),
) -> Report:
    """Check the data sets of a training, each a `PoseData` or a source that `open_all`, `open_unlabeled` take.

    A source that cannot be opened is a problem in the report, so that the others are checked all the same.

    Args:
        workers: threads that read images; 0 reads in the caller's.
        paired: left and right were named by the user, whatever the joints' names say.
        settled: what else the user has said of the data: "coordinates", "boxes".
    """
    counts: list[Counts] = []
    findings: list[Finding] = []
    sets: dict[str, PoseData] = {}
    for use, source in (("labeled", labeled), ("unlabeled", unlabeled), ("val", val)):
        try:
            data = _opened(use, source)
        except UserError as e:
            several = e.several if isinstance(e, UserErrors) and len(e.several) > 1 else ()
            text = f"{use}: {len(several)} files cannot be read" if several else f"{use}: {e}"
            findings.append(Finding(True, text, several, "mend, convert or remove them" if several else ""))
            continue
        if data is not None:
            sets[use] = data
    scans = _scanned(sets, progress, workers)
    for use, data in sets.items():
        counts.append(_counts(use, data, scans[use]))
        findings += [Finding(False, f"{use}: {remark}") for remark in data.remarks]
        findings += _left_out(use, data)
        findings += _images(use, scans[use])
        findings += _ends(use, scans[use])
        findings += _frame(use, data, scans[use], settled)
        findings += _samples(use, data, scans[use], paired)
        if use != "unlabeled" and not data.has_labels:
            what = f"{use}: none of the {len(data)} samples has a labelled joint"
            findings.append(Finding(True, what, todo="name the labels' file; is this the unlabelled data?"))
    findings += _joints(sets)
    findings += _overlap(sets, scans)
    return Report(tuple(counts), tuple(findings))


def _opened(use: str, source: Source) -> PoseData | None:
    if source is None or isinstance(source, PoseData):
        return source
    if isinstance(source, UserError):
        raise source
    return open_unlabeled(source) if use == "unlabeled" or isinstance(source, list) else open_all(source)


def _scanned(sets: Mapping[str, PoseData], progress: bool, workers: int) -> dict[str, Scan]:
    """Every image is read; validation's first, with which the others are compared."""
    scans, twins = dict[str, Scan](), None
    if "val" in sets and len(sets) > 1:
        scans["val"] = read_all(sets["val"], progress, workers, keep=True)
        twins = Twins(scans["val"].prints)
    elif "val" in sets:
        scans["val"] = read_all(sets["val"], progress, workers)
    return scans | {use: read_all(data, progress, workers, against=twins) for use, data in sets.items() if use != "val"}


def _left_out(use: str, data: PoseData) -> list[Finding]:
    """Files that could not even be listed."""
    lost = data.left_out
    text = f"{use}: {len(lost)} files cannot be read and are left out"
    return [Finding(False, text, lost, "mend, convert or remove them")] if lost else []


def _counts(use: str, data: PoseData, scan: Scan) -> Counts:
    coverage, labeled = {}, 0
    if data.skeleton:
        count, seen = 0, np.zeros(len(data.skeleton), np.int64)
        for _, points in data.labels():
            there = points[:, 2] > 0
            count, seen, labeled = count + 1, seen + there, labeled + bool(there.any())
        coverage = dict(zip(data.skeleton.joints, (seen / count).tolist(), strict=True)) if labeled else {}
    shapes = scan.shapes[scan.readable]
    low, high = (shapes.min(0).tolist(), shapes.max(0).tolist()) if len(shapes) else ([], [])
    heights, widths = zip(low, high, strict=True) if len(shapes) else (None, None)
    return Counts(use, data.name, len(data), labeled, len(scan.names), heights, widths, coverage)


def _images(use: str, scan: Scan) -> list[Finding]:
    findings = []
    if scan.errors:
        total = len(scan.names)
        stops = use != "unlabeled" or len(scan.errors) > UNLABELED_BAD_LIMIT * total
        text = f"{use}: {len(scan.errors)} of {total} images cannot be used"
        text += "" if stops else "; training leaves them out"
        todo = "mend or remove them; often a copy was cut short" if stops else ""
        findings.append(Finding(stops, text, tuple(scan.errors.values()), todo))
    brightest = int(scan.peaks[scan.readable].max(initial=0))
    if brightest < DARK and scan.readable.any():
        text = f"{use}: the brightest pixel of all images is {brightest} of 255"
        todo = "12-bit pictures in 16-bit files? spread their values over the whole range, in 8 bits"
        findings.append(Finding(False, text, (), todo))
    twice = _twice(scan)
    if twice:
        findings.append(
            Finding(False, f"{use}: {len(twice)} images are in the set more than once, byte for byte", twice, ONCE)
        )
    return findings


def _twice(scan: Scan) -> tuple[str, ...]:
    """ "a.png = b.png" of images with the same content, the first few of many."""
    rows = np.flatnonzero(scan.readable)
    order = rows[np.argsort(scan.digests[rows], kind="stable")]
    parts = np.split(order, np.flatnonzero(np.diff(scan.digests[order])) + 1) if len(order) else []
    same = sorted((part for part in parts if len(part) > 1), key=lambda part: int(part[0]))
    lines = [" = ".join(scan.names.take(part[:SHOWN])) for part in same]
    more = [f" (and {len(part) - SHOWN} more)" if len(part) > SHOWN else "" for part in same]
    return tuple(map("".join, zip(lines, more, strict=True)))


def _ends(use: str, scan: Scan) -> list[Finding]:
    """Videos of which the end is missing."""
    frames = map(parse, filter(is_frame, scan.names))
    films = dict.fromkeys(ref.file for ref in frames if isinstance(ref, Frame))
    lines = []
    for film in films:
        with contextlib.suppress(UserError):  # which is said of its frames
            lines.append(cut_short(film))
    cut = tuple(line for line in lines if line)
    return [Finding(False, f"{use}: {len(cut)} videos end early", cut)] if cut else []


def _samples(use: str, data: PoseData, scan: Scan, paired: bool) -> list[Finding]:
    ids = data.samples.ids
    rows = [
        (
            True,
            "boxes lie outside their image",
            "mend the boxes, or leave them out with data.boxes=labels",
            _placed(data, scan, lies_beside),
        ),
        (
            True,
            f"boxes are more than {LARGE} times as large as their image",
            "mend the boxes, or leave them out with data.boxes=labels",
            _placed(data, scan, is_huge),
        ),
        (
            False,
            "samples repeat another's image and box",
            "keep one of each, unless they are meant to weigh more",
            list(ids.take(_repeated(data, scan))),
        ),
    ]
    if use != "unlabeled":
        rows += [
            (
                False,
                "samples have joints outside the image, which are treated as unlabelled",
                "many of them mean that labels and images do not belong together, or that images were resized",
                _strays(data, scan),
            ),
            (
                False,
                "labels are exactly (0, 0)",
                "empty the cells if they mean missing",
                at_the_corner(data),
            ),
            (
                False,
                "samples have no labelled joint and teach nothing",
                "label them, or leave them to the unlabelled images",
                list(ids.take(_without_labels(data))),
            ),
            (
                False,
                "bodies are where another body of the image is, joint for joint",
                "keep one of each, if two people or two files label the same body",
                list(ids.take(_doubled(data, scan))),
            ),
            (False, "joints are never labelled", _without(use, data), data.never_labeled()),
        ]
    found = [
        Finding(problem, f"{use}: {len(ids)} {what}", tuple(ids), todo) for problem, what, todo, ids in rows if ids
    ]
    return [*found, *(_left_and_right(use, data, paired) if use != "unlabeled" else [])]


def _left_and_right(use: str, data: PoseData, paired: bool) -> list[Finding]:
    if data.skeleton is None or not data.has_labels:
        return []
    findings = []
    swapped = [(i, f"{order.left} - {order.right}") for order in orders(data) for i in order.swapped]
    if swapped:
        text = f"{use}: {len(swapped)} labels look as if left and right were swapped"
        looks = tuple(Look(data.subset([i])[0], data.skeleton, f"{pair}: swapped?") for i, pair in swapped[:SHOWN])
        ids = tuple(f"{i}: {pair}" for i, pair in swapped)
        findings.append(Finding(False, text, ids, "semipose doctor shows them; mend those that are", looks))
    remarks = side_doubts(data, {"pairs": []} if paired else None)
    if remarks:
        best = max(data, key=lambda s: 0 if s.keypoints is None else int((s.keypoints[:, 2] > 0).sum()))
        looks = (
            Look(best, data.skeleton, "as labelled"),
            Look(best, data.skeleton, "mirrored, as training would show it", mirrored=True),
        )
        text = f"{use}: {len(remarks)} joint names leave left and right unclear, so pictures are not mirrored"
        todo = "name the pairs of left and right with data.skeleton, pairs ([] for none)"
        findings.append(Finding(False, text, tuple(remarks), todo, looks))
    return findings


def _frame(use: str, data: PoseData, scan: Scan, settled: Collection[str]) -> list[Finding]:
    """What labels and boxes may count instead of pixels, and width and height."""
    if use == "unlabeled":
        return []
    rows = zip(scan.names, scan.shapes.tolist(), scan.turns.tolist(), strict=True)
    heads = {image: Header((height, width), turn) for image, (height, width), turn in rows if height}
    doubts = [] if "coordinates" in settled else frame_doubts(data, heads)
    doubts += [] if "boxes" in settled or any(doubt.certain for doubt in doubts) else box_doubts(data, heads)
    return [
        Finding(doubt.certain, f"{use}: {doubt.text}", (), doubt.todo, _looks(doubt, data.skeleton)) for doubt in doubts
    ]


def _looks(doubt: Doubt, skeleton: Skeleton | None) -> tuple[Look, ...]:
    """A sample as it is read, and as it would be with what is proposed."""
    rows = []
    for sample in doubt.samples:
        rows.append(Look(sample, skeleton, "as it is read", whole=True))
        if doubt.key == "coordinates" and doubt.right not in (None, "file"):
            moved = in_pixels(PoseData("", skeleton, (sample,)), doubt.right)[0]
            rows.append(Look(moved, skeleton, f"with data.coordinates={doubt.right}", whole=True))
    return tuple(rows)


def _placed(data: PoseData, scan: Scan, rule: Callable[[Any, Any, Any], Any]) -> list[str]:
    """The ids of samples whose boxes are wrong by a rule, in images that can be read."""
    height, width = scan.shapes[scan.place].T
    wrong = (height > 0) & rule(data.samples.boxes.T, height, width)
    return list(data.samples.ids.take(np.flatnonzero(wrong)))


def _repeated(data: PoseData, scan: Scan) -> np.ndarray:
    """The places of samples that have the image and the box of another."""
    if len(scan.names) == len(data):
        return np.zeros(0, np.int64)
    rows = np.column_stack([scan.place, data.samples.boxes])
    order = np.lexsort(rows.T)
    same = (np.diff(rows[order], axis=0) == 0).all(1)
    return np.sort(order[np.append(same, False) | np.append(False, same)])


def _doubled(data: PoseData, scan: Scan) -> np.ndarray:
    """The places of samples whose joints lie, on average, within `NEARLY` of where those of an earlier sample of the
    image do."""
    bodies: dict[int, list[tuple[int, np.ndarray]]] = {}
    several = np.bincount(scan.place, minlength=1) > 1
    for row, points in data.labels():
        if several[scan.place[row]] and (points[:, 2] > 0).sum() > 1:
            bodies.setdefault(int(scan.place[row]), []).append((row, points))
    found = set[int]()
    for each in bodies.values():
        points = np.stack([points for _, points in each]).astype(np.float64)
        seen, at = points[..., 2] > 0, np.where(points[..., 2:] > 0, points[..., :2], 0)
        for n in range(1, len(each)):
            others = np.flatnonzero((seen[:n] & seen[n]).sum(1) > 1)
            both = seen[others] & seen[n]
            far = (np.linalg.norm(at[others] - at[n], axis=-1) * both).sum(1) / both.sum(1)
            own = np.where(both[..., None], at[n], np.nan)
            sizes = (np.nanmax(own, 1) - np.nanmin(own, 1)).max(1)
            if (far < NEARLY * sizes).any():
                found.add(each[n][0])
    return np.array(sorted(found), np.int64)


def _without_labels(data: PoseData) -> np.ndarray:
    """The places of samples without a labelled joint."""
    bare = np.ones(len(data), bool)
    bare[[row for row, points in data.labels() if (points[:, 2] > 0).any()]] = False
    return np.flatnonzero(bare)


def _strays(data: PoseData, scan: Scan) -> list[str]:
    """ "id: joint, joint" of each sample with labelled joints outside its image."""
    strays, shapes = [], scan.shapes[scan.place]
    for row, points in data.labels() if data.skeleton is not None else ():
        out = (points[:, 2] > 0) & ~inside(points[:, :2], shapes[row])
        if shapes[row, 0] and out.any():
            strays.append(f"{data.samples.ids[row]}: {_joints_at(data, out)}")
    return strays


def _joints_at(data: PoseData, which: np.ndarray) -> str:
    assert data.skeleton is not None
    return ", ".join(np.array(data.skeleton.joints)[which])


def _without(use: str, data: PoseData) -> str:
    """What to do about joints that are never labelled."""
    if use == "val":
        return "nothing says how well they are predicted; label some images for validation that show them"
    gone = set(data.never_labeled())
    rest = [joint for joint in (data.skeleton.joints if data.skeleton else ()) if joint not in gone]
    return f"leave them out: skeleton: {{joints: [{', '.join(rest)}]}} in the data section" if gone and rest else ""


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
    findings = []
    if lacking:
        findings.append(
            Finding(False, f"val: {len(lacking)} of labeled's joints are not in it, by name", tuple(lacking))
        )
    if unknown:
        findings.append(
            Finding(False, f"val: {len(unknown)} joints are not labeled's and are left out", tuple(unknown))
        )
    return findings


def _overlap(sets: dict[str, PoseData], scans: dict[str, Scan]) -> list[Finding]:
    """Leakage into validation, of the same files and of copies under another name."""
    if "val" not in sets:
        return []
    val = scans["val"]
    held_out = {val.digests[m]: name for m, name in enumerate(val.names) if val.readable[m]}
    findings = []
    for use in ("labeled", "unlabeled"):
        if use not in sets:
            continue
        try:
            check_overlap(**{use: sets[use]}, val=sets["val"])
        except UserError as e:
            findings.append(Finding(True, str(e)))
            continue
        scan = scans[use]
        same = np.isin(scan.digests, [*held_out]) & scan.readable if held_out else np.zeros(len(scan.names), bool)
        near = {m: other for m, other in scan.near.items() if not same[m]}
        if near:
            text = f"{len(near)} {use} images are near-duplicates of validation images, whose scores they may flatter"
            pairs = tuple(f"{scan.names[m]} ~ {other}" for m, other in near.items())
            ours, theirs = (_film(sets[each], scans[each]) for each in (use, "val"))
            place = {name: m for m, name in enumerate(val.names)}
            together = any((film := ours(m)) is not None and film == theirs(place[other]) for m, other in near.items())
            todo = "hold out whole videos: semipose init does where that leaves enough" if together else APART[use]
            findings.append(Finding(False, text, pairs, todo, _both(sets, scans, use, near)))
        copies = {m: held_out[scan.digests[m]] for m in np.flatnonzero(same).tolist()}
        if copies:
            text = f"{len(copies)} {use} images are copies of validation images (leakage)"
            ids = tuple(f"{scan.names[m]} = {other}" for m, other in copies.items())
            todo = "remove them from one of the two"
            findings.append(Finding(True, text, ids, todo, _both(sets, scans, use, copies)))
    return findings


def _both(
    sets: Mapping[str, PoseData], scans: Mapping[str, Scan], use: str, pairs: Mapping[int, str]
) -> tuple[Look, ...]:
    """The first pairs of images, side by side."""
    looks, val = [], list(scans["val"].names)
    for m, other in list(pairs.items())[: SHOWN // 2]:
        for which, at, caption in ((use, m, "learned from"), ("val", val.index(other), "of validation")):
            data = sets[which]
            sample = data[int((scans[which].place == at).argmax())]
            looks.append(Look(sample, data.skeleton, caption, whole=True))
    return tuple(looks)


def _film(data: PoseData, scan: Scan) -> Callable[[int], str | None]:
    """The video that the image at a place is of: its session, or a frame's file, after which DeepLabCut names its
    folders."""
    first = np.unique(scan.place, return_index=True)[1]

    def film(m: int) -> str | None:
        sample = data[int(first[m])]
        ref = parse(sample.image)
        return sample.session or (ref.file.stem if isinstance(ref, Frame) else None)

    return film
