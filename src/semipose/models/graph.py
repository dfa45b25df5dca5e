"""A network that was exported as ONNX, run by onnxruntime on the processor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from semipose import limits
from semipose.errors import UserError, boundary, reason_of
from semipose.geometry import Size
from semipose.models.weights import TrainedModel, described

ENDING = ".onnx"
ELSEWHERE = b"\x0a\x08location"
"""In a graph whose weights are in another file: how an entry of that name is written."""


class Graph(nn.Module):
    """As `SimpleBaseline`, for one who predicts.

    Args:
        session: onnxruntime's.
        file: where it is from, for messages.
        joints: K.
        size, stride, first_cell: as of `SimpleBaseline`.
    """

    def __init__(self, session: Any, file: Path, joints: int, size: Size, stride: int, first_cell: float) -> None:
        super().__init__()
        self.session, self.file, self.joints = session, file, joints
        self.size, self.stride, self.first_cell = size, stride, first_cell

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] -> heatmaps (B, K, H / stride, W / stride).

        Raises:
            UserError: the graph gives others.
        """
        pixels = np.ascontiguousarray(image.cpu().numpy())
        try:
            (maps,) = self.session.run(["heatmaps"], {"image": pixels})
        except Exception as error:  # onnxruntime has a class for each of its codes
            raise UserError(f"{self.file} does not run ({reason_of(error)}); export it again") from error
        shape = (len(pixels), self.joints, self.size[0] // self.stride, self.size[1] // self.stride)
        if maps.dtype != np.float32 or maps.shape != shape:
            raise UserError(f"{self.file} gives {maps.dtype} {maps.shape} for {shape}; export it again")
        return torch.from_numpy(maps).to(image.device)


def load_graph(path: Path) -> TrainedModel:
    """The network that `semipose export` wrote, on as many threads as PyTorch has.

    Raises:
        UserError: onnxruntime is not installed; the file is none, or of an older version.
    """
    session = _session(path)
    about = _about(session, path)
    with boundary(path, "a network that semipose exported"):
        if "model" not in about:
            raise UserError(f"{path} does not say how it was trained: export it again with this version")
        skeleton, config, error_bars, decode = described(about, path)
        height, width = (int(side) for side in config.size)
        stride, first_cell = int(about["stride"]), float(about["first_cell"])
        if not (0 < stride <= min(height, width) and abs(first_cell) <= stride):
            raise ValueError(f"its stride is {stride}, its first cell {first_cell:g}")
    network = Graph(session, path, len(skeleton), (height, width), stride, first_cell)
    return TrainedModel(network.eval(), skeleton, config, decode or "quarter", error_bars)  # type: ignore[arg-type]


def about_graph(path: Path) -> dict[str, Any]:
    """What `semipose export` wrote beside the graph.

    Raises:
        UserError: it did not write this file.
    """
    return _about(_session(path), path)


def _about(session: Any, path: Path) -> dict[str, Any]:
    text = session.get_modelmeta().custom_metadata_map.get("semipose")
    if text is None:
        raise UserError(f"{path} was not written by semipose export, so its joints are not known")
    with boundary(path, "a network that semipose exported"):
        about = json.loads(text)
        if not isinstance(about, dict):
            raise ValueError("its metadata are no object")
        return about


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise UserError(f"running {path} needs onnxruntime: pip install 'semipose[export]'") from None
    data = limits.content(path, limits.MOST, "an exported network")
    if ELSEWHERE in data:  # which could be any file of this machine
        raise UserError(f"{path} has its weights in another file, which is not read; export it again")
    choice = onnxruntime.SessionOptions()
    choice.intra_op_num_threads, choice.log_severity_level = torch.get_num_threads(), 3
    try:
        session = onnxruntime.InferenceSession(data, choice, providers=["CPUExecutionProvider"])
        inputs, outputs = ([each.name for each in some] for some in (session.get_inputs(), session.get_outputs()))
    except Exception as error:  # onnxruntime has a class for each of its codes
        raise UserError(f"{path} cannot be read as ONNX ({reason_of(error)}); export it again") from error
    if inputs != ["image"] or "heatmaps" not in outputs:
        raise UserError(f"{path} leads from {inputs} to {outputs}, not from image to heatmaps; export it again")
    return session
