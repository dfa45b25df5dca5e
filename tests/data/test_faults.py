"""Damaged and hostile files of every kind: each is refused in one line that names it, or read and fit to be read.

`benchmarks/fuzzed.py` has the valid inputs; here is one change of each kind that its mutations do not show by name.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.fuzz import counts, jobs_of, run, warm
from benchmarks.fuzzed import TARGETS

from semipose.cli import main
from semipose.data.open import open_all, open_labeled
from semipose.data.readers.boxes import read_boxes
from semipose.data.readers.cameras import read_cameras
from semipose.data.readers.h36m import read_arrays
from semipose.data.sample import FAR
from semipose.data.split import Split
from semipose.errors import UserError
from semipose.models import checkpoint
from semipose.models.public import import_weights
from semipose.models.weights import load_model

Change = Callable[[Any], object]


def refusal(target: str, folder: Path, change: Change) -> str:
    """The sentence about a JSON input of fuzzed.py of which something is changed."""
    path = TARGETS[target].build(folder)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document).replace("Infinity", "1e999"))
    with pytest.raises(UserError) as caught:
        TARGETS[target].run(path)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)
    return str(caught.value)


def at(*keys: Any) -> Callable[[Any], Change]:
    """A change of the value at a place."""

    def changes(value: Any) -> Change:
        def change(document: Any) -> None:
            for key in keys[:-1]:
                document = document[key]
            document[keys[-1]] = value

        return change

    return changes


JSON_FAULTS: list[tuple[str, Change, str]] = [
    ("coco", at("annotations", 1, "area")(1e999), "annotation 1 has area inf"),
    ("coco", at("annotations", 1, "area")([1, 2]), r"annotation 1 has area \[1, 2\]"),
    ("coco", at("annotations", 1, "area")(-1), "annotation 1 has area -1"),
    ("coco", at("annotations", 1, "iscrowd")([0]), r"annotation 1 has iscrowd \[0\]; it can be 0 or 1"),
    ("coco", at("annotations", 1, "iscrowd")("0"), "iscrowd '0'"),
    ("coco", at("annotations", 1, "id")([1]), r"has id \[1\]; it must be a number or a text"),
    ("coco", at("annotations", 1, "id")(True), "has id True"),
    ("coco", at("annotations", 1, "image_id")({"a": 1}), r"has image_id \{'a': 1\}"),
    ("coco", at("annotations", 1, "image_id")(10**40), "is too large"),
    ("coco", at("annotations", 1, "bbox")("1234"), "bbox '1234', expected four numbers"),
    ("coco", at("annotations", 1, "bbox")({"0": 1, "1": 2, "2": 3, "3": 4}), "expected four numbers"),
    ("coco", at("annotations", 1, "bbox")([True, 2, 3, 4]), "expected four numbers"),
    ("coco", at("annotations", 1, "bbox")([0, 0, 2e6, 5]), "larger than any image"),
    ("coco", at("annotations", 1, "keypoints", 0)(1e30), "beyond 1e"),
    ("coco", at("annotations", 1, "keypoints", 0)(-1e999), "beyond 1e"),
    ("coco", at("annotations", 1, "keypoints", 0)("x"), "not all numbers"),
    ("coco", at("annotations", 1, "keypoints", 0)(10**400), "not all numbers"),
    ("coco", at("annotations", 1, "keypoints", 0)(True), "not all numbers"),
    ("coco", at("annotations", 1, "keypoints", 0)("6"), "not all numbers"),
    ("coco", at("annotations", 1, "keypoints", 0)("nan"), "not all numbers"),
    ("coco", at("annotations", 1, "bbox")(["1", "2", "3", "4"]), "expected four numbers"),
    ("coco", at("annotations", 1, "keypoints", 2)(7), "visibility 7"),
    ("coco", at("annotations", 1, "keypoints")({"a": 1}), "keypoints"),
    ("coco", at("images", 1, "file_name")(["a.png"]), r"image 1 has file_name \['a.png'\]"),
    ("coco", at("images", 1, "file_name")("a\0.png"), "names no file"),
    ("coco", at("images", 1, "id")([1]), "images entry 1 has id"),
    ("coco", at("categories", 0, "keypoints")([["a"]]), "must be a list of joint names"),
    ("coco", at("categories", 0, "keypoints")(1e999), "must be a list of joint names"),
    ("coco", at("categories", 0, "keypoints")([f"j{i}" for i in range(2000)]), "2000 joints, more than"),
    ("coco", at("categories", 0, "skeleton")([[1, [2]]]), r"skeleton must be a list of \[joint, joint\]"),
    ("coco", at("categories", 0, "skeleton")(7), "skeleton must be a list"),
    ("boxes", at(1, "category_id")([1]), r"entry 1 has category_id \[1\]"),
    ("boxes", at(1, "image_id")({}), "entry 1 has image_id {}"),
    ("boxes", at(1, "score")(1e999), "score inf"),
    ("boxes", at(1, "score")([0.5]), r"score \[0.5\]"),
    ("listed boxes", at("images", 1, "boxes")(7), "boxes that are no list"),
    ("listed boxes", at("images", 1, "boxes")([7]), "expected four numbers"),
    ("aic", at(1, "human_annotations")([1]), "by name of a human"),
    ("aic", at(1, "human_annotations", "human1", 0)(1e30), "at most 1e"),
    ("aic", at(1, "keypoint_annotations", "human1", 2)(9), "visibility 9"),
    ("mpii", at(1, "scale")(1e-320), "scale 9.9"),
    ("mpii", at(1, "scale")(2**63), "at most 1e"),
    ("mpii", at(1, "scale")(10**400), "expected a number"),
    ("mpii", at(1, "center")([float("nan"), 2]), "has center"),
    ("mpii", at(1, "joints_vis", 3)(7), "joints_vis that are none of 0 and 1"),
    ("mpii", at(1, "joints_vis", 3)(0.3), "joints_vis that are none of 0 and 1"),
    ("mpii", at(1, "joints", 3, 0)(1e39), "beyond 1e"),
    ("mpii", at(1, "joints", 3, 0)(False), "not all numbers"),
    ("mpii", at(1, "joints")([[*range(16)]] * 2), "has 2 x 16 numbers x, y, expected 16 x 2"),
    ("mpii", at(1, "image")([1]), "entry 1 has image"),
    ("h36m", at("annotations", 1, "keypoints_3d", 0)(1e30), "no places in metres"),
    ("h36m", at("annotations", 1, "keypoints_3d")("x"), "needs 17 keypoints_3d"),
    ("h36m", at("annotations", 1, "keypoints_3d")([[1] * 17] * 4), "needs 17 keypoints_3d"),
    ("h36m", at("annotations", 1, "keypoints_3d", 0)(True), "needs 17 keypoints_3d"),
    ("cameras", at("a", "K")(10**400), "camera 'a' is no camera: 3 x 3 numbers are expected"),
    ("cameras", at("a", "t", 0)(1e300), "beyond 1e"),
    ("cameras", at("b")([1]), "camera 'b' is no camera: it must map names to numbers"),
    ("cameras", at("a", "cross")([1]), "camera 'a' is no camera"),
    ("cameras", at("a", "cross")(True), "camera 'a' is no camera: cross is True"),
    ("cameras", at("a", "K", 2, 2)(True), "camera 'a' is no camera: 3 x 3 numbers are expected"),
    ("cameras", at("a", "t", 0)("7"), "camera 'a' is no camera: numbers are expected"),
    ("split", at("labeled")([float("nan")]), "ids must be texts"),
    ("split", at("seed")("x"), "seed a number"),
]


@pytest.mark.parametrize(("target", "change", "says"), JSON_FAULTS, ids=lambda value: str(value)[:30])
def test_json_of_other_types_and_ranges(tmp_path: Path, target: str, change: Change, says: str) -> None:
    assert re.search(says, refusal(target, tmp_path, change))


@pytest.mark.parametrize("target", ["coco", "boxes", "aic", "mpii", "h36m", "cameras", "split"])
def test_lists_in_lists_are_no_json(tmp_path: Path, target: str) -> None:
    path = TARGETS[target].build(tmp_path)
    path.write_text("[" * 200_000)
    with pytest.raises(UserError, match="nested too deep"):
        TARGETS[target].run(path)


def test_real_sets_have_joints_somewhat_outside_and_null(tmp_path: Path) -> None:
    path = TARGETS["coco"].build(tmp_path)
    document = json.loads(path.read_text())
    document["annotations"][0]["keypoints"][:3] = [-700, 900, 2]
    document["annotations"][1]["keypoints"][:2] = [None, 3]
    path.write_text(json.dumps(document))
    first, second, _ = open_labeled(path)
    assert first.keypoints is not None and first.keypoints[0].tolist() == [-700, 900, 2]
    assert second.keypoints is not None and second.keypoints[0].tolist() == [0, 0, 0]


def test_a_csv_may_begin_with_blank_lines_and_says_its_own_lines(tmp_path: Path) -> None:
    path = TARGETS["csv"].build(tmp_path)
    text = path.read_text()
    path.write_text("\n\n" + text)
    assert len(open_labeled(path)) == 3
    path.write_text("\n\n" + text.replace("5.5,", "far,", 1))
    with pytest.raises(UserError, match=r"line 4, x is 'far'"):
        open_labeled(path)
    table = TARGETS["lightning pose"].build(tmp_path / "lp")
    table.write_text("\n,,\n" + table.read_text())
    assert len(open_labeled(table)) == 3


@pytest.mark.parametrize("cell", ["1e39", "-1e30", "inf", "99999999999999999999"])
def test_a_cell_farther_away_than_any_image(tmp_path: Path, cell: str) -> None:
    for target, old in (("csv", "5.5,"), ("dlc csv", ",10,"), ("lightning pose", ",10,")):
        path = TARGETS[target].build(tmp_path / target)
        path.write_text(path.read_text().replace(old, old.replace(old.strip(","), cell), 1))
        with pytest.raises(UserError, match=r"farther away than any image is large"):
            TARGETS[target].run(path)


@pytest.mark.slow
def test_a_short_table_with_room_for_very_much_is_refused(tmp_path: Path) -> None:
    rows = [f"a{i}.png,j{i % 900},1,2" for i in range(40_000)]
    (tmp_path / "m.csv").write_text("\n".join(["image,joint,x,y", *rows]))
    with pytest.raises(UserError, match=r"m\.csv has room for \d+ numbers"):
        open_labeled(tmp_path / "m.csv")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"scale": np.full(3, 1e301)}, "scale of entry 0 cannot be"),
        ({"scale": np.array(["x"] * 3)}, "scale is no array of numbers"),
        ({"part": np.full((3, 17, 3), np.inf)}, "part of entry 0 cannot be"),
        ({"part": np.full((3, 17, 3), 7.0)}, "part of entry 0 cannot be"),
        ({"center": np.array([[1, 1], [1, 1], [1, np.nan]])}, "center of entry 2 cannot be"),
        ({"S": np.full((3, 17, 4), 1e30)}, "S of entry 0 cannot be"),
        ({"S": np.zeros(3)}, "S has shape"),
        ({"imgname": np.zeros(3)}, "not H36M's .npz: it needs imgname"),
        ({"imgname": np.array([], "U9"), "part": np.zeros((0, 17, 3))}, "has shape"),
    ],
)
def test_arrays_of_other_types_and_ranges(tmp_path: Path, change: dict, says: str) -> None:
    path = TARGETS["h36m npz"].build(tmp_path)
    with np.load(path) as file:
        arrays = {**{key: file[key] for key in file.files}, **change}
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=says):
        open_all(path)


def header(shape: tuple[int, ...], kind: str = "<f8") -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array_header_1_0(out, {"descr": kind, "fortran_order": False, "shape": shape})
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        header((10**9, 17, 3)) + bytes(99),
        header((25 << 20,)) + bytes(200 << 20),
        header((10**6,), "<U10000") + bytes(9),
    ],
    ids=["says", "is", "letters"],
)
def test_a_small_npz_that_holds_much_is_not_decoded(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("part.npy", content)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(UserError, match=r"m\.npz would take \d+ MB of memory"):
        read_arrays(path, ("part",))


class Touch:
    """What a pickle would run when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def npz_with(payload: Touch, folder: Path) -> Path:
    path = TARGETS["h36m npz"].build(folder)
    with np.load(path) as file:
        arrays = {**{key: file[key] for key in file.files}, "part": np.array([payload], object)}
    np.savez(path, allow_pickle=True, **arrays)
    return path


