"""Images to label with predictions filled in, as labelling tools open them.

Points are in pixels as everywhere here, pixel centres at whole numbers, in all files but Label Studio's, which are in
percent of the image. A joint that is left out (NaN) is a missing label, to be placed by hand.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as xml

import numpy as np
import yaml

from semipose.data.predicted import seal
from semipose.data.refs import Frame, parse
from semipose.errors import UserError
from semipose.files import write_atomically, writing
from semipose.outputs.base import check_packages
from semipose.outputs.tracks import TABLE, sign
from semipose.skeleton import Skeleton

MODEL = "semipose"


@dataclass(frozen=True, eq=False)
class Draft:
    """An image to label.

    Attributes:
        file: where its picture was written, relative to the folder, "/" between folders.
        ref: the image it is of, as in `Sample.image`.
        size: (height, width).
        poses: (P, K, 3) x, y in its pixels and confidence; x and y are NaN where a joint is left out.
        boxes: (P, 4) x, y, w, h.
        most: bodies that an image of its data may show, so that there is room for those that are not predicted.
    """

    file: str
    ref: str
    size: tuple[int, int]
    poses: np.ndarray
    boxes: np.ndarray
    most: int = 1


Write = Callable[[Path, Sequence[Draft], Skeleton, str], list[Path]]
"""(folder, images, skeleton, scorer) -> the files written."""


def check_installed(form: str) -> None:
    """
    Raises:
        UserError: a format is not known, or needs a package that is not there.
    """
    if form not in FORMATS:
        raise UserError(f"there is no format {form!r} to label in; choose of {', '.join(FORMATS)}")
    check_packages(form, "coco, cvat or label-studio")


def write_dlc(folder: Path, images: Sequence[Draft], skeleton: Skeleton, scorer: str) -> list[Path]:
    """`labeled-data/<video>/CollectedData_<scorer>.h5` and .csv with the points as labels, and a config.yaml that makes
    the folder a project of its own; joints left out are empty cells. Bodies are individuals where an image may show
    several."""
    import pandas

    people = max(max(len(image.poses), image.most) for image in images)
    names = [f"individual{n + 1}" for n in range(people)]
    coords = [(joint, coord) for joint in skeleton.joints for coord in "xy"]
    several = people > 1
    levels = ["scorer", *(["individuals"] if several else []), "bodyparts", "coords"]
    columns = [(scorer, *([name] if several else []), *cell) for name in names for cell in coords]
    videos: dict[str, list[Draft]] = {}
    for image in images:
        videos.setdefault(image.file.split("/")[1], []).append(image)
    written = []
    for video, shown in videos.items():
        shown = sorted(shown, key=lambda image: image.file)
        values = np.full((len(shown), people, len(skeleton), 2), np.nan)
        for row, image in zip(values, shown, strict=True):
            row[: len(image.poses)] = image.poses[..., :2].round(3)
        index = pandas.MultiIndex.from_tuples([tuple(image.file.split("/")) for image in shown])
        header = pandas.MultiIndex.from_tuples(columns, names=levels)
        table = pandas.DataFrame(values.reshape(len(shown), -1), index=index, columns=header)
        stem = folder / "labeled-data" / video / f"CollectedData_{scorer}"
        with writing(stem, RuntimeError, ValueError):
            table.to_csv(stem.with_name(f"{stem.name}.csv"))
            with pandas.HDFStore(str(stem.with_name(f"{stem.name}.h5")), "w") as store:
                store.put(TABLE, table, track_times=False)
                sign(store)
        written += [stem.with_name(f"{stem.name}{kind}") for kind in (".csv", ".h5")]
    config = _dlc_config(folder, videos, skeleton, scorer, names if several else [])
    write_atomically(folder / "config.yaml", yaml.safe_dump(config, sort_keys=False).encode())
    return [folder / "config.yaml", *written]


def _dlc_config(
    folder: Path, videos: dict[str, list[Draft]], skeleton: Skeleton, scorer: str, individuals: list[str]
) -> dict[str, Any]:
    several, joints, today = bool(individuals), list(skeleton.joints), date.today()
    files = {}
    for video, (first, *_) in videos.items():
        ref = parse(first.ref)
        path = ref.file if isinstance(ref, Frame) else folder.resolve() / "videos" / f"{video}.avi"
        files[str(path)] = {"crop": f"0, {first.size[1]}, 0, {first.size[0]}"}
    points = {"individuals": individuals, "uniquebodyparts": [], "multianimalbodyparts": joints, "bodyparts": "MULTI!"}
    return {
        "Task": skeleton.name,
        "scorer": scorer,
        "date": f"{today:%b}{today.day}",
        "multianimalproject": several,
        "identity": False,
        "project_path": str(folder.resolve()),
        "video_sets": files,
        **(points if several else {"bodyparts": joints}),
        "start": 0,
        "stop": 1,
        "numframes2pick": 20,
        "skeleton": [[skeleton.joints[a], skeleton.joints[b]] for a, b in skeleton.limbs],
        "skeleton_color": "black",
        "pcutoff": 0.6,
        "dotsize": 8,
        "alphavalue": 0.7,
        "colormap": "rainbow",
    }


def write_sleap(folder: Path, images: Sequence[Draft], skeleton: Skeleton, scorer: str) -> list[Path]:
    """labels.slp with predicted instances, which SLEAP makes labels of when they are clicked twice. Frames of a video
    are named in the video; other images as the pictures written."""
    import sleap_io as io

    edges = [tuple(limb) for limb in skeleton.limbs]
    sides = [tuple(pair) for pair in skeleton.pairs]
    nodes = io.Skeleton(nodes=list(skeleton.joints), edges=edges, symmetries=sides, name=skeleton.name)
    places: dict[Any, list[tuple[int, Draft]]] = {}
    for image in images:
        ref = parse(image.ref)
        film, number = (ref.file, ref.number) if isinstance(ref, Frame) else (None, 0)
        # A video of pictures has one size.
        places.setdefault(film or image.size, []).append((number, image))
    videos, frames = [], []
    for place, shown in places.items():
        pictures = [str((folder / image.file).resolve()) for _, image in shown]
        whole = isinstance(place, Path)
        video = io.Video(filename=str(place), open_backend=False) if whole else io.Video.from_filename(pictures)
        videos.append(video)
        for n, (number, image) in enumerate(shown):
            instances = [
                io.PredictedInstance.from_numpy(pose[:, :2], nodes, pose[:, 2], float(pose[:, 2].mean()))
                for pose in image.poses
            ]
            at = number if whole else n
            frames.append(io.LabeledFrame(video=video, frame_idx=at, instances=instances))
    path = folder / "labels.slp"
    io.Labels(labeled_frames=frames, videos=videos, skeletons=[nodes]).save(str(path), verbose=False)
    return [path]


def write_label_studio(folder: Path, images: Sequence[Draft], skeleton: Skeleton, scorer: str) -> list[Path]:
    """tasks.json with each image's `predictions`, and labels.xml, the labelling interface. Pictures are named as Label
    Studio serves local files, relative to the folder's parent; a point is its pixel's centre. An animal is a rectangle
    and the points in it, which Label Studio's own COCO and YOLO exports need, as they need the points' numbers."""
    tasks = []
    for image in images:
        high, wide = image.size
        whole = {"original_width": wide, "original_height": high, "image_rotation": 0}
        result: list[dict[str, Any]] = []
        for n, (pose, (left, top, w, h)) in enumerate(zip(image.poses, image.boxes.tolist(), strict=True)):
            sides = {"x": 100 * left / wide, "y": 100 * top / high, "width": 100 * w / wide, "height": 100 * h / high}
            about = {"id": f"{n}-box", "from_name": "animals", "to_name": "image", "type": "rectanglelabels"}
            value: dict[str, Any] = {**sides, "rotation": 0, "rectanglelabels": [skeleton.name]}
            result.append({**about, **whole, "value": value})
            for joint, (x, y, sure) in zip(skeleton.joints, pose.tolist(), strict=True):
                if math.isnan(x):
                    continue
                value = {"x": 100 * (x + 0.5) / wide, "y": 100 * (y + 0.5) / high, "width": 0.5}
                about = {"id": f"{n}-{joint}", "from_name": "joints", "to_name": "image", "type": "keypointlabels"}
                value["keypointlabels"] = [joint]
                result.append({**about, **whole, "parentID": f"{n}-box", "value": value, "score": sure})
        url = f"/data/local-files/?d={quote(f'{folder.resolve().name}/{image.file}')}"
        guess = {"model_version": MODEL, "score": float(image.poses[..., 2].mean()), "result": result}
        tasks.append({"data": {"image": url}, "predictions": [guess]})
    view = xml.Element("View")
    xml.SubElement(view, "Image", name="image", value="$image", zoom="true", zoomControl="true")
    animals = xml.SubElement(view, "RectangleLabels", name="animals", toName="image", strokeWidth="1")
    xml.SubElement(animals, "Label", value=skeleton.name, background="#808080")
    labels = xml.SubElement(view, "KeyPointLabels", name="joints", toName="image", strokeWidth="2")
    for k, joint in enumerate(skeleton.joints):
        xml.SubElement(labels, "Label", value=joint, model_index=str(k), background=_color(k, len(skeleton)))
    xml.indent(view)
    files = {"tasks.json": json.dumps(tasks, indent=1, ensure_ascii=False), "labels.xml": xml.tostring(view, "unicode")}
    return _texts(folder, files)


def write_cvat(folder: Path, images: Sequence[Draft], skeleton: Skeleton, scorer: str) -> list[Path]:
    """annotations.xml, "CVAT for images 1.1" with a skeleton a pose, and labels.json, which makes the task's labels. A
    joint left out is outside, where the prediction was weak."""
    root = xml.Element("annotations")
    xml.SubElement(root, "version").text = "1.1"
    root.append(_cvat_meta(len(images), skeleton))
    for number, image in enumerate(images):
        about = {"id": str(number), "name": Path(image.file).name}
        about |= {"height": str(image.size[0]), "width": str(image.size[1])}
        of = xml.SubElement(root, "image", about)
        for pose, (x, y, w, h) in zip(image.poses, image.boxes.tolist(), strict=True):
            shape = {"label": skeleton.name, "source": "auto", "occluded": "0", "z_order": "0"}
            whole = xml.SubElement(of, "skeleton", shape)
            for joint, point in zip(skeleton.joints, pose, strict=True):
                gone = bool(np.isnan(point[0]))
                px, py = (x + w / 2, y + h / 2) if gone else point[:2]
                place = {"label": joint, "points": f"{px:.3f},{py:.3f}", "outside": str(int(gone))}
                xml.SubElement(whole, "points", {**shape, **place})
    xml.indent(root)
    points = [{"name": joint, "type": "points", "attributes": []} for joint in skeleton.joints]
    label = {"name": skeleton.name, "type": "skeleton", "attributes": [], "sublabels": points, "svg": _svg(skeleton)}
    text = '<?xml version="1.0" encoding="utf-8"?>\n' + xml.tostring(root, "unicode")
    return _texts(folder, {"annotations.xml": text, "labels.json": json.dumps([label], indent=1, ensure_ascii=False)})


def _cvat_meta(count: int, skeleton: Skeleton) -> xml.Element:
    """The task and its labels, without which some readers of CVAT's files take none."""
    meta = xml.Element("meta")
    task = xml.SubElement(meta, "task")
    for name, text in (("name", skeleton.name), ("size", str(count)), ("mode", "annotation")):
        xml.SubElement(task, name).text = text
    labels = xml.SubElement(task, "labels")
    for name, kind in ((skeleton.name, "skeleton"), *((joint, "points") for joint in skeleton.joints)):
        label = xml.SubElement(labels, "label")
        xml.SubElement(label, "name").text = name
        xml.SubElement(label, "type").text = kind
        xml.SubElement(label, "attributes")
        if kind == "points":
            xml.SubElement(label, "parent").text = skeleton.name
    return meta


