"""The exported network itself is compared in tests/verbs/test_export.py."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from semipose.errors import UserError
from semipose.models.export import _difference, write_onnx


@pytest.mark.parametrize("missing", ["onnx", "onnxscript"])
def test_what_is_not_installed_is_one_line(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("onnx", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, sys)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=r"pip install 'semipose\[export\]'$"):
        write_onnx("nothing")


def test_each_network_of_a_run_has_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("onnx", "onnxscript"):
        monkeypatch.setitem(sys.modules, name, sys)
    monkeypatch.setattr("semipose.models.export.load_model", lambda _: (None,) * 5)
    for model, file in (
        ("", "model.onnx"),
        ("model.safetensors", "model.onnx"),
        ("model-b.safetensors", "model-b.onnx"),
    ):
        (tmp_path / file).mkdir(exist_ok=True)
        with pytest.raises(UserError, match=rf"{file} is a folder"):
            write_onnx(tmp_path / model)


def test_without_onnxruntime_nothing_is_compared(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert _difference(tmp_path / "none.onnx", np.zeros((1, 3, 4, 4), np.float32), np.zeros((1, 2, 1, 1))) is None


def test_the_largest_difference_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Session:
        def __init__(self, file: str, providers: list[str]) -> None:
            assert providers == ["CPUExecutionProvider"]

        def run(self, names: list[str], inputs: dict) -> list[np.ndarray]:
            assert names == ["heatmaps"] and list(inputs) == ["image"]
            return [np.array([0.25, -0.5])]

    monkeypatch.setitem(sys.modules, "onnxruntime", type(sys)("onnxruntime"))
    monkeypatch.setattr(sys.modules["onnxruntime"], "InferenceSession", Session, raising=False)
    assert _difference(tmp_path / "x.onnx", np.zeros(1), np.array([0.0, 0.25])) == 0.75
