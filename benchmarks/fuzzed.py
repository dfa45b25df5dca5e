"""What fuzz.py changes and how: small valid inputs of every kind, and mutations of them. All is keyed by a seed."""

from __future__ import annotations

import copy
import hashlib
import json
import random
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import yaml
from benchmarks.malformed import picture

from semipose.cli import main as semipose
from semipose.data.open import open_all, open_unlabeled
from semipose.data.readers.boxes import read_boxes
from semipose.data.readers.cameras import read_cameras
from semipose.data.sample import FAR, PoseData
from semipose.data.split import Split
from semipose.models.checkpoint import MAGIC
from semipose.models.checkpoint import load as load_checkpoint
from semipose.skeleton import AIC, H36M

JOINTS = ("nose", "left_ear", "right_ear", "tail")
DEEP = "deep"
"""Stands for thousands of lists in each other, which no JSON writer makes."""
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 3, 7, -1, 0.5, -0.0, 1e30, -1e30, 1e39, 1e999, -1e999, float("nan"), 1e-320),
    *(
        2**31 - 1,
        2**63,
        -(2**63),
        10**40,
        10**400,
        "",
        "x",
        "1",
        "nan",
        "\ud800",
        "\0",
        "../../x",
        "/etc/passwd",
        "=1+1",
    ),
    *("[red]x", "a" * 400, "\x1b[2J", [], {}, [1], [[1]], ["a"], [["a"]], {"a": 1}, [1, 2, 3, 4, 5], [None], DEEP),
)
NAME = "S1_Directions_1.54138969_{:06d}.jpg"


class Target(NamedTuple):
    """One kind of input. `build` writes a valid one to an empty folder and gives the file that is changed; `run` does
    what a user would, and gives the data, where it reads some, or an exit code with what was printed; `mutate` writes
    the changed file and says what was changed."""

    build: Callable[[Path], Path]
    run: Callable[[Path], Any]
    mutate: Callable[[Path, random.Random], str]


# Mutations


def of_bytes(path: Path, draws: random.Random) -> str:
    data = bytearray(path.read_bytes())
    kind = draws.choice(("flip", "flip", "flips", "ff", "zero", "cut", "insert", "double", "count"))
    at, some = draws.randrange(len(data)), draws.randrange(1, 17)
    if kind == "flip":
        data[at] ^= 1 << draws.randrange(8)
    elif kind == "flips":
        for _ in range(some):
            data[draws.randrange(len(data))] = draws.randrange(256)
    elif kind in ("ff", "zero"):
        data[at : at + some] = (b"\xff" if kind == "ff" else b"\0") * len(data[at : at + some])
    elif kind == "cut":
        del data[at:]
    elif kind == "insert":
        data[at:at] = draws.randbytes(some)
    elif kind == "double":
        data[at:at] = data[at : at + 16 * some]
    else:  # where a length may stand
        data[at : at + 4] = struct.pack("<I", draws.choice((0, 1, 2**16, 2**28, 2**31 - 1, 2**32 - 1)))[
            : len(data) - at
        ]
    path.write_bytes(data)
    return f"{kind} at {at}"


def places(value: Any, at: tuple = ()) -> Iterator[tuple]:
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        yield from places(each, (*at, key))


def changed(document: Any, draws: random.Random) -> tuple[Any, str]:
    """Plain values with one changed, taken away, doubled, wrapped or renamed."""
    document = copy.deepcopy(document)
    at = draws.choice(list(places(document)))
    kind = draws.choice(("set", "set", "set", "delete", "double", "wrap", "rename", "text"))
    value = draws.choice(VALUES)
    if not at:
        return (value, f"all = {value!r:.40}") if kind == "set" else ([document], "all wrapped")
    inner = document
    for key in at[:-1]:
        inner = inner[key]
    last = at[-1]
    if kind == "delete":
        del inner[last]
    elif kind == "double" and isinstance(inner, list):
        inner.insert(last, copy.deepcopy(inner[last]))
    elif kind == "wrap":
        inner[last] = [inner[last]]
    elif kind == "rename" and isinstance(inner, dict):
        inner[draws.choice(("x", "", "0", f"{last} "))] = inner.pop(last)
    elif kind == "text":
        inner[last] = str(inner[last])[:1000]
    else:
        kind, inner[last] = f"set {value!r:.40}", value
    return document, f"{kind} at {at}"


