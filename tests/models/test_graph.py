"""What is said of graphs that cannot be run; that one predicts as its network: tests/verbs/test_export.py."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from semipose.config import ModelConfig, to_dict
from semipose.errors import UserError
from semipose.inference.predictor import Predictor
from semipose.models.graph import Graph, about_graph, load_graph
from semipose.skeleton import LSP

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
K = len(LSP)


def about(**changes: Any) -> dict[str, Any]:
    """As `semipose export` writes."""
    model = to_dict(ModelConfig(size=[16, 8], weights="none"))
    return {"model": model, "skeleton": LSP.to_dict(), "stride": 4, "first_cell": 1.5, "decode": "dark", **changes}


def graph(path: Path, says: str | None, joints: int = K, name: str = "image", elsewhere: bool = False) -> Path:
    """The image's mean colours in blocks of 4 x 4, a channel for each joint."""
    helper, form = onnx.helper, onnx.TensorProto.FLOAT
    weights = np.ones((joints, 3, 4, 4), np.float32) / 48
    made = helper.make_graph(
        [helper.make_node("Conv", [name, "w"], ["heatmaps"], strides=[4, 4])],
        "g",
        [helper.make_tensor_value_info(name, form, ["b", 3, "h", "w"])],
        [helper.make_tensor_value_info("heatmaps", form, None)],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    if says is not None:
        helper.set_model_props(model, {"semipose": says})
    if elsewhere:
        onnx.external_data_helper.convert_model_to_external_data(model, location="w.bin", size_threshold=0)
    onnx.save_model(model, str(path))
    return path


def test_it_runs_as_a_network(tmp_path: Path) -> None:
    loaded = load_graph(graph(tmp_path / "m.onnx", json.dumps(about())))
    assert (loaded.skeleton, loaded.decode, loaded.error_bars) == (LSP, "dark", None)
    assert (loaded.network.size, loaded.network.stride, loaded.network.first_cell) == ((16, 8), 4, 1.5)
    image = torch.rand(3, 3, 16, 8)
    heatmaps = loaded.network(image)
    assert heatmaps.shape == (3, K, 4, 2)
    assert torch.allclose(heatmaps[1, 2], torch.nn.functional.avg_pool2d(image[1].mean(0, keepdim=True), 4)[0])
    (pose,) = Predictor.load(tmp_path / "m.onnx", "cpu")(np.zeros((9, 9, 3), np.uint8))
    assert pose.xy.shape == (K, 2)


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (None, "was not written by semipose export"),
        ("[]", "cannot be read as a network that semipose exported .*no object"),
        ("{", "cannot be read as a network that semipose exported"),
        (json.dumps({"joints": ["a"]}), "does not say how it was trained: export it again"),
        (json.dumps(about(model=3)), "does not describe a model"),
        (json.dumps(about(model={"size": [10**9, 8]})), "does not describe a model"),
        (json.dumps(about(skeleton={})), "does not describe a model"),
        (json.dumps(about(stride=0)), "its stride is 0"),
        (json.dumps(about(stride="x")), "cannot be read"),
        (json.dumps(about(first_cell=float("nan"))), "first cell nan"),
        (json.dumps(about(decode="best")), "decode is 'best'"),
    ],
)
def test_what_it_says_of_itself_is_looked_at(says: str | None, error: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=error) as raised:
        load_graph(graph(tmp_path / "m.onnx", says))
    assert "m.onnx" in str(raised.value) and "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda path: path.write_bytes(b"no graph at all"), "cannot be read as ONNX"),
        (lambda path: path.write_bytes(b""), "cannot be read as ONNX"),
        (lambda path: graph(path, "{}", name="picture"), "leads from .*picture.* not from image to heatmaps"),
        (lambda path: graph(path, "{}", elsewhere=True), "weights in another file"),
    ],
    ids=["text", "empty", "another input", "weights elsewhere"],
)
def test_what_is_no_graph_of_ours_is_one_line(make: Callable[[Path], object], error: str, tmp_path: Path) -> None:
    make(tmp_path / "m.onnx")
    for read in (load_graph, about_graph, lambda path: Predictor.load(path, "cpu")):
        with pytest.raises(UserError, match=error):
            read(tmp_path / "m.onnx")


def test_other_heatmaps_than_it_says_are_refused(tmp_path: Path) -> None:
    network = load_graph(graph(tmp_path / "m.onnx", json.dumps(about()), joints=K + 1)).network
    with pytest.raises(UserError, match=rf"gives float32 \(2, {K + 1}, 4, 2\) for \(2, {K}, 4, 2\)"):
        network(torch.rand(2, 3, 16, 8))
    with pytest.raises(UserError, match="does not run"):
        network(torch.rand(2, 1, 16, 8))
    assert isinstance(network, Graph)


def test_without_onnxruntime_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"pip install 'semipose\[export\]'$"):
        load_graph(tmp_path / "m.onnx")
