"""`check`'s findings as one HTML page, with pictures of the labels that a model doubts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from semipose.data.checks.check import Finding, Look, Report
from semipose.data.images import read_image
from semipose.data.sample import PoseData
from semipose.drawing.poses import draw_pose
from semipose.errors import UserError
from semipose.inference.doubts import Doubt
from semipose.reports.doctor import drawn
from semipose.reports.gallery import Picture, crop_to_box, data_uri
from semipose.reports.html import write_page

SHOWN, LISTED, EXAMPLES = 24, 50, 6


def page(report: Report, doubts: Sequence[Doubt], path: Path, data: PoseData | None = None) -> Path:
    """Write the page: first what stops training, then what is worth a look, counts, the doubted labels, and some of the
    labelled samples of `data`."""
    groups = [
        ("What stops training", [f for f in report.findings if f.problem]),
        ("What will be slow", [f for f in report.findings if _slow(f)]),
        ("Worth a look", [f for f in report.findings if not f.problem and not _slow(f)]),
    ]
    joints = dict.fromkeys(joint for each in report.sets for joint in each.coverage)
    labeled = [each for each in report.sets if each.coverage]
    content = {
        "headline": headline(report),
        "sets": report.sets,
        "labeled": labeled,
        "joints": [(joint, [each.coverage.get(joint) for each in labeled]) for joint in joints],
        "groups": [(title, [(f, _looked_at(f.looks)) for f in found]) for title, found in groups if found],
        "listed": LISTED,
        "pictures": pictures(doubts[:SHOWN]),
        "examples": examples(data) if data is not None and data.skeleton is not None else [],
        "left_out": max(0, len(doubts) - SHOWN),
    }
    return write_page(path, "firstaid.html", content)


def examples(data: PoseData) -> list[Picture]:
    """Labelled samples, evenly spread, as `doctor` draws them; those that cannot be read are left out."""
    assert data.skeleton is not None
    labeled = [i for i, sample in enumerate(data) if sample.labeled]
    chosen = [labeled[round(n)] for n in np.linspace(0, len(labeled) - 1, min(EXAMPLES, len(labeled)))]
    found = []
    for sample in (data[i] for i in chosen):
        with suppress(UserError):
            assert sample.keypoints is not None
            count = int((sample.keypoints[:, 2] > 0).sum())
            said = f"{count} of {len(data.skeleton)} joints labelled"
            found.append(Picture(data_uri(drawn(sample, data.skeleton)), sample.id, said))
    return found


def _looked_at(looks: Sequence[Look]) -> list[Picture]:
    """Pictures of a finding; those that cannot be read are left out."""
    found = []
    for look in looks:
        try:
            image = read_image(look.sample.image)
        except UserError:
            continue
        height, width = image.shape[:2]
        points = np.zeros((0, 3)) if look.sample.keypoints is None else look.sample.keypoints.astype(np.float64)
        there = points[points[:, 2] > 0, :2]
        whole = look.whole or not len(there)
        around = np.array([0, 0, width, height] if whole else [*there.min(0), 1, 1], np.float64)
        picture, scale, origin = crop_to_box(image, around, points[:0] if whole else points)
        points[:, :2] = (points[:, :2] - origin) * scale - 0.5
        skeleton = look.skeleton
        if look.mirrored and skeleton is not None:
            picture = np.ascontiguousarray(picture[:, ::-1])
            points = points[list(skeleton.flip)] if len(points) else points
            points[:, 0] = picture.shape[1] - 1 - points[:, 0]
        if skeleton is not None and len(points):
            picture = draw_pose(picture, points, skeleton)
        found.append(Picture(data_uri(picture), look.sample.id, look.caption))
    return found


def headline(report: Report) -> str:
    """Whether one can train."""
    problems = sum(f.problem for f in report.findings)
    notes = len(report.findings) - problems
    look = f"{notes} {'thing is' if notes == 1 else 'things are'} worth a look" if notes else "there is nothing to mend"
    if not problems:
        return f"Nothing stops training; {look}."
    return f"{problems} {'problem' if problems == 1 else 'problems'} must be mended before training; {look}."


def pictures(doubts: Sequence[Doubt]) -> list[Picture]:
    """Each doubted sample with its labels (thin, white) and the prediction (thick); those that cannot be read are left
    out, since the findings name them."""
    found = []
    for doubt in doubts:
        sample = doubt.sample
        try:
            image = read_image(sample.image)
        except UserError:
            continue
        truth, pred = np.asarray(sample.keypoints, np.float64).copy(), doubt.pred.copy()
        both = np.concatenate([truth, np.concatenate([pred[:, :2], np.full((len(pred), 1), 2.0)], 1)])
        around = np.array([*truth[truth[:, 2] > 0, :2].min(0), 1, 1])
        picture, scale, origin = crop_to_box(image, around, both)
        for points in (truth, pred):
            points[:, :2] = (points[:, :2] - origin) * scale - 0.5
        picture = draw_pose(picture, truth, doubt.skeleton, "truth")
        picture = draw_pose(picture, pred, doubt.skeleton, fade=(0.0, 0.3))
        caption = ", ".join(f"{joint} {pixels:.0f} px" for joint, pixels in doubt.joints.items())
        found.append(Picture(data_uri(picture), sample.id, caption))
    return found


def _slow(finding: Finding) -> bool:
    return finding.text.startswith("slow: ")
