from __future__ import annotations

import json
import logging
import re
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from semipose.bodies import BODIES
from semipose.config import ModelConfig
from semipose.errors import UserError
from semipose.inference.boxes import finder_of
from semipose.inference.predictor import Predictor
from semipose.models.build import build_model
from semipose.models.error_bars import ErrorBars
from semipose.models.weights import save_model
from semipose.skeleton import Skeleton
from semipose.verbs.export import export
from semipose.verbs.predict import predict
from tests.fixtures.runs import OPTIONS

PAIR = Skeleton("pair", ("left_ear", "right_ear", "nose"), ((0, 1),))
pytestmark = pytest.mark.slow
GUIDE = Path(__file__).parents[2] / "docs" / "export.md"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    config = ModelConfig(size=[64, 48], weights="none", options=OPTIONS, deconv=[8, 8, 8])
    network = build_model(config, 3)
    with torch.no_grad():  # heatmaps of some height, statistics that are not the initial ones
        network.head.weight.mul_(300)
        network.train()(torch.rand(8, 3, 64, 48, generator=torch.Generator().manual_seed(0)))
    rng = np.random.default_rng(0)
    score, spread, residual = rng.random((3, 50, 3))
    bars = ErrorBars.fit(score, spread + 0.1, 5 * residual, np.ones((50, 3), bool))
    save_model(folder / "model", network.eval(), config, PAIR, decode="dark", error_bars=bars)
    return folder


@pytest.fixture(scope="module")
def exported(run: Path) -> Path:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    found = export(run)
    assert found.file == run / "model.onnx" and found.difference is not None and found.difference < 1e-4
    return found.file


def test_a_finder_is_exported_too(run: Path, exported: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    for name in ("model.safetensors", "model.json"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    config = ModelConfig(size=[32, 64], weights="none", options=OPTIONS, decoder="fpn", padding=1.0)
    (tmp_path / "finder").mkdir()
    save_model(tmp_path / "finder" / "model", build_model(config, 3).eval(), config, BODIES)
    (tmp_path / "finder" / "find.json").write_text('{"side": 0.25, "threshold": 0.4, "most": 2, "images": 9}')
    found = export(tmp_path, out=tmp_path / "a.onnx")
    assert found.file == tmp_path / "a.onnx" and found.finder is not None
    assert found.finder.file == tmp_path / "a-finder.onnx" and (found.finder.difference or 0) < 1e-4
    (meta,) = (each.value for each in onnx.load(str(found.finder.file)).metadata_props if each.key == "semipose")
    about = json.loads(meta)
    assert about["joints"] == ["centre", "width", "height"] and about["size"] == [32, 64] and about["padding"] == 1
    assert about["find"] == {"side": 0.25, "threshold": 0.4, "most": 2}
    assert export(run).finder is None
    with pytest.raises(UserError, match=r"a-finder\.onnx would be taken for the finder of .*a\.onnx; remove it"):
        export(run, out=tmp_path / "a.onnx")


def test_the_documented_code_gives_the_predictors_poses(run: Path, exported: Path) -> None:
    """The guide's own program, on several boxes at once, against `Predictor`."""
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    scope: dict = {}
    exec(program, scope)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (90, 120, 3), np.uint8)
    boxes = [[10, 5, 60, 70], [0, 0, 120, 90], [70, 30, 45, 20]]
    expected = Predictor.load(run, "cpu", decode="quarter")(image, boxes)
    session, about = scope["load"](str(exported))
    for box, pose in zip(boxes, expected, strict=True):
        xy, score = scope["predict"](session, about, image, box)
        assert np.abs(score - pose.score).max() < 0.02 * np.abs(pose.score).max()
        assert np.median(np.abs(xy - pose.xy)) < 0.5, "both resample: peaks of noise may differ, most do not"


def test_the_file_says_what_decoding_needs(exported: Path) -> None:
    import onnx

    (entry,) = onnx.load(str(exported)).metadata_props
    about = json.loads(entry.value)
    assert about["joints"] == ["left_ear", "right_ear", "nose"] and about["flip"] == [1, 0, 2]
    assert (about["size"], about["stride"], about["padding"]) == ([64, 48], 2, 1.25)


def test_the_file_predicts_as_the_run(run: Path, exported: Path) -> None:
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (90, 120, 3), np.uint8)
    boxes = [[10, 5, 60, 70], [70, 30, 45, 20]]
    for how in ({}, {"decode": "dark", "flip_test": "plain"}, {"views": "flip+turn15"}):
        ours, theirs = (Predictor.load(file, "cpu", **how) for file in (run, exported))
        assert (ours.skeleton, ours.padding, ours.refine) == (theirs.skeleton, theirs.padding, theirs.refine)
        pairs = [*zip(ours(image, boxes), theirs(image, boxes), strict=True)]
        assert max(np.abs(a.score - b.score).max() for a, b in pairs) < 1e-4
        assert np.median([np.abs(a.xy - b.xy) for a, b in pairs]) < 0.01, "DARK magnifies what differs in noise"
    bars = Predictor.load(exported, "cpu").error_bars
    assert bars == Predictor.load(run, "cpu").error_bars and bars is not None
    with pytest.raises(UserError, match="computes as it was exported"):
        Predictor.load(exported, "cpu", precision="auto")