def mat_with(payload: Touch, folder: Path) -> Path:
    from scipy.io import savemat

    path = TARGETS["lsp"].build(folder)
    savemat(
        path, {"joints": np.frombuffer(pickle.dumps(payload), np.uint8), "x": pickle.dumps(payload).decode("latin-1")}
    )
    return path


def slp_with(payload: Touch, folder: Path) -> Path:
    h5py = pytest.importorskip("h5py")
    pytest.importorskip("sleap_io")
    path = TARGETS["slp"].build(folder)
    with h5py.File(path, "a") as file:
        for group in (file, file["metadata"]):
            group.attrs["json" if group is not file else "CLASS"] = np.bytes_(pickle.dumps(payload, 0))
        del file["videos_json"]
        file["videos_json"] = [pickle.dumps(payload, 0).replace(b"\0", b"")]
    return path


def checkpoint_with(payload: Touch, folder: Path) -> Path:
    """With its checksum made anew."""
    out = io.BytesIO()
    torch.save({"method": payload, "skeleton": {}}, out)
    head = checkpoint.MAGIC + hashlib.sha256(out.getvalue()).hexdigest().encode() + b"\n"
    (folder / "last.ckpt").write_bytes(head + out.getvalue())
    return folder / "last.ckpt"


def public_with(payload: Touch, folder: Path) -> Path:
    torch.save({"state_dict": payload}, folder / "a.pth")
    return folder / "a.pth"


