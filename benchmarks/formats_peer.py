"""The other side of formats.py, run in an environment that has the tools' own libraries and nothing of semipose.

    python formats_peer.py write FOLDER     # each library writes the truth; prints {name: {"file"} or {"error"}}
    python formats_peer.py read LIST.json   # {name: [reader, file]} -> {name: {"frames"} or {"error"}}

Labels are exchanged as {"joints": [...], "frames": {image or number: [instance, ...]}}, an instance being [x, y, v] of
each joint, None where it is not labelled; v is None where the library has no such thing.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

JOINTS = ["nose", "left_ear", "right_ear", "tail"]
EDGES = [(0, 1), (0, 2)]
SIZE = (48, 64)
Labels = dict[str, list[list[Any]]]


def truth() -> Labels:
    """Three images of one mouse, in the last of which there is another; the tail of the first is missing."""
    frames: Labels = {}
    for i in range(3):
        marks: list[Any] = [[5.5 + i + 7 * k, 8.25 + 2 * i + k * (3 - k), 2] for k in range(4)]
        frames[f"img{i}.png"] = [marks]
    frames["img0.png"][0][3] = None
    frames["img2.png"].append([[40.0 - 5 * k, 30.5 + 3 * k, 2] for k in range(4)])
    return frames


def pictures(folder: Path) -> list[str]:
    import imageio.v3 as images

    folder.mkdir(parents=True, exist_ok=True)
    for i in range(3):
        pixels = np.random.default_rng(i).integers(0, 255, (*SIZE, 3), np.uint8)
        images.imwrite(folder / f"img{i}.png", pixels)
    return [str(folder / f"img{i}.png") for i in range(3)]


# What each library writes.


def sleap_labels(folder: Path) -> Any:
    import sleap_io as sio

    skeleton = sio.Skeleton(list(JOINTS), edges=list(EDGES), name="mouse")
    video = sio.Video.from_filename(pictures(folder))
    frames = []
    for i, instances in enumerate(truth().values()):
        points = [np.array([[np.nan] * 2 if mark is None else mark[:2] for mark in marks]) for marks in instances]
        made = [sio.Instance.from_numpy(each, skeleton=skeleton) for each in points]
        frames.append(sio.LabeledFrame(video=video, frame_idx=i, instances=made))
    return sio.Labels(frames)


def write_slp(folder: Path) -> Path:
    sleap_labels(folder).save(str(folder / "labels.slp"), verbose=False)
    return folder / "labels.slp"


def write_package(folder: Path) -> Path:
    sleap_labels(folder).save(str(folder / "labels.pkg.slp"), embed="user", verbose=False)
    return folder / "labels.pkg.slp"


def write_nwb(folder: Path) -> Path:
    import sleap_io as sio

    sio.save_nwb(sleap_labels(folder), str(folder / "labels.nwb"), nwb_format="annotations")
    return folder / "labels.nwb"


def write_label_studio(folder: Path) -> Path:
    import sleap_io as sio

    sio.save_labelstudio(sleap_labels(folder), str(folder / "labels.json"))
    return folder / "labels.json"


def write_coco(folder: Path) -> Path:
    import sleap_io as sio

    sio.save_coco(sleap_labels(folder), str(folder / "labels.json"), [f"img{i}.png" for i in range(3)])
    return folder / "labels.json"


def write_yolo(folder: Path) -> Path:
    import sleap_io as sio

    sio.save_ultralytics(sleap_labels(folder / "raw"), str(folder / "set"), split_ratios={"train": 1.0})
    return folder / "set" / "data.yaml"


def write_dlc(folder: Path, several: bool = False, h5: bool = False, columns: int = 3) -> Path:
    """As DeepLabCut's own labelling writes it, by pandas."""
    import pandas
    import yaml

    video = folder / "labeled-data" / "vid"
    names = [Path(name).name for name in pictures(video)]
    people = ["mouse1", "mouse2"] if several else [""]
    rows = []
    for instances in truth().values():
        shown = instances if several else instances[:1]
        cells = [[np.nan] * 2 if mark is None else mark[:2] for marks in shown for mark in marks]
        cells += [[np.nan] * 2] * (len(people) * len(JOINTS) - len(cells))
        rows.append(np.ravel(cells))
    columns_ = [
        ("me", *([who] if several else []), joint, coord) for who in people for joint in JOINTS for coord in "xy"
    ]
    levels = ["scorer", *(["individuals"] if several else []), "bodyparts", "coords"]
    paths = [("labeled-data", "vid", name) for name in names]
    index = pandas.MultiIndex.from_tuples(paths) if columns == 3 else ["/".join(path) for path in paths]
    table = pandas.DataFrame(np.array(rows), index, pandas.MultiIndex.from_tuples(columns_, names=levels))
    if h5:
        table.to_hdf(video / "CollectedData_me.h5", key="df_with_missing", mode="w")
    else:
        table.to_csv(video / "CollectedData_me.csv")
    config = {"Task": "mouse", "scorer": "me", "multianimalproject": several, "video_sets": {}}
    named = {"multianimalbodyparts": JOINTS, "individuals": people, "uniquebodyparts": [], "bodyparts": "MULTI!"}
    config |= named if several else {"bodyparts": JOINTS}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


