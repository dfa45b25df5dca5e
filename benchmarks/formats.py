"""What is read of other tools' files, and what these tools' own libraries read of ours.

    python benchmarks/formats.py --cases ../shared/cases/users
    python benchmarks/formats.py --cases ... --env FOLDER      # an environment that is there already

`read`: files that the libraries write (formats_peer.py, in an environment of its own with sleap-io, pynwb and ndx-pose,
datumaro, label-studio-sdk, pandas and xarray), read by us. `roundtrip`: what `pick` and `predict` write, read by those
libraries and by us. Both hold where each joint of each instance is there under its name, within half a pixel, and is
absent where it was absent. `cases`: see cases.py. Beside that, by time and on damaged files, sleap-io against the
readers here.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import cases
from common import write
from semipose.data.open import open_all
from semipose.data.refs import Frame as FilmFrame
from semipose.data.refs import parse
from semipose.data.sample import PoseData
from semipose.errors import UserError
from semipose.outputs import FORMATS as PREDICTED
from semipose.outputs import Frame, Job, Pose
from semipose.outputs.tolabel import FORMATS as TO_LABEL
from semipose.outputs.tolabel import Draft
from semipose.skeleton import Skeleton

PEER = Path(__file__).with_name("formats_peer.py")
PACKAGES = (
    "sleap-io[all]==0.9.*",
    "pynwb",
    "ndx-pose",
    "datumaro",
    "label-studio-sdk",
    "pycocotools",
    "tables",
    "xarray",
    "scipy",
)
HALF = 0.5 + 1e-3
"""Pixels, and what 32-bit numbers lose."""
MOUSE = Skeleton("mouse", ("nose", "left_ear", "right_ear", "tail"), ((1, 2),), ((0, 1), (0, 2)))
Labels = dict[str, Any]
FRAMES = 10_000

LOST = {
    "SLEAP": "a labelled joint that is hidden is a visible one; scores of labels",
    "DeepLabCut": "occluded joints; boxes",
    "Lightning Pose": "several animals an image",
    "COCO": "limbs that name no joint; segments",
    "YOLO-pose": "names of joints, where the YAML has none",
    "Label Studio": "occluded joints, but by a choice of each; its COCO export: half a pixel, all animals but one",
    "CVAT": "attributes; interpolated frames of tracks",
    "NWB": "pictures inside the file; predictions, which are no labels",
    "movement": "boxes",
    "CSV": "boxes",
}
"""What does not come through, by format."""
VERSIONS = {
    "SLEAP": ".slp, .pkg.slp (sleap-io 0.9)",
    "DeepLabCut": "2 and 3: .csv, .h5, one or several animals, all three index layouts",
    "Lightning Pose": ".csv, with or without visible",
    "COCO": "keypoints JSON; results",
    "YOLO-pose": "Ultralytics 8 and later",
    "Label Studio": "JSON, JSON-MIN, and its COCO export",
    "CVAT": "XML 1.1, images and video; COCO keypoints",
    "NWB": "ndx-pose 0.2 to 0.4, PoseTraining",
    "movement": "NetCDF 3",
    "CSV": "image, joint, x, y, visibility, animal",
}
READ_BY_US = {
    "SLEAP": "yes", "DeepLabCut": "yes", "Lightning Pose": "yes", "COCO": "yes", "YOLO-pose": "yes",
    "Label Studio": "yes", "CVAT": "yes", "NWB": "yes", "movement": "no", "CSV": "yes",
}  # fmt: skip
WRITTEN_BY_US = {
    "SLEAP": "pick, predict", "DeepLabCut": "pick, predict", "Lightning Pose": "as DeepLabCut", "COCO": "pick, predict",
    "YOLO-pose": "no", "Label Studio": "pick", "CVAT": "pick", "NWB": "no", "movement": "predict", "CSV": "predict",
}  # fmt: skip


def pytables() -> None:
    """Import PyTables, which writes DeepLabCut's .h5: tables.py beside this file has its name."""
    here = sys.path.pop(0)
    import_module("tables")
    sys.path.insert(0, here)


