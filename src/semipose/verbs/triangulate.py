"""`semipose triangulate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from semipose.errors import UsageError


def triangulate(
    cameras: str | Path,
    views: Sequence[str] | Mapping[str, str | Path],
    *,
    truth: str | Path | None = None,
    tolerance: float | None = None,
    out: str | Path = "points.json",
) -> dict[str, Any]:
    """Find points in space from the predictions of several calibrated cameras.

    The same instant has the same image_id in every file; frames of one video a camera, whatever the videos are called,
    are matched by number. Several people at an instant need a person_id each, the same in every file.

    Args:
        cameras: A camera file: JSON, OpenCV's YAML, Anipose's calibration.toml, or Human3.6M's cameras.pkl.
        views: Each camera as NAME=FILE, its name and its keypoints.json.
        truth: A JSON of true points in mm, to measure MPJPE by.
        tolerance: px within which a view agrees; a tenth of each box by default.
        out: The file of points in mm.

    Returns: the content of `out`: {"unit", "cameras", "people": [{"image_id", "person_id", "keypoints_3d": K times
        x, y, z or null, "residual": K px or null, "views": K lists of camera names}], "mpjpe"}.
        `views` may be a mapping.

    Raises:
        UserError: a camera, file or entry does not fit, naming it.

    Example: semipose triangulate cameras.json left=left/keypoints.json right=right/keypoints.json --out points.json
    """
    from semipose.inference.space import triangulate_files

    return triangulate_files(cameras, views if isinstance(views, Mapping) else _by_name(views), out, truth, tolerance)


def _by_name(views: Sequence[str]) -> dict[str, str]:
    """Of NAME=FILE words the files by name."""
    named = [view.partition("=")[::2] for view in views]
    if not all(name and file for name, file in named) or len(dict(named)) < len(named):
        raise UsageError("write each camera once, as NAME=FILE")
    return dict(named)


def _print(result: dict[str, Any], asked: SimpleNamespace) -> None:
    joints = [point for person in result["people"] for point in person["keypoints_3d"]]
    print(f"{len(joints) - joints.count(None)} of {len(joints)} joints of {len(result['people'])} people have a point")
    for name, score in result.get("mpjpe", {}).items():
        if name in ("absolute", "root_relative", "aligned"):
            mean, part = ("-" if score[key] is None else f"{score[key]:.1f} mm" for key in ("mean", "mean_found"))
            some = f" ({score['missing']} missing; of the others {part})" if score["missing"] else ""
            print(f"MPJPE {name.replace('_', '-'):13s} {mean}{some}")
    print(f"wrote {asked.out}")