def write_cvat(folder: Path) -> Path:
    """By datumaro: points of one group a mouse."""
    from datumaro.components.annotation import AnnotationType, LabelCategories, Points
    from datumaro.components.dataset import Dataset
    from datumaro.components.dataset_base import DatasetItem
    from datumaro.components.media import Image

    files = pictures(folder / "raw")
    items = []
    for file, instances in zip(files, truth().values(), strict=True):
        points = [
            Points(mark[:2], [2], label=k, group=n + 1)
            for n, marks in enumerate(instances)
            for k, mark in enumerate(marks)
            if mark is not None
        ]
        items.append(DatasetItem(Path(file).stem, media=Image.from_file(file), annotations=points))
    categories = {AnnotationType.label: LabelCategories.from_iterable(JOINTS)}
    Dataset.from_iterable(items, categories=categories).export(str(folder / "set"), "cvat", save_media=True)
    return next((folder / "set").rglob("*.xml"))


def write_datumaro_coco(folder: Path) -> Path:
    from datumaro.components.annotation import AnnotationType, Bbox, LabelCategories, Points, PointsCategories
    from datumaro.components.dataset import Dataset
    from datumaro.components.dataset_base import DatasetItem
    from datumaro.components.media import Image

    files = pictures(folder / "raw")
    items = []
    for file, instances in zip(files, truth().values(), strict=True):
        points: list[Any] = [
            Bbox(1, 1, 40, 40, label=0, group=n + 1, id=10 * len(items) + n + 1) for n in range(len(instances))
        ]
        points += [
            Points(
                [v for mark in marks for v in ((0, 0) if mark is None else mark[:2])],
                [0 if mark is None else 2 for mark in marks],
                label=0,
                group=n + 1,
                id=10 * len(items) + n + 1,
            )
            for n, marks in enumerate(instances)
        ]
        items.append(DatasetItem(Path(file).stem, media=Image.from_file(file), annotations=points))
    categories = {
        AnnotationType.label: LabelCategories.from_iterable(["mouse"]),
        AnnotationType.points: PointsCategories.from_iterable([(0, JOINTS, [])]),
    }
    made = Dataset.from_iterable(items, categories=categories)
    made.export(str(folder / "set"), "coco_person_keypoints", save_media=True)
    return next((folder / "set").rglob("*.json"))