def cameras_with(payload: Touch, folder: Path) -> Path:
    (folder / "cameras.pkl").write_bytes(pickle.dumps({("S1", "a"): payload}))
    return folder / "cameras.pkl"


@pytest.mark.parametrize(
    ("make", "read"),
    [
        (npz_with, open_all),
        (mat_with, open_all),
        (slp_with, open_all),
        (checkpoint_with, checkpoint.load),
        (public_with, lambda path: import_weights(path, path.parent / "out")),
        (cameras_with, read_cameras),
    ],
    ids=lambda function: function.__name__,
)
def test_no_payload_is_run(
    tmp_path: Path, make: Callable[[Touch, Path], Path], read: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path)
    path = make(Touch(ran), tmp_path / "in")
    with pytest.raises(UserError) as caught:
        read(path)
    assert not ran.exists() and "\n" not in str(caught.value) and path.name in str(caught.value)
    pickle.loads(pickle.dumps(Touch(ran)))
    assert ran.exists(), "the payload would not have done anything"


def test_a_small_checkpoint_that_holds_much_is_not_decoded(tmp_path: Path) -> None:
    out = io.BytesIO()
    torch.save({"method": {"a": torch.zeros(1).expand(10**9)}}, out)
    with pytest.raises(UserError, match=r"would take \d+ MB of memory"):
        checkpoint.load(_with_checksum(tmp_path, out.getvalue()))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a/data/0", bytes(100 << 20))
    with pytest.raises(UserError, match=r"would take \d+ MB of memory"):
        checkpoint.load(_with_checksum(tmp_path, out.getvalue()))


