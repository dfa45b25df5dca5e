"""Few labelled images and many unlabelled ones into a better 2D pose model."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semipose.auditing import audit
    from semipose.bring import init
    from semipose.cameras.predictions import triangulate_predictions
    from semipose.data.check import check
    from semipose.data.split import make_split
    from semipose.demos import demo
    from semipose.exporting import export
    from semipose.gaps import gap
    from semipose.mirrors import doctor
    from semipose.models.public import import_weights
    from semipose.picking import pick
    from semipose.prediction import predict
    from semipose.predictor import Predictor
    from semipose.reports.html import report
    from semipose.reports.mixing import show_mix
    from semipose.reproduction import reproduce
    from semipose.synthesis import synth
    from semipose.training import evaluate, train
    from semipose.worthwhile import worth

__version__ = "0.1.0"
__all__ = [
    "Predictor",
    "audit",
    "check",
    "demo",
    "doctor",
    "evaluate",
    "export",
    "gap",
    "import_weights",
    "init",
    "make_split",
    "pick",
    "predict",
    "report",
    "reproduce",
    "show_mix",
    "synth",
    "train",
    "triangulate_predictions",
    "worth",
]

_HOME = {
    "Predictor": "predictor",
    "audit": "auditing",
    "check": "data.check",
    "demo": "demos",
    "doctor": "mirrors",
    "evaluate": "training",
    "export": "exporting",
    "gap": "gaps",
    "import_weights": "models.public",
    "init": "bring",
    "make_split": "data.split",
    "pick": "picking",
    "predict": "prediction",
    "report": "reports.html",
    "reproduce": "reproduction",
    "show_mix": "reports.mixing",
    "synth": "synthesis",
    "train": "training",
    "triangulate_predictions": "cameras.predictions",
    "worth": "worthwhile",
}


def __getattr__(name: str) -> Any:
    """Loads a verb when it is first asked for, so that importing the package takes no time."""
    if name not in _HOME:
        raise AttributeError(f"module 'semipose' has no attribute {name!r}")
    return getattr(import_module(f"semipose.{_HOME[name]}"), name)