WRITERS: dict[str, Callable[[Path], Path]] = {
    "SLEAP .slp": write_slp,
    "SLEAP .pkg.slp": write_package,
    "NWB": write_nwb,
    "Label Studio": write_label_studio,
    "COCO": write_coco,
    "COCO, datumaro": write_datumaro_coco,
    "YOLO-pose": write_yolo,
    "DeepLabCut .csv": write_dlc,
    "DeepLabCut .csv, one column": lambda folder: write_dlc(folder, columns=1),
    "DeepLabCut .h5": lambda folder: write_dlc(folder, h5=True),
    "DeepLabCut .csv, several": lambda folder: write_dlc(folder, True),
    "DeepLabCut .h5, several": lambda folder: write_dlc(folder, True, True),
    "CVAT": write_cvat,
}


# What each library reads.


def of_sleap(labels: Any) -> dict[str, Any]:
    names = [node.name for node in labels.skeletons[0].nodes]
    frames: Labels = {}
    for frame in labels:
        video = frame.video.filename
        key = Path(video[frame.frame_idx]).name if isinstance(video, list) else str(frame.frame_idx)
        for instance in frame.instances:
            xy = instance.numpy()[:, :2].tolist()
            frames.setdefault(key, []).append([None if np.isnan(p[0]) else [*p, None] for p in xy])
    return {"joints": names, "frames": frames}


def sleap(file: str, form: str) -> dict[str, Any]:
    import sleap_io as sio

    return of_sleap(getattr(sio, f"load_{form}")(file))


def sleap_dlc(file: str) -> dict[str, Any]:
    import sleap_io as sio

    return of_sleap(sio.load_dlc_project(file))


def pandas_dlc(file: str) -> dict[str, Any]:
    """A table of predictions, as DeepLabCut reads it."""
    import pandas

    head = 4 if "individuals" in Path(file).read_bytes()[:2000].decode("latin-1") else 3
    table = (
        pandas.read_hdf(file) if file.endswith(".h5") else pandas.read_csv(file, header=list(range(head)), index_col=0)
    )
    joints = list(dict.fromkeys(table.columns.get_level_values("bodyparts")))
    people = table.shape[1] // (3 * len(joints))
    frames: Labels = {}
    for number, row in zip(table.index, table.to_numpy().reshape(-1, people, len(joints), 3), strict=True):
        frames[str(number)] = [
            [None if np.isnan(x) else [x, y, None] for x, y, _ in marks]
            for marks in row.tolist()
            if np.isfinite(marks).any()
        ]
    return {"joints": joints, "frames": frames}


def pandas_labels(file: str) -> dict[str, Any]:
    """A table of labels, as DeepLabCut reads it."""
    import pandas

    table = pandas.read_hdf(file, "df_with_missing")
    joints = list(dict.fromkeys(table.columns.get_level_values("bodyparts")))
    people = table.shape[1] // (2 * len(joints))
    frames: Labels = {}
    for names, row in zip(table.index, table.to_numpy().reshape(-1, people, len(joints), 2).tolist(), strict=True):
        shown = [[None if np.isnan(x) else [x, y, None] for x, y in marks] for marks in row]
        frames[names[-1]] = [marks for marks in shown if any(marks)]
    return {"joints": joints, "frames": frames}


def movement(file: str) -> dict[str, Any]:
    """NetCDF by xarray, checked by movement where it is installed."""
    import xarray

    data = xarray.load_dataset(file)
    with contextlib.suppress(ImportError):
        import movement.kinematics as kinematics
        from movement.validators.datasets import ValidPosesInputs  # noqa: F401

        kinematics.compute_velocity(data.position)
    frames: Labels = {}
    rate = float(data.attrs["fps"])
    for time in data.time.values:
        at = data.sel(time=time)
        marks = [
            [at.position.sel(individuals=who, keypoints=k).values.tolist() for k in data.keypoints.values]
            for who in data.individuals.values
        ]
        shown = [[None if np.isnan(x) else [x, y, None] for x, y in each] for each in marks]
        frames[str(round(time * rate))] = [each for each in shown if any(each)]
    return {"joints": [str(k) for k in data.keypoints.values], "frames": frames}


