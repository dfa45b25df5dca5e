"""Looking through data before anything is trained on it: every image is read, every label compared with its image."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from semipose.data.checks.duplicates import near_duplicates
from semipose.data.checks.frame import Doubt, Header, box_doubts, frame_doubts
from semipose.data.checks.scan import Scan, read_all
from semipose.data.checks.swapped import orders
from semipose.data.checks.symmetry import side_doubts
from semipose.data.coordinates import in_pixels
from semipose.data.open import open_all, open_unlabeled
from semipose.data.pictures import UNLABELED_BAD_LIMIT, inside
from semipose.data.refs import Frame, parse
from semipose.data.sample import PoseData, Sample
from semipose.data.split import check_overlap
from semipose.data.video import cut_short
from semipose.errors import UserError, UserErrors
from semipose.skeleton import Skeleton, joint_map

_LISTED, SHOWN = 20, 6
APART = {
    "labeled": "put both of a pair on one side, by hand in the split, or take one out",
    "unlabeled": "leave these images out of data.unlabeled, or validate on others",
}
"""What to do about near-duplicates across validation."""
ONCE = "keep one of each: the others only make it weigh more"
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
        return "\n".join(lines)


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
    scans = {use: read_all(data, progress, workers) for use, data in sets.items()}
    for use, data in sets.items():
        counts.append(_counts(use, data, scans[use]))
        findings += [Finding(False, f"{use}: {remark}") for remark in data.remarks]
        findings += _images(use, scans[use])
        findings += _ends(use, data)
        findings += _frame(use, data, scans[use], settled)
        findings += _samples(use, data, scans[use], paired)
        if use != "unlabeled" and not any(s.labeled for s in data):
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


def _counts(use: str, data: PoseData, scan: Scan) -> Counts:
    labels = [s.keypoints for s in data if s.labeled and s.keypoints is not None]
    sides = [(int(min(side)), int(max(side))) for side in zip(*scan.shapes.values(), strict=True)]
    coverage = {}
    if data.skeleton and labels:
        share = (np.stack([s.keypoints for s in data if s.keypoints is not None])[..., 2] > 0).mean(0)
        coverage = dict(zip(data.skeleton.joints, share.tolist(), strict=True))
    heights, widths = sides or (None, None)
    return Counts(use, data.name, len(data), len(labels), len(data.images), heights, widths, coverage)


def _images(use: str, scan: Scan) -> list[Finding]:
    findings = []
    if scan.errors:
        total = len(scan.errors) + len(scan.shapes)
        stops = use != "unlabeled" or len(scan.errors) > UNLABELED_BAD_LIMIT * total
        text = f"{use}: {len(scan.errors)} of {total} images cannot be used"
        text += "" if stops else "; training leaves them out"
        todo = "mend or remove them; often a copy was cut short" if stops else ""
        findings.append(Finding(stops, text, tuple(scan.errors.values()), todo))
    brightest = max(scan.peaks.values(), default=255)
    if brightest < DARK:
        text = f"{use}: the brightest pixel of all images is {brightest} of 255"
        todo = "12-bit pictures in 16-bit files? spread their values over the whole range, in 8 bits"
        findings.append(Finding(False, text, (), todo))
    copies: dict[bytes, list[str]] = {}
    for image, content in scan.digests.items():
        copies.setdefault(content, []).append(image)
    twice = tuple(" = ".join(same) for same in copies.values() if len(same) > 1)
    if twice:
        findings.append(
            Finding(False, f"{use}: {len(twice)} images are in the set more than once, byte for byte", twice, ONCE)
        )
    return findings


def _ends(use: str, data: PoseData) -> list[Finding]:
    """Videos of which the end is missing."""
    films = dict.fromkeys(ref.file for ref in map(parse, data.images) if isinstance(ref, Frame))
    lines = []
    for film in films:
        with contextlib.suppress(UserError):  # which is said of its frames
            lines.append(cut_short(film))
    cut = tuple(line for line in lines if line)
    return [Finding(False, f"{use}: {len(cut)} videos end early", cut)] if cut else []


def _samples(use: str, data: PoseData, scan: Scan, paired: bool) -> list[Finding]:
    readable = [s for s in data if s.image in scan.shapes]
    places = Counter((s.image, s.box) for s in data)
    rows = [
        (
            True,
            "boxes lie outside their image",
            "mend the boxes, or leave them out with data.boxes=labels",
            [s.id for s in readable if _is_outside(s, scan)],
        ),
        (
            False,
            "samples repeat another's image and box",
            "keep one of each, unless they are meant to weigh more",
            [s.id for s in data if places[s.image, s.box] > 1],
        ),
    ]
    if use != "unlabeled":
        rows += [
            (
                False,
                "samples have joints outside the image, which are treated as unlabelled",
                "many of them mean that labels and images do not belong together, or that images were resized",
                _strays(readable, data, scan),
            ),
            (
                False,
                "labels are exactly (0, 0)",
                "empty the cells if they mean missing",
                _at_the_corner(data),
            ),
            (
                False,
                "samples have no labelled joint and teach nothing",
                "label them, or leave them to the unlabelled images",
                [s.id for s in data if not s.labeled],
            ),
            (False, "joints are never labelled", _without(use, data), _never(data)),
        ]
    found = [
        Finding(problem, f"{use}: {len(ids)} {what}", tuple(ids), todo) for problem, what, todo, ids in rows if ids
    ]
    return [*found, *(_left_and_right(use, data, paired) if use != "unlabeled" else [])]


def _left_and_right(use: str, data: PoseData, paired: bool) -> list[Finding]:
    if data.skeleton is None or not any(s.labeled for s in data):
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
    heads = {image: Header(shape, scan.turns.get(image, 1)) for image, shape in scan.shapes.items()}
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


def _is_outside(sample: Sample, scan: Scan) -> bool:
    (x, y, w, h), (height, width) = sample.box, scan.shapes[sample.image]
    return x >= width or y >= height or x + w <= 0 or y + h <= 0


def _strays(samples: Sequence[Sample], data: PoseData, scan: Scan) -> list[str]:
    """ "id: joint, joint" of each sample with labelled joints outside its image."""
    strays = []
    for sample in samples:
        if sample.keypoints is not None and data.skeleton is not None:
            out = (sample.keypoints[:, 2] > 0) & ~inside(sample.keypoints[:, :2], scan.shapes[sample.image])
            if out.any():
                strays.append(f"{sample.id}: {', '.join(np.array(data.skeleton.joints)[out])}")
    return strays


def _at_the_corner(data: PoseData) -> list[str]:
    """ "id: joint" of each label at (0, 0), by which some programs mean a missing one."""
    joints = data.skeleton.joints if data.skeleton is not None else ()
    rows = (
        (s.id, joint, point)
        for s in data
        for joint, point in zip(joints, s.keypoints if s.keypoints is not None else (), strict=False)
    )
    return [f"{number}: {joint}" for number, joint, (x, y, v) in rows if v > 0 and x == 0 == y]


def _never(data: PoseData) -> list[str]:
    points = [s.keypoints for s in data if s.keypoints is not None]
    if data.skeleton is None or not points:
        return []
    return [
        joint for joint, n in zip(data.skeleton.joints, (np.stack(points)[..., 2] > 0).sum(0), strict=True) if not n
    ]


def _without(use: str, data: PoseData) -> str:
    """What to do about joints that are never labelled."""
    if use == "val":
        return "nothing says how well they are predicted; label some images for validation that show them"
    gone = set(_never(data))
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
    held_out = {content: image for image, content in scans["val"].digests.items()}
    findings = []
    for use in ("labeled", "unlabeled"):
        if use not in sets:
            continue
        try:
            check_overlap(**{use: sets[use]}, val=sets["val"])
        except UserError as e:
            findings.append(Finding(True, str(e)))
            continue
        near = near_duplicates(scans[use].prints, scans["val"].prints)
        near = {image: other for image, other in near.items() if scans[use].digests[image] not in held_out}
        if near:
            text = f"{len(near)} {use} images are near-duplicates of validation images, whose scores they may flatter"
            pairs = tuple(f"{image} ~ {other}" for image, other in near.items())
            ours, theirs = _films(sets[use]), _films(sets["val"])
            together = any(ours[image] is not None and ours[image] == theirs[other] for image, other in near.items())
            todo = "hold out whole videos: semipose init does where that leaves enough" if together else APART[use]
            findings.append(Finding(False, text, pairs, todo, _both(sets[use], sets["val"], near)))
        copies = {i: held_out[c] for i, c in scans[use].digests.items() if c in held_out}
        if copies:
            text = f"{len(copies)} {use} images are copies of validation images (leakage)"
            ids, looks = tuple(f"{i} = {j}" for i, j in copies.items()), _both(sets[use], sets["val"], copies)
            findings.append(Finding(True, text, ids, "remove them from one of the two", looks))
    return findings


def _both(ours: PoseData, theirs: PoseData, pairs: Mapping[str, str]) -> tuple[Look, ...]:
    """The first pairs of images, side by side."""
    looks = []
    for image, other in list(pairs.items())[: SHOWN // 2]:
        for data, name, caption in ((ours, image, "learned from"), (theirs, other, "of validation")):
            sample = next(s for s in data if s.image == name)
            looks.append(Look(sample, data.skeleton, caption, whole=True))
    return tuple(looks)


def _films(data: PoseData) -> dict[str, str | None]:
    """The video that each image is of: its session, or a frame's file, after which DeepLabCut names its folders."""
    refs = {image: parse(image) for image in data.images}
    stems = {image: ref.file.stem if isinstance(ref, Frame) else None for image, ref in refs.items()}
    return {s.image: s.session or stems[s.image] for s in data}