def find(image: np.ndarray, named: Path) -> list[list[float]]:
    """As `predict --boxes` does."""
    finder = finder_of(named, "cpu")
    assert finder is not None
    return finder.load()(image)


def test_an_exported_finder_is_used(run: Path, exported: Path, tmp_path: Path) -> None:
    for name in ("model.safetensors", "model.json"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    config = ModelConfig(size=[32, 64], weights="none", options=OPTIONS, decoder="fpn", padding=1.0)
    (tmp_path / "finder").mkdir()
    network = build_model(config, 3, seed=4).eval()
    with torch.no_grad():
        network.head.bias.copy_(torch.tensor([0.5, 0.3, 0.3]))
    save_model(tmp_path / "finder" / "model", network, config, BODIES)
    (tmp_path / "finder" / "find.json").write_text('{"side": 0.25, "threshold": 0.4, "most": 1}')
    named, plain = export(tmp_path, out=tmp_path / "a.onnx").file, export(tmp_path).file
    cv2.imwrite(str(tmp_path / "x.png"), np.random.default_rng(2).integers(0, 256, (90, 120, 3), np.uint8))
    found = []
    for n, file in enumerate((tmp_path, named, plain)):
        predict(file, tmp_path / "x.png", out=tmp_path / f"out{n}", overlay=False, device="cpu")
        found += json.loads((tmp_path / f"out{n}" / "keypoints.json").read_text())
    assert len(found) == 3 and found[0]["bbox"] != [0, 0, 120, 90]
    both = [find(cv2.imread(str(tmp_path / "x.png")), file) for file in (tmp_path / "finder", tmp_path / "finder.onnx")]
    assert len(both[0]) == 1 and np.abs(np.subtract(*both)).max() < 0.1
    for other in found[1:]:
        assert np.abs(np.array(other["bbox"]) - found[0]["bbox"]).max() < 0.1
        assert np.abs(np.array(other["keypoints"]) - found[0]["keypoints"]).max() < 0.1


def test_without_onnx_it_is_one_line(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UserError, match=r"semipose\[export\]"):
        export(run)


def test_an_opset_that_cannot_be_had_is_refused(run: Path, exported: Path, tmp_path: Path, caplog) -> None:
    with pytest.raises(UserError, match="cannot be written with opset 1; take --opset 18"):
        export(run, out=tmp_path / "old.onnx", opset=1)
    said = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert not said and not logging.root.manager.disable
    assert not (tmp_path / "old.onnx").exists()