def coco(file: str) -> dict[str, Any]:
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        data = COCO(file)
    names = data.cats[min(data.cats)]["keypoints"]
    frames: Labels = {}
    for row in data.anns.values():
        marks = np.array(row["keypoints"]).reshape(-1, 3).tolist()
        key = Path(data.imgs[row["image_id"]]["file_name"]).name
        frames.setdefault(key, []).append([[x, y, int(v)] if v else None for x, y, v in marks])
    return {"joints": names, "frames": frames}


def coco_results(file: str, joints: list[str]) -> dict[str, Any]:
    frames: Labels = {}
    for row in json.loads(Path(file).read_text()):
        marks = np.array(row["keypoints"]).reshape(-1, 3).tolist()
        frames.setdefault(str(row["image_id"]).rpartition("#")[2], []).append([[x, y, None] for x, y, _ in marks])
    return {"joints": joints, "frames": frames}


def datumaro(file: str) -> dict[str, Any]:
    """CVAT's XML: a skeleton is a label, its points are shapes of their own."""
    from datumaro.components.dataset import Dataset

    data = Dataset.import_from(str(Path(file).parent), "cvat")
    labels = data.categories()[next(k for k in data.categories() if k.name == "label")]
    frames: Labels = {}
    names: list[str] = []
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for item in data:
        for shape in item.annotations:
            if shape.type.name == "points":
                name = labels[shape.label].name
                names += [] if name in names else [name]
                found.setdefault(f"{Path(item.id).name}.png", {}).setdefault(shape.group, {})[name] = [
                    *shape.points[:2],
                    2,
                ]
    for key, groups in found.items():
        frames[key] = [[marks.get(name) for name in names] for marks in groups.values()]
    return {"joints": names, "frames": frames}


def label_studio(file: str, form: str) -> dict[str, Any]:
    """Label Studio's own converter to COCO, with labels.xml beside the tasks; what a person submitted unchanged."""
    from label_studio_sdk.converter import Converter

    source = Path(file)
    tasks = json.loads(source.read_text())
    for n, task in enumerate(tasks):
        task |= {"id": n, "annotations": [{"id": n, "result": task.pop("predictions")[0]["result"], "completed_by": 1}]}
    export = source.with_name("export.json")
    export.write_text(json.dumps(tasks))
    out = source.with_name("converted")
    Converter(source.with_name("labels.xml").read_text(), str(source.parent), download_resources=False).convert(
        str(export), str(out), form, is_dir=False
    )
    document = json.loads((out / "result.json").read_text())
    kept = {c["id"]: c["keypoints"] for c in document["categories"] if c.get("keypoints")}
    ((number, names),) = kept.items()
    images = {row["id"]: Path(row["file_name"].rpartition("=")[2]).name for row in document["images"]}
    frames: Labels = {}
    for row in document["annotations"]:
        if row["category_id"] == number and row.get("keypoints"):
            marks = np.array(row["keypoints"]).reshape(-1, 3).tolist()
            # Counted from the image's edge, in whole pixels.
            shown = [[x - 0.5, y - 0.5, v] if v else None for x, y, v in marks]
            frames.setdefault(images[row["image_id"]], []).append(shown)
    return {"joints": names, "frames": frames}


def clicked(file: str) -> dict[str, Any]:
    """Predicted instances made labels, as SLEAP does where a person clicks on them; the file is written beside."""
    import sleap_io as sio

    labels = sio.load_slp(file)
    for frame in labels:
        frame.instances = [
            sio.Instance.from_numpy(one.numpy()[:, :2], skeleton=one.skeleton) for one in frame.instances
        ]
    labels.save(str(Path(file).with_name("clicked.slp")), verbose=False)
    return of_sleap(labels)


