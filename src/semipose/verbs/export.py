"""`semipose export`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semipose.models.export import Export


def export(model: str | Path, *, out: str | Path | None = None, opset: int = 18) -> Export:
    """Write a trained network as ONNX, and compare it with the original.

    For programs without PyTorch; what to do before and after it is in docs/export.md.

    Args:
        model: A run's folder or a model.safetensors.
        out: The file; model.onnx beside the weights by default.
        opset: Of ONNX.

    Returns: the file, and how far its heatmaps differ from the network's.

    Raises:
        UserError: onnx is not installed, or the exported network gives other heatmaps.

    Example: semipose export runs/dual --out model.onnx
    """
    from semipose.models.export import write_onnx

    return write_onnx(model, out, opset)


def _print(result: Export, asked: SimpleNamespace) -> None:
    compared = "onnxruntime is not installed, so nothing was compared"
    if result.difference is not None:
        compared = f"onnxruntime's heatmaps differ by {result.difference:.1g} at most"
    print(f"{compared}; wrote {result.file}")