def _with_checksum(folder: Path, data: bytes) -> Path:
    path = folder / "a.ckpt"
    path.write_bytes(checkpoint.MAGIC + hashlib.sha256(data).hexdigest().encode() + b"\n" + data)
    return path


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (at("model", "deconv", 1)(-(2**63)), "model.deconv is"),
        (at("model", "size")([10**6, 10**6]), "model.size is"),
        (at("model", "size")([64.5, 64]), "model.size is"),
        (at("model", "padding")(1e30), "model.padding is"),
        (at("model", "deconv")([4096, 4096, 4096]), "has fewer"),
        (at("model", "options", "layers")([1, 1, 1]), "parts do not fit together"),
        (at("model", "options", "layers")([10**6] * 4), "model.options.layers"),
        (at("model", "backbone")({"a": 1}), "is not a plain name"),
        (at("skeleton", "pairs")([[1e999, 1]]), "is not two different joints"),
        (at("skeleton", "joints", 0)(7), "a joint without a name"),
        (at("skeleton", "sigmas", 0)([1]), "sigmas are no numbers"),
        (at("first_cell")(1e30), "first_cell is 1e"),
        (at("model")([1]), "parts do not fit together"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_description_of_no_model(tmp_path: Path, change: Change, says: str) -> None:
    path = TARGETS["weights"].build(tmp_path)
    beside = path.with_suffix(".json")
    document = json.loads(beside.read_text())
    change(document)
    beside.write_text(json.dumps(document))
    with pytest.raises(UserError, match=rf"model\.json does not describe a model of this version.*{says}"):
        load_model(path)


def test_weights_that_are_not_finite_predict_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from safetensors.torch import load, save

    path = TARGETS["predict"].build(tmp_path)
    for name, value in (("head.bias", float("nan")), ("backbone.stages.stem.1.weight", 1e38)):
        content = path.read_bytes()
        tensors = load(content)
        tensors[name] = torch.full_like(tensors[name], value)
        path.write_bytes(save(tensors))
        beside = path.with_suffix(".json")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        beside.write_text(json.dumps({**json.loads(beside.read_text()), "sha256": digest}))
        words = ["predict", str(path), str(tmp_path / "a.png"), "--out", str(tmp_path / "out"), "--device=cpu"]
        assert main(words) == 1
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert "not finite" in said and said.startswith("semipose predict: ")
        assert not (tmp_path / "out").exists() or not os.listdir(tmp_path / "out")
        path.write_bytes(content)


def test_a_name_is_printed_as_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not as the markup of what draws progress bars."""
    TARGETS["dlc csv"].build(tmp_path)
    config = tmp_path / "config.yaml"
    for name in ("[/red]x", "[bold]mice"):
        config.write_text(config.read_text().replace("mice", f"'{name}'"))
        assert main(["check", str(tmp_path)]) == 0
        assert f"reading {name}" in capsys.readouterr().err
        config.write_text(config.read_text().replace(f"'{name}'", "mice"))


def test_ids_of_boxes_and_splits_are_of_one_kind(tmp_path: Path) -> None:
    assert all(isinstance(s.image_id, str) for s in read_boxes(TARGETS["boxes"].build(tmp_path)))
    assert Split.load(TARGETS["split"].build(tmp_path / "s")).seed == 0
    assert FAR == 1e6


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (at("method")({}), "cannot be read as a checkpoint of this run"),
        (at("optimizer")(float("nan")), "run: the checkpoint.optimizer does not fit this run"),
        (at("progress", "step")("x"), "run: the checkpoint.progress.step does not fit this run"),
        (at("progress", "step")(float("nan")), "run: the checkpoint.progress.step does not fit this run"),
        (at("optimizer", "param_groups", 0, "lr")("x"), "does not fit this run"),
        (at("skeleton")([1]), "cannot be resumed exactly: data: another skeleton|another skeleton"),
        (at("config")([1]), "cannot be read as a checkpoint of this run"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_checkpoint_of_other_parts(
    tmp_path: Path, change: Change, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = TARGETS["resume"].build(tmp_path)
    state = checkpoint.load(path)
    change(state)
    out = io.BytesIO()
    torch.save(state, out)
    path.write_bytes(_with_checksum(tmp_path, out.getvalue()).read_bytes())
    assert TARGETS["resume"].run(path) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert re.search(says, said) and "debug" not in said and len(said) < 1000


@pytest.mark.slow
def test_mutants_of_every_kind_end_well(tmp_path: Path) -> None:
    """benchmarks/fuzz.py, some hundred of its seeds."""
    pytest.importorskip("sleap_io")
    warm()
    rows = list(run(jobs_of(400, 10**6), float("inf")))
    assert [row for row in rows if row[2] not in ("refused", "read")] == []
    found = counts(rows)
    assert found["mutants"] == 400 and found["refused"] > 100