def as_json(document: Any, draws: random.Random) -> str:
    depth = draws.choice((50, 900, 5000, 200_000))
    text = json.dumps(document).replace(f'"{DEEP}"', "[" * depth + "]" * depth)
    return text.replace("Infinity", "1e999")


def of_json(path: Path, draws: random.Random) -> str:
    if draws.random() < 0.15:
        return of_bytes(path, draws)
    document, what = changed(json.loads(path.read_text()), draws)
    path.write_text(as_json(document, draws))
    return what


def of_yaml(path: Path, draws: random.Random) -> str:
    if draws.random() < 0.2:
        return of_bytes(path, draws)
    document, what = changed(yaml.safe_load(path.read_text()), draws)
    path.write_text(as_json(document, draws))  # JSON is YAML
    return what


CELLS = (
    "",
    "x",
    "nan",
    "inf",
    "-inf",
    "1e30",
    "1e39",
    "-1",
    "9" * 20,
    "1e-320",
    "=1+1",
    "a,b",
    '"',
    "\0",
    "é",
    "a" * 9000,
)


def of_csv(path: Path, draws: random.Random) -> str:
    if draws.random() < 0.2:
        return of_bytes(path, draws)
    rows = [line.split(",") for line in path.read_text().splitlines()]
    kind, i = (
        draws.choice(("cell", "cell", "cell", "row", "twice", "blank", "column", "shuffle")),
        draws.randrange(len(rows)),
    )
    j = draws.randrange(len(rows[i]))
    if kind == "cell":
        rows[i][j] = draws.choice(CELLS)
    elif kind == "row":
        del rows[i]
    elif kind == "twice":
        rows.insert(i, list(rows[i]))
    elif kind == "blank":
        rows.insert(i, draws.choice(([""], [], [" "], [""] * len(rows[i]))))
    elif kind == "column":
        rows = [row[:j] + row[j + 1 :] for row in rows]
    else:
        draws.shuffle(rows)
    path.write_text("\n".join(map(",".join, rows)) + "\n")
    return f"{kind} {i},{j}"


def of_arrays(arrays: dict[str, np.ndarray], draws: random.Random) -> tuple[dict[str, np.ndarray], str]:
    name = draws.choice(sorted(arrays))
    array = arrays[name].copy()
    kind = draws.choice(("value", "value", "shape", "type", "gone", "flat", "empty", "large"))
    value = draws.choice((1e30, -1e30, 1e301, np.inf, np.nan, -1, 0, 7, 1e-320, 2**40))
    if kind == "value" and array.dtype.kind in "iuf" and array.size:
        array.flat[draws.randrange(array.size)] = np.array(value).astype(array.dtype)
    elif kind == "shape" and array.ndim:
        array = array[..., None] if draws.random() < 0.5 else array[: draws.randrange(len(array) + 1)]
    elif kind == "type":
        array = (
            array.astype(draws.choice(("S4", "U4", "f2", "c16", "?", "u1")))
            if array.dtype.kind in "iuf"
            else np.zeros(3)
        )
    elif kind == "gone":
        return {key: each for key, each in arrays.items() if key != name}, f"{name} gone"
    elif kind == "flat":
        array = array.ravel()
    elif kind == "empty":
        array = array[:0]
    elif kind == "large":
        array = np.zeros(
            (draws.choice((10**3, 2 * 10**6)), *array.shape[1:]), array.dtype if array.dtype.kind in "iuf" else "U1"
        )
    return {**arrays, name: array}, f"{kind} {name} {value:g}"