def environment(folder: Path | None, place: Path) -> Path:
    """The Python of an environment with the libraries."""
    if folder is None:
        folder = place / "env"
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "--quiet", *PACKAGES], check=True)
    return folder / "bin" / "python"


def asked(python: Path, *words: str) -> dict[str, Any]:
    """What the other side prints last; all of it is an error where it died."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run([python, "-P", PEER, *words], capture_output=True, text=True, env=env)
    lines = done.stdout.strip().splitlines()
    return json.loads(lines[-1]) if lines else {"died": done.stderr[-500:]}


def ours(data: PoseData) -> Labels:
    """Labels of this package in the form of the other side."""
    assert data.skeleton is not None
    frames: dict[str, Any] = {}
    for sample in data:
        ref = parse(sample.image)
        key = str(ref.number) if isinstance(ref, FilmFrame) else Path(sample.image).name
        points = [] if sample.keypoints is None else sample.keypoints.tolist()
        frames.setdefault(key, []).append([[x, y, int(v)] if v else None for x, y, v in points])
    return {"joints": list(data.skeleton.joints), "frames": frames}


def differs(found: Labels, wanted: Labels, by_name: bool = True) -> str:
    """Why two are not the same; "" where they are. Not `by_name`: pictures are compared in the order of their names."""
    if "error" in found or "died" in found:
        return str(found.get("error") or found["died"])
    if set(found["joints"]) != set(wanted["joints"]):
        return f"joints {found['joints']}"
    names, others = sorted(wanted["frames"]), sorted(found["frames"])
    if len(names) != len(others) or (by_name and names != others):
        return f"{len(others)} frames, {others[:3]}"
    order = [found["joints"].index(joint) for joint in wanted["joints"]]
    for name, other in zip(names, others, strict=True):
        left = [[marks[k] for k in order] for marks in found["frames"][other]]
        for marks in wanted["frames"][name]:
            match = next((each for each in left if _same(each, marks)), None)
            if match is None:
                return f"{name}: {marks} is not among {left}"[:300]
            left.remove(match)
        if left:
            return f"{name} has {len(left)} more"
    return ""


def _same(found: list[Any], wanted: list[Any]) -> bool:
    for a, b in zip(found, wanted, strict=True):
        if (a is None) != (b is None):
            return False
        if a is not None and (
            max(abs(a[0] - b[0]), abs(a[1] - b[1])) > HALF or (None not in (a[2], b[2]) and a[2] != b[2])
        ):
            return False
    return True


def drafts(folder: Path, start: str, pictures: list[Path], truth: Labels) -> list[Draft]:
    """The truth as `pick` would write it, its pictures copied."""
    made = []
    for picture in pictures:
        file = f"{start}{picture.name}"
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(picture, folder / file)
        poses = [
            [[np.nan, np.nan, 0.1] if m is None else [*m[:2], 0.9] for m in marks]
            for marks in truth["frames"][picture.name]
        ]
        boxes = [_around(np.array(pose)[:, :2]) for pose in poses]
        made.append(Draft(file, str(folder / file), (48, 64), np.array(poses), np.array(boxes)))
    return made


def _around(xy: np.ndarray) -> list[float]:
    low, high = np.nanmin(xy, 0) - 2, np.nanmax(xy, 0) + 2
    return [*low.tolist(), *(high - low).tolist()]


def read_by_us(path: Path, images: Path | None = None) -> Labels:
    try:
        return ours(open_all(path, images))
    except UserError as error:
        return {"error": str(error)}


def alone(truth: Labels) -> Labels:
    """With the first animal of each image."""
    return {"joints": truth["joints"], "frames": {name: each[:1] for name, each in truth["frames"].items()}}


def picked(python: Path, folder: Path, pictures: list[Path], truth: Labels) -> dict[str, str]:
    """What `pick` writes: why it does not come back, by tool and reader."""
    todo: dict[str, tuple[str, str]] = {}
    wanted: dict[str, Labels] = {}
    single = alone(truth)
    # datumaro knows neither whose a point of a skeleton is nor that one is outside.
    full = json.loads(json.dumps(single))
    full["frames"]["img0.png"][0][3] = [26.5, 8.25, 2]
    kinds = [("dlc", False), ("label-studio", False), ("cvat", False), *((form, True) for form in TO_LABEL)]
    for form, several in kinds:
        place = folder / f"{form}-{'several' if several else 'one'}"
        shown = truth if several else full if form == "cvat" else single
        files = TO_LABEL[form](
            place, drafts(place, "labeled-data/vid/" if form == "dlc" else "images/", pictures, shown), MOUSE, "me"
        )
        what = f"pick {form}{', several' if several else ''}"
        readers = {
            "dlc": [("sleap-io DeepLabCut", place), ("pandas, .h5", place / "labeled-data/vid/CollectedData_me.h5")],
            "sleap": [("sleap-io slp", files[0]), ("sleap-io slp, clicked", files[0])],
            "label-studio": [] if several else [("Label Studio COCO", files[0])],
            "cvat": [] if several else [("datumaro", files[0])],
            "coco": [("pycocotools", files[0]), ("sleap-io COCO", files[0])],
        }[form]
        for reader, file in readers:
            todo[f"{what} -> {reader}"] = (reader, str(file))
            wanted[f"{what} -> {reader}"] = shown
        if form == "label-studio":
            _submit(files[0])
    listed = folder / "picked.json"
    listed.write_text(json.dumps(todo))
    found = asked(python, "read", str(listed))
    result = {name: differs(found.get(name, found), wanted[name]) for name in todo}
    for form, file, shown in (
        ("dlc, several", "dlc-several", truth),
        ("dlc", "dlc-one", single),
        ("sleap, several, clicked", "sleap-several/clicked.slp", truth),
        ("label-studio, several, submitted", "label-studio-several/submitted.json", truth),
        ("label-studio's COCO export", "label-studio-one/converted/result.json", single),
        ("cvat, several", "cvat-several/annotations.xml", truth),
        ("coco, several", "coco-several/annotations.json", truth),
    ):
        path = folder / file
        result[f"pick {form} -> semipose"] = differs(
            read_by_us(path, path.parents[1] if "export" in form else None), shown
        )
    return result


def _submit(tasks: Path) -> None:
    """What Label Studio exports where a person submits predictions unchanged."""
    rows = json.loads(tasks.read_text())
    for n, row in enumerate(rows):
        row |= {"id": n, "annotations": [{"id": n, "result": row.pop("predictions")[0]["result"]}]}
    tasks.with_name("submitted.json").write_text(json.dumps(rows))


def predicted(python: Path, folder: Path) -> dict[str, str]:
    """What `predict` writes of a film of five frames, with two poses in the third."""
    film = _film(folder / "clip.mp4")
    poses = {n: [_pose(n, 0), *([_pose(n, 1)] if n == 2 else [])] for n in range(5)}
    frames = {str(n): [[[x, y, None] for x, y in pose.xy.tolist()] for pose in each] for n, each in poses.items()}
    wanted = {"joints": list(MOUSE.joints), "frames": frames}
    readers = {"coco": "results", "dlc": "pandas", "dlc-csv": "pandas", "sleap": "sleap-io slp", "movement": "movement"}
    todo = {}
    for form, reader in readers.items():
        place = folder / form
        place.mkdir()
        writer = PREDICTED[form](Job(place, MOUSE, 2))
        with writer:
            for n, each in poses.items():
                name = f"clip.mp4#{n}"
                writer.add(
                    Frame(name, name, np.zeros((48, 64, 3), np.uint8), film, n, str(film)), each, [0.5] * len(each)
                )
        todo[f"predict {form} -> {reader}"] = (reader, str(writer.files[0]))
    listed = folder / "predicted.json"
    listed.write_text(json.dumps(todo))
    found = asked(python, "read", str(listed))
    return {name: differs(found.get(name, found), wanted) for name in todo}


def _pose(n: int, who: int) -> Pose:
    xy = np.array([[5.5 + n + 7 * k + 20 * who, 8.25 + 2 * n + k * (3 - k)] for k in range(4)])
    return Pose(xy, np.array([0.9, 0.8, 0.7, 0.6]), (1.0, 1.0, 40.0, 40.0))


def _film(path: Path) -> Path:
    import av

    with av.open(str(path), "w") as film:
        stream = film.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for n in range(5):
            film.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * n, np.uint8), "rgb24")))
        film.mux(stream.encode())
    return path


def timed(python: Path, folder: Path, picture: Path) -> dict[str, Any]:
    """Processor seconds for 10,000 labelled images of 10 joints, ours against sleap-io's."""
    video = folder / "dlc" / "labeled-data" / "vid"
    video.mkdir(parents=True)
    names = [f"img{i:05d}.png" for i in range(FRAMES)]
    for name in names:
        os.link(picture, video / name) if video.stat().st_dev == picture.stat().st_dev else shutil.copy(
            picture, video / name
        )
    joints = [f"joint{k}" for k in range(10)]
    values = np.random.default_rng(0).uniform(1, 40, (FRAMES, 20)).round(2)
    head = [["scorer", *["me"] * 20], ["bodyparts", *(j for j in joints for _ in "xy")], ["coords", *"xy" * 10]]
    rows = [[f"labeled-data/vid/{name}", *map(str, row)] for name, row in zip(names, values, strict=True)]
    (video / "CollectedData_me.csv").write_text("\n".join(",".join(row) for row in [*head, *rows]) + "\n")
    (folder / "dlc" / "config.yaml").write_text(json.dumps({"Task": "t", "scorer": "me", "bodyparts": joints}))
    points = np.concatenate([values.reshape(FRAMES, 10, 2), np.full((FRAMES, 10, 1), 2)], -1).reshape(FRAMES, 30)
    document = {
        "images": [
            {"id": i, "file_name": f"dlc/labeled-data/vid/{n}", "width": 64, "height": 48} for i, n in enumerate(names)
        ],
        "annotations": [
            {
                "id": i,
                "image_id": i,
                "category_id": 1,
                "bbox": [1, 1, 40, 40],
                "area": 1600,
                "iscrowd": 0,
                "keypoints": row,
            }
            for i, row in enumerate(points.tolist())
        ],
        "categories": [{"id": 1, "name": "t", "keypoints": joints, "skeleton": []}],
    }
    (folder / "labels.json").write_text(json.dumps(document))
    result: dict[str, Any] = {}
    for name, path in (("DeepLabCut", folder / "dlc"), ("COCO", folder / "labels.json")):
        start = time.process_time()
        count = len(open_all(path))
        result[name] = {"seconds": round(time.process_time() - start, 2), "frames": count}
    listed = folder / "time.json"
    listed.write_text(json.dumps({"time": ("time", str(folder))}))
    return {"semipose": result, "sleap-io": asked(python, "read", str(listed)).get("time")}