def _svg(skeleton: Skeleton) -> str:
    """The template of CVAT's skeletons: joints on a circle in a square of 100, limbs between them."""
    angles = 2 * np.pi * np.arange(len(skeleton)) / len(skeleton)
    xy = [(f"{50 + 40 * np.sin(a):.2f}", f"{50 - 40 * np.cos(a):.2f}") for a in angles]
    parts = []
    for a, b in skeleton.limbs:
        ends = {"x1": xy[a][0], "y1": xy[a][1], "x2": xy[b][0], "y2": xy[b][1], "stroke": "black"}
        nodes = {"data-type": "edge", "data-node-from": str(a + 1), "data-node-to": str(b + 1)}
        parts.append(xml.Element("line", {**ends, **nodes}))
    for k, joint in enumerate(skeleton.joints):
        looks = {"r": "1.5", "stroke": "black", "fill": _color(k, len(skeleton)), "cx": xy[k][0], "cy": xy[k][1]}
        node = {"data-type": "element", "data-element-id": str(k + 1), "data-node-id": str(k + 1)}
        parts.append(xml.Element("circle", {**looks, **node, "data-label-name": joint}))
    return "".join(xml.tostring(part, "unicode") for part in parts)


def write_coco(folder: Path, images: Sequence[Draft], skeleton: Skeleton, scorer: str) -> list[Path]:
    """annotations.json: COCO keypoints with the points as labels, v 2, or 0 for a joint left out."""
    category = {"id": 1, "name": skeleton.name, "keypoints": list(skeleton.joints)}
    category["skeleton"] = [[a + 1, b + 1] for a, b in skeleton.limbs]
    rows: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image in enumerate(images, 1):
        rows.append({"id": number, "file_name": image.file, "height": image.size[0], "width": image.size[1]})
        for pose, box in zip(image.poses, image.boxes.tolist(), strict=True):
            labeled = np.isfinite(pose[:, :2]).all(1)
            points = np.where(labeled[:, None], np.column_stack([pose[:, :2], np.full(len(pose), 2)]), 0)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "bbox": [round(v, 2) for v in box],
                    "area": round(box[2] * box[3], 2),
                    "iscrowd": 0,
                    "num_keypoints": int(labeled.sum()),
                    "keypoints": points.round(3).ravel().tolist(),
                    "score": round(float(pose[:, 2].mean()), 4),
                }
            )
    document = seal({"images": rows, "annotations": annotations, "categories": [category]})
    return _texts(folder, {"annotations.json": json.dumps(document, ensure_ascii=False)})


FORMATS: dict[str, Write] = {
    "dlc": write_dlc,
    "sleap": write_sleap,
    "label-studio": write_label_studio,
    "cvat": write_cvat,
    "coco": write_coco,
}


def _texts(folder: Path, files: dict[str, str]) -> list[Path]:
    for name, text in files.items():
        write_atomically(folder / name, text.encode("utf-8"))
    return [folder / name for name in files]


def _color(k: int, count: int) -> str:
    import colorsys

    return "#" + "".join(f"{round(255 * v):02x}" for v in colorsys.hsv_to_rgb(k / count, 0.75, 0.9))