def of_npz(path: Path, draws: random.Random) -> str:
    if draws.random() < 0.5:
        return of_bytes(path, draws)
    with np.load(path) as file:
        arrays, what = of_arrays({key: file[key] for key in file.files}, draws)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]
    return what


def of_mat(path: Path, draws: random.Random) -> str:
    from scipy.io import loadmat, savemat

    if draws.random() < 0.6:
        return of_bytes(path, draws)
    content = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
    arrays, what = of_arrays(content, draws)
    savemat(path, arrays, do_compression=draws.random() < 0.5)
    return what


def of_checkpoint(path: Path, draws: random.Random) -> str:
    """With its checksum made anew in most cases, as by one who edits it."""
    import io

    import torch

    header, _, data = path.read_bytes().partition(b"\n")
    if draws.random() < 0.5:
        path.write_bytes(data)
        what = of_bytes(path, draws)
        data = path.read_bytes()
    else:
        state, what = changed(torch.load(io.BytesIO(data), weights_only=True), draws)
        buffer = io.BytesIO()
        torch.save(state, buffer)
        data = buffer.getvalue()
    if draws.random() < 0.9:
        header = MAGIC + hashlib.sha256(data).hexdigest().encode()
    path.write_bytes(header + b"\n" + data)
    return what


def of_split(path: Path, draws: random.Random) -> str:
    what = of_json(path, draws)
    try:  # its hash is made anew
        content = json.loads(path.read_text())
        ids = json.dumps([content["labeled"], content["unlabeled"], content["val"]])
        path.write_text(json.dumps({**content, "hash": hashlib.sha256(ids.encode()).hexdigest()}))
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    return what


def of_weights(path: Path, draws: random.Random) -> str:
    """The weights, or their description, with the checksum made anew."""
    beside = path.with_suffix(".json")
    if draws.random() < 0.5:
        return of_json(beside, draws)
    what = of_bytes(path, draws)
    content = json.loads(beside.read_text())
    beside.write_text(json.dumps({**content, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}))
    return what


# Valid inputs


def pictures(folder: Path, names: list[str]) -> list[str]:
    for i, name in enumerate(names):
        picture(folder / name, i)
    return names


