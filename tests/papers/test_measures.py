"""What a paper's metrics are on a run's folder."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from semipose.config import Config, DataConfig, to_dict
from semipose.errors import UserError
from semipose.papers import measures as scores
from tests.fixtures.rig import around, body


def run(folder: Path, val: str, predictions: dict | None = None) -> Path:
    (folder / "predictions").mkdir()
    config = replace(Config(), data=DataConfig(labeled=val, val=val))
    (folder / "config.yaml").write_text(yaml.safe_dump(to_dict(config)))
    (folder / "predictions" / "val.json").write_text(json.dumps(predictions))
    return folder


def test_a_benchmark_s_column_its_groups_and_what_has_none() -> None:
    tables = {"a": {"table": {"Mean": 0.5, "Hip": 0.1}}, "b": {"table": {"Mean": 0.7, "Hip": None}}}
    found = scores.SCORES["PCKh@0.5"](Path(), {"val": {"networks": tables}})
    wanted = {"a": 50, "b": 70, "mean": 60, "a/Mean": 50, "b/Mean": 70, "mean/Mean": 60, "a/Hip": 10}
    assert found == pytest.approx(wanted), "no mean of a group that one network lacks"
    assert scores.SCORES["JDR"](Path(), {"val": {"networks": {"a": {}, "b": {"table": {"Avg": None}}}}}) == {}


def test_pck_by_joint_groups() -> None:
    per_joint = {"left_wrist": 0.2, "right_wrist": 0.4, "head_top": 0.9, "neck": 0.1, "left knee": None}
    found = scores.pck(Path(), {"val": {"networks": {"a": {"pck": 0.5, "per_joint": per_joint}}}})
    wanted = {"": 50, "/Wrist": 30, "/Head": 90}
    assert found == pytest.approx({f"{name}{part}": v for name in ("a", "mean") for part, v in wanted.items()})


def human36m(folder: Path) -> tuple[str, np.ndarray]:
    """Files as Human3.6M's: one moment of one person, seen by four cameras. The annotations and the joints there."""
    rng = np.random.default_rng(2)
    points, images, rows, seen, known = body(rng, 17), [], [], [], {}
    for i, camera in enumerate(around(rng, 4, lens=0)):
        name = f"S9_Walk_1.{i}_000001.jpg"
        xy = camera.project(points)
        (folder / name).write_bytes(b"")
        images.append({"id": i, "file_name": name, "width": 1000, "height": 1000})
        row = {"id": i, "image_id": i, "category_id": 1, "bbox": [*xy.min(0), *np.ptp(xy, axis=0)]}
        row |= {"keypoints": np.c_[xy, np.full(17, 2)].ravel().tolist()}
        rows.append({**row, "keypoints_3d": np.c_[points / 1000, np.ones(17)].tolist()})
        seen.append(np.c_[xy, np.ones(17)])
        f, c = np.diag(camera.K)[:2], camera.K[:2, 2]
        known["S9", str(i)] = {"R": camera.R.T, "T": camera.center / 1000, "f": f, "c": c, "k": [0] * 3, "p": [0] * 2}
    (folder / "cameras.pkl").write_bytes(pickle.dumps(known))
    category = {"id": 1, "name": "person", "keypoints": ["root (pelvis)", *(f"joint {k}" for k in range(1, 17))]}
    file = folder / "h36m.json"
    file.write_text(json.dumps({"images": images, "annotations": rows, "categories": [category]}))
    return str(file), np.stack(seen)


def test_mpjpe_of_files_as_human36m_s(tmp_path: Path) -> None:
    """Network a predicts the truth, b nothing but in one view."""
    file, seen = human36m(tmp_path)
    none = seen * np.array([1, 1, 0])
    none[0] = seen[0]
    made = {"a": seen, "b": none, "ensemble": none}
    rows = [{"pred": {name: pred[i].tolist() for name, pred in made.items()}} for i in range(4)]
    folder = run(tmp_path, file, {"networks": list(made), "samples": rows})
    found = scores.mpjpe(folder, {})
    assert found["a"] == pytest.approx(0, abs=1e-3) and found["a/Wrist"] == pytest.approx(0, abs=1e-3)
    assert all(key.startswith("a") for key in found), "no mean where a network's points are missing"
    for row in rows:
        row["pred"]["b"] = row["pred"]["a"]
    (folder / "predictions" / "val.json").write_text(json.dumps({"networks": list(made), "samples": rows}))
    assert scores.mpjpe(folder, {})["mean"] == pytest.approx(0, abs=1e-3)


def test_mpjpe_needs_cameras(tmp_path: Path) -> None:
    file = tmp_path / "val.json"
    folder = tmp_path / "run"
    folder.mkdir()
    person = {"image_id": 1, "id": 1, "category_id": 1, "bbox": [0, 0, 9, 9], "keypoints": [1, 1, 2]}
    category = {"id": 1, "name": "dot", "keypoints": ["dot"]}
    image = {"id": 1, "file_name": "a.png", "width": 9, "height": 9}
    file.write_text(json.dumps({"images": [image], "annotations": [person], "categories": [category]}))
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"no cameras\.pkl"):
        scores.mpjpe(run(folder, str(file)), {})
