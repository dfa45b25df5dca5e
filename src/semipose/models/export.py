"""A trained network as ONNX, for programs without PyTorch; what to do before and after it is in `docs/export.md`."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch

from semipose.errors import UserError
from semipose.files import Part, ready, writing
from semipose.models.weights import load_model

TOLERANCE = 1e-3
"""Heatmaps, about 0 to 1 high, that differ by more are no longer the network's."""


class Export(NamedTuple):
    """`difference`: the largest between onnxruntime's and PyTorch's heatmaps of a random picture; None where
    onnxruntime is not installed. `finder`: the same of the run's finder, where it has one."""

    file: Path
    difference: float | None
    finder: Export | None = None


def write_onnx(
    model: str | Path, out: str | Path | None = None, opset: int = 18, more: Mapping[str, Any] = MappingProxyType({})
) -> Export:
    """Write a network as ONNX, and compare it with the original.

    Its input "image" is (B, 3, H, W) float32 RGB in [0, 1], normalised inside; its output "heatmaps" is (B, K, h, w)
    float32; B is free. The file's metadata "semipose" is a JSON of what decoding needs: joints, flip, size, stride,
    first_cell, padding; and as model.json what this package needs to predict with the file alone
    (`semipose.models.graph`).

    Args:
        model: a run folder or a model.safetensors.
        out: the file; by default beside the weights and called as they are, as model.onnx.
        more: of the metadata.

    Raises:
        UserError: onnx is not installed, or the exported network gives other heatmaps.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401
    except ImportError:
        raise UserError("exporting needs onnx and onnxscript: pip install 'semipose[export]'") from None
    path = Path(model)
    network, skeleton, config, decode, error_bars = load_model(path)
    beside = path / "model.onnx" if path.is_dir() else path.with_suffix(".onnx")
    file = beside if out is None else Path(out)
    ready(file, b"semipose")  # in what `about` says below
    network = network.to(memory_format=torch.contiguous_format).eval()
    for module in network.modules():
        if hasattr(module, "fused_attn"):  # timm's attention in one call, which ONNX has for some shapes alone
            setattr(module, "fused_attn", False)  # noqa: B010
    example = torch.rand(2, 3, *network.size, generator=torch.Generator().manual_seed(0))
    with _quiet():
        program: Any = torch.onnx.export(
            network,
            (example,),
            input_names=["image"],
            output_names=["heatmaps"],
            dynamic_shapes={"image": {0: torch.export.Dim("batch", min=1)}},
            opset_version=opset,
            dynamo=True,
            verbose=False,
        )
    proto = program.model_proto
    (written,) = (each.version for each in proto.opset_import if not each.domain)
    if written != opset:
        raise UserError(f"this network cannot be written with opset {opset}; take --opset {written}")
    about = {
        "joints": list(skeleton.joints),
        "flip": [int(i) for i in skeleton.flip],
        "limbs": [list(limb) for limb in skeleton.limbs],
        "size": list(network.size),
        "stride": network.stride,
        "first_cell": network.first_cell,
        "padding": config.padding,
        "input": "RGB, float32 in [0, 1], (B, 3, H, W)",
        "model": asdict(config),
        "skeleton": skeleton.to_dict(),
        "decode": decode,
        **({"error_bars": error_bars.to_dict()} if error_bars is not None else {}),
        **more,
    }
    onnx.helper.set_model_props(proto, {"semipose": json.dumps(about)})
    part = Part(file)
    try:
        with writing(file):
            onnx.save_model(proto, str(part.path))
        with torch.inference_mode():
            expected = network(example[:1]).numpy()
        difference = _difference(part.path, example[:1].numpy(), expected)
        if difference is not None and not difference <= TOLERANCE:
            raise UserError(f"its heatmaps differ by {difference:.2g} from the network's, so {file} was not written")
        with writing(file):
            part.done()
    finally:
        part.drop()
    return Export(file, difference)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without warnings and what is logged: onnxscript logs the trace of an opset that it cannot have."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _difference(file: Path, image: np.ndarray, expected: np.ndarray) -> float | None:
    try:
        import onnxruntime
    except ImportError:
        return None
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (heatmaps,) = session.run(["heatmaps"], {"image": image})
    return float(np.abs(heatmaps - expected).max())