def timed(folder: str) -> dict[str, Any]:
    """Seconds that sleap-io takes for labels.json of COCO and for a project of DeepLabCut."""
    import time

    import sleap_io as sio

    seconds: dict[str, Any] = {}
    for name, load in {
        "DeepLabCut": lambda: sio.load_dlc_project(f"{folder}/dlc"),
        "COCO": lambda: sio.load_coco(f"{folder}/labels.json", dataset_root=folder),
    }.items():
        start = time.process_time()
        labels = load()
        seconds[name] = {"seconds": round(time.process_time() - start, 2), "frames": len(labels)}
    return seconds


def sized(_: str) -> dict[str, Any]:
    """MB of sleap-io with all formats, and of what it needs that a user of semipose has not already."""
    import re
    from importlib.metadata import PackageNotFoundError, distribution

    have = {
        "numpy",
        "scipy",
        "torch",
        "pillow",
        "pyyaml",
        "av",
        "rich",
        "opencv-python-headless",
        "packaging",
        "jinja2",
    }
    waiting, size = [("sleap-io", {"all"})], {}
    while waiting:
        name, extras = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in size or key in have:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:
            continue
        size[key] = sum(f.locate().stat().st_size for f in package.files or () if f.locate().is_file())
        for line in package.requires or ():
            if "extra ==" in line and not any(f'"{e}"' in line or f"'{e}'" in line for e in extras):
                continue
            inner = re.match(r"([A-Za-z0-9_.-]+)(?:\[([^\]]*)\])?", line)
            if inner:
                waiting.append((inner[1], set((inner[2] or "").replace(" ", "").split(","))))
    return {"megabytes": sum(size.values()) >> 20, "packages": len(size)}


def damaged(file: str, form: str) -> dict[str, Any]:
    """What sleap-io does with a file that is cut short at ten places: reads it, raises, or (in formats.py) dies."""
    found = {"read": 0, "raised": 0}
    source = Path(file)
    content = source.read_bytes()
    bad = source.with_name(f"cut{source.suffix}")
    for part in range(10):
        bad.write_bytes(content[: len(content) * part // 10])
        try:
            sleap(str(bad), form)
            found["read"] += 1
        except Exception:
            found["raised"] += 1
    bad.unlink()
    return found


READERS: dict[str, Callable[..., dict[str, Any]]] = {
    "sleap-io slp": lambda file: sleap(file, "slp"),
    "sleap-io DeepLabCut": sleap_dlc,
    "sleap-io Label Studio": lambda file: sleap(file, "labelstudio"),
    "sleap-io COCO": lambda file: sleap(file, "coco"),
    "pandas": pandas_dlc,
    "pandas, .h5": pandas_labels,
    "movement": movement,
    "pycocotools": coco,
    "results": lambda file: coco_results(file, JOINTS),
    "datumaro": datumaro,
    "sleap-io slp, clicked": clicked,
    "time": timed,
    "size": sized,
    **{
        f"damaged {form}": (lambda file, form=form: damaged(file, form))
        for form in ("slp", "nwb", "coco", "labelstudio")
    },
    "Label Studio COCO": lambda file: label_studio(file, "COCO"),
}


def tried(function: Callable[[], Any]) -> dict[str, Any]:
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return function()
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        return {"error": f"{type(error).__name__}: {error} ({Path(at.filename).name}, line {at.lineno})"[:300]}


def main() -> None:
    todo, where = sys.argv[1:3]
    if todo == "write":
        done: dict[str, Any] = {"truth": {"joints": JOINTS, "frames": truth()}}
        for n, (name, write) in enumerate(WRITERS.items()):
            folder = Path(where) / str(n)
            folder.mkdir(parents=True, exist_ok=True)
            done[name] = tried(lambda write=write, folder=folder: {"file": str(write(folder))})
    else:
        listed = json.loads(Path(where).read_text())
        done = {name: tried(lambda r=r, f=f: READERS[r](f)) for name, (r, f) in listed.items()}
    print(json.dumps(done))


if __name__ == "__main__":
    main()