def written(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


def coco(folder: Path) -> Path:
    names = pictures(folder, [f"images/{i}.png" for i in range(3)])
    points = [5, 6, 2, 20, 20, 1, 30, 22, 2, 0, 0, 0]
    one = {"category_id": 1, "bbox": [2, 3, 50, 40], "area": 1500.5, "iscrowd": 0, "keypoints": points}
    return written(
        folder / "m.json",
        {
            "images": [{"id": i, "file_name": name, "height": 48, "width": 64} for i, name in enumerate(names)],
            "annotations": [{**one, "id": i, "image_id": i, "num_keypoints": 3} for i in range(3)],
            "categories": [{"id": 1, "name": "mouse", "keypoints": list(JOINTS), "skeleton": [[1, 2], [1, 3]]}],
        },
    )


def boxes(folder: Path) -> Path:
    names = pictures(folder, [f"images/{i}.png" for i in range(3)])
    return written(
        folder / "m.json", [{"image_id": n, "category_id": 1, "bbox": [1, 2, 30, 30], "score": 0.9} for n in names]
    )


def listed_boxes(folder: Path) -> Path:
    names = pictures(folder, [f"images/{i}.png" for i in range(3)])
    return written(folder / "m.json", {"images": [{"file_name": n, "boxes": [[1, 2, 30, 30]]} for n in names]})


def aic(folder: Path) -> Path:
    pictures(folder, [f"img{i}.jpg" for i in range(3)])
    one = {"human_annotations": {"human1": [1, 2, 40, 40]}, "keypoint_annotations": {"human1": [5, 6, 1] * len(AIC)}}
    return written(folder / "m.json", [{"image_id": f"img{i}", **one} for i in range(3)])


def mpii(folder: Path) -> Path:
    pictures(folder, [f"{i}.jpg" for i in range(3)])
    joints = [[10 + k, 12 + k] for k in range(16)]
    one = {"center": [30.0, 25.0], "scale": 0.2, "joints": joints, "joints_vis": [1] * 16}
    return written(folder / "m.json", [{"image": f"{i}.jpg", **one} for i in range(3)])


def h36m(folder: Path) -> Path:
    names = pictures(folder, [NAME.format(i) for i in range(3)])
    one = {
        "category_id": 1,
        "bbox": [1, 1, 40, 40],
        "keypoints": [10, 10, 2] * 17,
        "keypoints_3d": [0.1, 0.2, 0.3, 1] * 17,
    }
    return written(
        folder / "m.json",
        {
            "images": [{"id": i, "file_name": name} for i, name in enumerate(names)],
            "annotations": [{"id": i, "image_id": i, **one} for i in range(3)],
            "categories": [{"id": 1, "name": "person", "keypoints": ["root (pelvis)", *H36M.joints[1:]]}],
        },
    )


def h36m_npz(folder: Path) -> Path:
    names = pictures(folder, [NAME.format(i) for i in range(3)])
    part = np.full((3, 17, 3), 10.0)
    part[..., 2] = 1
    arrays = {"center": np.full((3, 2), 25.0), "scale": np.full(3, 0.2), "part": part, "S": np.full((3, 17, 4), 1.0)}
    np.savez(folder / "m.npz", imgname=np.array(names), **arrays)  # type: ignore[arg-type]
    return folder / "m.npz"


def lsp(folder: Path) -> Path:
    from scipy.io import savemat

    pictures(folder, [f"images/im{i:04d}.jpg" for i in (1, 2, 3)])
    k, i = np.mgrid[:14, :3]
    joints = np.stack([5 + 3.0 * k, 10.0 * i + 5 + k, np.ones_like(k, float)], 1)
    savemat(folder / "joints.mat", {"joints": joints}, do_compression=True)
    return folder / "joints.mat"


def mpii_mat(folder: Path) -> Path:
    from scipy.io import savemat

    pictures(folder, ["a.jpg", "b.jpg"])
    points = [{"id": k, "x": 10.0 + k, "y": 20.0, "is_visible": 1} for k in range(16)]
    place = {"scale": 0.2, "objpos": {"x": 30.0, "y": 25.0}}
    person = {"x1": 10.0, "y1": 10.0, "x2": 40.0, "y2": 40.0, "annopoints": {"point": points}, **place}
    kind = [("image", object), ("annorect", object)]
    rows = [({"name": name}, np.array([person], object)) for name in ("a.jpg", "b.jpg")]
    savemat(folder / "m.mat", {"RELEASE": {"annolist": np.array(rows, kind)}})
    return folder / "m.mat"


def table(folder: Path) -> Path:
    names = pictures(folder, [f"labeled-data/a/img{i}.png" for i in range(3)])
    twice = [joint for joint in JOINTS for _ in "xy"]
    rows = ["scorer," + ",".join(["me"] * 8), "bodyparts," + ",".join(twice), "coords," + ",".join("xy" * 4)]
    rows += [",".join([n, *(str(v) for k in range(4) for v in (10 + 7 * k, 12 + 3 * i))]) for i, n in enumerate(names)]
    (folder / "config.yaml").write_text(
        yaml.safe_dump({"Task": "mice", "scorer": "me", "bodyparts": list(JOINTS), "skeleton": [["nose", "tail"]]})
    )
    path = folder / "labeled-data/a/CollectedData_me.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@cache
def as_h5(text: str) -> bytes:
    """A table as pandas writes it; by a process in which tables.py of this folder is not PyTables."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_text(text)
        program = (
            "import sys, pandas; table = pandas.read_csv(sys.argv[1], header=[0, 1, 2], index_col=0);"
            "table.to_hdf(sys.argv[1] + '.h5', key='df_with_missing', mode='w')"
        )
        subprocess.run([sys.executable, "-P", "-c", program, str(path)], check=True)
        return path.with_name("a.csv.h5").read_bytes()


def h5(folder: Path) -> Path:
    path = table(folder)
    path.with_suffix(".h5").write_bytes(as_h5(path.read_text()))
    path.unlink()
    return path.with_suffix(".h5")


def lightning(folder: Path) -> Path:
    path = table(folder)
    (folder / "config.yaml").unlink()
    return path.rename(folder / "CollectedData.csv")


def plain_csv(folder: Path) -> Path:
    names = pictures(folder, [f"frames/{i}.png" for i in range(3)])
    rows = [f"{n},{joint},{5.5 + 7 * k},{8.25 + k},2" for n in names for k, joint in enumerate(JOINTS)]
    path = folder / "m.csv"
    path.write_text("\n".join(["image,joint,x,y,visibility", *rows]) + "\n")
    return path


def cameras(folder: Path) -> Path:
    eye = np.eye(3).tolist()
    lens = {"K": [[100, 0, 32], [0, 100, 24], [0, 0, 1]], "R": eye, "t": [0, 0, 1000], "distortion": [0] * 5}
    other = {"R": eye, "T": [0, 0, 900], "f": [100, 100], "c": [32, 24], "k": [0] * 3, "p": [0, 0]}
    return written(
        folder / "c.json", {"a": lens, "b": other, "c": {"P": [[100, 0, 32, 0], [0, 100, 24, 0], [0, 0, 1, 9]]}}
    )


MARKS = [[10.0 + 7 * k, 12.0 + 3 * k] for k in range(len(JOINTS))]
"""Where joints are, in images of which some are 48 pixels high and 64 wide."""


def label_studio(folder: Path) -> Path:
    """Two tasks: a mouse's points in its rectangle, and points alone."""
    pictures(folder, ["0.png", "1.png"])
    whole = {"original_width": 64, "original_height": 48, "image_rotation": 0}
    points = [
        {
            "id": f"p{k}",
            "type": "keypointlabels",
            **whole,
            "value": {"x": x, "y": y, "width": 1, "keypointlabels": [joint]},
        }
        for k, (joint, (x, y)) in enumerate(zip(JOINTS, MARKS, strict=True))
    ]
    sides = {"x": 5, "y": 5, "width": 80, "height": 80, "rotation": 0, "rectanglelabels": ["mouse"]}
    box = {"id": "b", "type": "rectanglelabels", **whole, "value": sides}
    parts = [{**point, "parentID": "b"} for point in points]
    tasks = [
        {"id": 1, "data": {"image": "/data/upload/1/0.png"}, "annotations": [{"id": 1, "result": [box, *parts]}]},
        {"id": 2, "data": {"image": "/data/local-files/?d=x/1.png"}, "annotations": [{"id": 2, "result": points}]},
    ]
    return written(folder / "tasks.json", tasks)


def cvat(folder: Path) -> Path:
    pictures(folder, ["0.png", "1.png"])
    points = "".join(
        f'<points label="{joint}" outside="0" occluded="0" points="{x},{y}"/>'
        for joint, (x, y) in zip(JOINTS, MARKS, strict=True)
    )
    images = "".join(
        f'<image id="{i}" name="{i}.png" width="64" height="48"><skeleton label="mouse">{points}</skeleton></image>'
        for i in range(2)
    )
    path = folder / "annotations.xml"
    path.write_text(f"<annotations><version>1.1</version>{images}</annotations>")
    return path


def yolo(folder: Path) -> Path:
    pictures(folder / "images" / "train", ["0.png", "1.png"])
    row = " ".join(["0 .5 .5 .6 .6", *(f"{x / 64} {y / 48} 2" for x, y in MARKS)])
    (folder / "labels" / "train").mkdir(parents=True)
    for i in range(2):
        (folder / "labels" / "train" / f"{i}.txt").write_text(row + "\n")
    document = {
        "path": ".",
        "train": "images/train",
        "kpt_shape": [4, 3],
        "flip_idx": [0, 2, 1, 3],
        "names": {0: "mouse"},
    }
    path = folder / "data.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


def anipose(folder: Path) -> Path:
    K = [[800.0, 0, 320], [0, 800, 240], [0, 0, 1]]
    path = folder / "calibration.toml"
    path.write_text(
        "".join(
            f'[cam_{i}]\nname = "{i}"\nmatrix = {K}\ndistortions = [0.1, 0, 0, 0, 0]\nrotation = [0, {i}.5, 0]\n'
            f"translation = [{i}.0, 0, 9]\n"
            for i in range(2)
        )
    )
    return path


def nwb(folder: Path) -> Path:
    from tests.fixtures.nwb import training

    return training(folder / "labels.nwb", pictures(folder, [f"{i}.png" for i in range(3)]))


def split(folder: Path) -> Path:
    from semipose.data.split import make_split

    make_split(open_all(coco(folder)), 1, 1).save(folder / "s.json")
    return folder / "s.json"


def slp(folder: Path) -> Path:
    import sleap_io as io

    names = pictures(folder, [f"frames/{i}.png" for i in range(3)])
    nodes = io.Skeleton(list(JOINTS), edges=[("nose", "tail")], name="mouse")
    film = io.Video.from_filename([str(folder / name) for name in names])
    points = np.array([[10.0, 20], [30, 25], [12, 9], [np.nan, np.nan]])
    rows = [
        io.LabeledFrame(video=film, frame_idx=i, instances=[io.Instance.from_numpy(points, skeleton=nodes)])
        for i in (0, 2)
    ]
    io.Labels(rows).save(str(folder / "m.slp"), embed=False)
    return folder / "m.slp"


def image(suffix: str) -> Callable[[Path], Path]:
    def build(folder: Path) -> Path:
        picture(folder / "a.png")
        pixels = cv2.imread(str(folder / "a.png"))
        if suffix != ".png":
            (folder / "a.png").unlink()
        else:
            pixels = np.dstack([pixels, pixels[..., 0]])
        path = folder / f"a{suffix}"
        path.write_bytes(cv2.imencode(suffix, pixels)[1].tobytes())
        return path

    return build


def small_model() -> tuple[Any, Any, Any]:
    from semipose.models.build import build_model
    from semipose.models.config import ModelConfig
    from semipose.skeleton import Skeleton

    options = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]}
    config = ModelConfig("resnet18", options, "none", [64, 64], [8, 8, 8])
    skeleton = Skeleton("mouse", JOINTS, ((1, 2),), ((0, 3),))
    return build_model(config, len(JOINTS)), config, skeleton


