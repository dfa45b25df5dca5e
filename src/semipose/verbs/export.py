"""`semipose export`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semipose.models.export import Export


def export(model: str | Path, *, out: str | Path | None = None, opset: int = 18) -> Export:
    """Write a trained network as ONNX, and compare it with the original; of a run with a finder, that too.

    For programs without PyTorch; what to do before and after it is in docs/export.md.

    Args:
        model: A run's folder or a model.safetensors.
        out: The file; by default beside the weights and called as they are, as model.onnx. A finder's is finder.onnx
            beside that, of another name NAME-finder.onnx.
        opset: Of ONNX.

    Returns: the file, how far its heatmaps differ from the network's, and the same of the finder.

    Raises:
        UserError: onnx is not installed, or the exported network gives other heatmaps.

    Example: semipose export runs/dual --out model.onnx
    """
    from semipose.errors import UserError
    from semipose.inference.bodies import search_of
    from semipose.inference.boxes import finder_beside, finder_file
    from semipose.models.export import write_onnx

    finder = finder_file(model)
    other = finder_beside(Path(out)) if out is not None and finder is None else None
    if other is not None:
        raise UserError(f"{other} would be taken for the finder of {out}; remove it, or choose another --out")
    whole = write_onnx(model, out, opset)
    if finder is None:
        return whole
    file = whole.file.with_name("finder.onnx" if out is None else f"{whole.file.stem}-finder.onnx")
    return whole._replace(finder=write_onnx(finder, file, opset, {"find": search_of(finder)._asdict()}))


def _print(result: Export, asked: SimpleNamespace) -> None:
    compared = "onnxruntime is not installed, so nothing was compared"
    if result.difference is not None:
        compared = f"onnxruntime's heatmaps differ by {result.difference:.1g} at most"
    print(f"{compared}; wrote {result.file}{f' and {result.finder.file}' if result.finder else ''}")