def cut_short(python: Path, files: dict[str, Path]) -> dict[str, Any]:
    """Files cut short at ten places: what sleap-io does, and how many end in one sentence here."""
    forms = {"SLEAP .slp": "slp", "NWB": "nwb", "COCO": "coco", "Label Studio": "labelstudio"}
    result: dict[str, Any] = {}
    for name, form in forms.items():
        path = files[name]
        listed = path.with_name("damaged.json")
        listed.write_text(json.dumps({name: (f"damaged {form}", str(path))}))
        theirs = asked(python, "read", str(listed)).get(name, {"died": 1})
        content, bad, said = path.read_bytes(), path.with_name(f"short{path.suffix}"), 0
        for part in range(10):
            bad.write_bytes(content[: len(content) * part // 10])
            said += "error" in read_by_us(bad)
        bad.unlink()
        result[name] = {"sleap-io": theirs, "semipose": {"refused in a sentence": said}}
    return result


def sized(python: Path, folder: Path) -> dict[str, int]:
    """MB and packages that sleap-io adds."""
    listed = folder / "size.json"
    listed.write_text(json.dumps({"size": ("size", "")}))
    return asked(python, "read", str(listed))["size"]


def table(read: dict[str, str], trips: dict[str, str]) -> list[dict[str, str]]:
    """A row a format, for the documentation."""
    words = {
        "SLEAP": ("SLEAP", "sleap"), "DeepLabCut": ("DeepLabCut", "dlc"), "COCO": ("COCO", "coco"), "NWB": ("NWB",),
        "Label Studio": ("Label Studio", "label-studio"), "CVAT": ("CVAT", "cvat"), "movement": ("movement",),
        "YOLO-pose": ("YOLO",), "Lightning Pose": (), "CSV": (),
    }  # fmt: skip
    rows = []
    for name, starts in words.items():
        mine = {k: v for k, v in read.items() if k.startswith(starts)} if starts else {}
        back = {k: v for k, v in trips.items() if any(k.split()[1].rstrip(",'s").startswith(w) for w in starts[-1:])}
        held = f"{sum(not v for v in back.values())} of {len(back)}" if back else "none"
        rows.append({
            "format": name, "version": VERSIONS[name], "read": READ_BY_US[name],
            "checked": f"{sum(not v for v in mine.values())} of {len(mine)}" if mine else "by tests",
            "written": WRITTEN_BY_US[name], "trip": held, "lost": LOST[name],
        })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=Path, required=True)
    parser.add_argument("--env", type=Path)
    parser.add_argument("--quick", action="store_true", help="without times and damaged files")
    asked_for = parser.parse_args()
    pytables()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        python = environment(asked_for.env, folder)
        (folder / "peer").mkdir()
        made = asked(python, "write", str(folder / "peer"))
        truth = made.pop("truth")
        read: dict[str, str] = {}
        for name, one in made.items():
            several = "DeepLabCut" not in name or "several" in name
            wanted = truth if several else alone(truth)
            file = Path(one.get("file", "."))
            found = one if "error" in one else read_by_us(file, file.parents[1] if "datumaro" in name else None)
            read[name] = differs(found, wanted, name not in ("YOLO-pose", "SLEAP .pkg.slp"))
        pictures = sorted((folder / "peer" / "0").glob("img*.png"))
        (folder / "pick").mkdir()
        (folder / "predict").mkdir()
        trips = picked(python, folder / "pick", pictures, truth) | predicted(python, folder / "predict")
        held = cases.held(asked_for.cases)
        extra: dict[str, Any] = {}
        if not asked_for.quick:
            files = {name: Path(one["file"]) for name, one in made.items() if "file" in one}
            (folder / "time").mkdir()
            extra = {"time": timed(python, folder / "time", pictures[0]), "damaged": cut_short(python, files),
                     "sleap_io": sized(python, folder)}  # fmt: skip
        runs = {"read": read, "roundtrip": trips, "cases": held, **extra}
        runs = json.loads(json.dumps(runs).replace(f"{folder}/", ""))
    summary = {
        "read": sum(not why for why in read.values()),
        "total": len(read),
        "roundtrip": sum(not why for why in trips.values()),
        "roundtrip_total": len(trips),
        "cases_held": sum(not why for why in held.values()),
        "cases_total": len(held),
    }
    write("formats", summary, runs, formats=table(read, trips))


if __name__ == "__main__":
    main()