def weights(folder: Path) -> Path:
    from semipose.models.weights import save_model

    picture(folder / "a.png")
    save_model(folder / "model", *small_model(), decode="quarter")
    return folder / "model.safetensors"


def checkpoint(folder: Path) -> Path:
    from dataclasses import asdict

    from semipose.models.checkpoint import save

    network, config, skeleton = small_model()
    weights = {f"students.0.{key}": value for key, value in network.state_dict().items()}
    about = {"config": {"model": asdict(config)}, "skeleton": skeleton.to_dict(), "world": 1, "data": "x"}
    save(folder / "last.ckpt", {"method": weights, **about, "progress": {"step": 1}})
    return folder / "last.ckpt"


def settings(folder: Path) -> Path:
    from semipose.config import Config, to_dict

    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump(to_dict(Config())))
    return path


def training(folder: Path) -> Path:
    """Of a tiny network on drawn people."""
    from semipose.config import Config, to_dict

    options = {"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16], "output_stride": 16}
    model = {"backbone": "resnet18", "weights": "none", "size": [64, 64], "deconv": [8, 8], "options": options}
    data = {
        "labeled": "synth:studio?count=4",
        "unlabeled": "synth:studio?count=4&start=9",
        "val": "synth:studio?count=2&start=20",
    }
    small = {"batch": 2, "unlabeled_batch": 2}
    plain = to_dict(Config())
    whole = {**plain, "accelerator": "cpu", "threads": 1, "steps": 1, "pseudo": 0}
    whole |= {key: {**plain[key], **part} for key, part in (("model", model), ("data", data), ("optim", small))}
    whole["data"]["cache"] = str(folder / "cache")
    path = folder / "c.yaml"
    path.write_text(yaml.safe_dump(whole))
    return path


@cache
def trained() -> dict[str, bytes]:
    """The files of a run with a checkpoint."""
    with tempfile.TemporaryDirectory() as folder:
        assert trains(training(Path(folder))) == 0
        run = Path(folder) / "run"
        return {str(f.relative_to(run)): f.read_bytes() for f in run.rglob("*") if f.is_file() and f.name != ".lock"}


def run_folder(name: str) -> Callable[[Path], Path]:
    """A run, of which a file is changed."""

    def build(folder: Path) -> Path:
        for place, content in trained().items():
            (folder / "run" / place).parent.mkdir(parents=True, exist_ok=True)
            (folder / "run" / place).write_bytes(content)
        return folder / "run" / name

    return build


def data_yaml(folder: Path) -> Path:
    plain_csv(folder)
    path = folder / "data.yaml"
    words = {
        "joints": list(JOINTS),
        "pairs": [["left_ear", "right_ear"]],
        "sigmas": [0.1] * 4,
        "limbs": [["nose", "tail"]],
    }
    path.write_text(yaml.safe_dump({"data": {"labeled": "m.csv", "skeleton": words}, "steps": 2}))
    return path


# What a user does


def both(path: Path) -> PoseData:
    """As labelled, and as unlabelled data."""
    open_unlabeled(path)
    return open_all(path)


def init_weights(path: Path) -> None:
    from semipose.models.tensors import load_weights

    load_weights(small_model()[0], path)


def resumed(path: Path) -> None:
    load_checkpoint(path)
    init_weights(path)


def checked(path: Path) -> int:
    return semipose(["check", str(path)])


def begun(path: Path) -> int:
    """`init` in the folder of the file, or the one above a table's videos."""
    folder = next((f for f in path.parents if (f / "labeled-data").is_dir()), path.parent)
    return semipose(["init", str(folder), "--overwrite"])


def predicted(path: Path) -> int:
    out = path.parent / "out"
    code = semipose(
        ["predict", str(path), str(path.parent / "a.png"), "--out", str(out), "--no-overlay", "--device=cpu"]
    )
    file = out / "keypoints.json"
    if code == 0:
        for row in json.loads(file.read_text(), parse_constant=lambda name: 1 / 0):
            assert np.isfinite(row["keypoints"]).all() and np.isfinite(row["score"])
    else:
        assert not out.exists() or not list(out.glob("*.part"))
    return code


def configured(path: Path) -> int:
    return semipose(["train", "--config", str(path), "--print-config"])


def trains(path: Path) -> int:
    """One step, whatever the file says of their number."""
    words = ["--steps=1", "--epochs=1", f"--data.cache={path.parent / 'cache'}"]
    return semipose(["train", "--config", str(path), "--out", str(path.parent / "run"), *words])


def goes_on(path: Path) -> int:
    return semipose(["train", "--resume", str(path.parents[1] if path.suffix == ".ckpt" else path.parent)])


def reported(path: Path) -> int:
    run = next(f for f in path.parents if f.name == "run")
    return semipose(["report", str(run)])


def seen(path: Path) -> PoseData:
    from semipose.data.checks.scan import read_all

    data = open_unlabeled(path)
    read_all(data, progress=False)
    return data


TARGETS: dict[str, Target] = {
    "coco": Target(coco, both, of_json),
    "boxes": Target(boxes, read_boxes, of_json),
    "listed boxes": Target(listed_boxes, read_boxes, of_json),
    "aic": Target(aic, both, of_json),
    "mpii": Target(mpii, both, of_json),
    "h36m": Target(h36m, both, of_json),
    "h36m npz": Target(h36m_npz, open_all, of_npz),
    "lsp": Target(lsp, open_all, of_mat),
    "mpii mat": Target(mpii_mat, open_all, of_bytes),
    "dlc csv": Target(table, lambda path: open_all(path.parents[2]), of_csv),
    "dlc h5": Target(h5, lambda path: open_all(path.parents[2]), of_bytes),
    "dlc yaml": Target(lambda f: table(f).parents[2] / "config.yaml", lambda path: open_all(path.parent), of_yaml),
    "lightning pose": Target(lightning, open_all, of_csv),
    "csv": Target(plain_csv, open_all, of_csv),
    "label studio": Target(label_studio, both, of_json),
    "cvat": Target(cvat, both, of_bytes),
    "yolo": Target(yolo, both, of_yaml),
    "yolo labels": Target(
        lambda f: yolo(f).parent / "labels/train/0.txt", lambda path: open_all(path.parents[2] / "data.yaml"), of_bytes
    ),
    "anipose": Target(anipose, read_cameras, of_bytes),
    "nwb": Target(nwb, open_all, of_bytes),
    "cameras": Target(cameras, read_cameras, of_json),
    "split": Target(split, lambda path: Split.load(path).apply(open_all(path.parent / "m.json"))[0], of_split),
    "slp": Target(slp, open_all, of_bytes),
    "png": Target(image(".png"), seen, of_bytes),
    "jpg": Target(image(".jpg"), seen, of_bytes),
    "tif": Target(image(".tif"), seen, of_bytes),
    "webp": Target(image(".webp"), seen, of_bytes),
    "bmp": Target(image(".bmp"), seen, of_bytes),
    "checkpoint": Target(checkpoint, resumed, of_checkpoint),
    "weights": Target(weights, init_weights, of_weights),
    "predict": Target(weights, predicted, of_weights),
    "config": Target(settings, configured, of_yaml),
    "data.yaml": Target(data_yaml, checked, of_yaml),
    "train": Target(training, trains, of_yaml),
    "resume": Target(run_folder("checkpoints/last.ckpt"), goes_on, of_checkpoint),
    "resume yaml": Target(run_folder("config.yaml"), goes_on, of_yaml),
    "report": Target(run_folder("summary.json"), reported, of_json),
    "report val": Target(run_folder("predictions/val.json"), reported, of_json),
    "report csv": Target(run_folder("metrics.csv"), reported, of_csv),
    "check coco": Target(coco, checked, of_json),
    "check mpii": Target(mpii, checked, of_json),
    "check csv": Target(plain_csv, checked, of_csv),
    "check dlc": Target(table, lambda path: checked(path.parents[2]), of_csv),
    "init csv": Target(plain_csv, begun, of_csv),
    "init coco": Target(coco, begun, of_json),
    "init dlc": Target(table, begun, of_csv),
    "init yaml": Target(lambda f: table(f).parents[2] / "config.yaml", begun, of_yaml),
}
"""Readers, then commands."""
APART = ("lsp", "mpii mat", "dlc h5", "slp", "nwb")
"""Each mutant of these starts a process, which takes longer than all else."""


def nonsense(data: Any) -> str | None:
    """What of accepted data cannot be."""
    if not isinstance(data, PoseData):
        return None
    for sample in data:
        numbers = [*sample.box, sample.area or 0, sample.score or 0, sample.head_size or 0]
        if not np.isfinite(numbers).all() or max(map(abs, sample.box)) > FAR or min(sample.box[2:]) <= 0:
            return f"{sample.id}: {numbers}"
        if sample.keypoints is not None:
            points = sample.keypoints
            if not np.isfinite(points).all() or np.abs(points[:, :2]).max() > FAR or not {*points[:, 2]} <= {0, 1, 2}:
                return f"{sample.id}: keypoints"
        if not all(isinstance(i, int | float | str | None) for i in (sample.image_id, sample.annotation_id)):
            return f"{sample.id}: ids"
    return None
