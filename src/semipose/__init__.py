"""Few labelled images and many unlabelled ones into a better 2D pose model."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from semipose.data.checks.check import check
    from semipose.data.split import make_split
    from semipose.inference.predictor import Predictor
    from semipose.models.public import import_weights
    from semipose.reports.html import report
    from semipose.verbs.audit import audit
    from semipose.verbs.demo import demo
    from semipose.verbs.doctor import doctor
    from semipose.verbs.export import export
    from semipose.verbs.gap import gap
    from semipose.verbs.init import init
    from semipose.verbs.pick import pick
    from semipose.verbs.predict import predict
    from semipose.verbs.reproduce import reproduce
    from semipose.verbs.show_mix import show_mix
    from semipose.verbs.synth import synth
    from semipose.verbs.train import evaluate, train
    from semipose.verbs.triangulate import triangulate_predictions
    from semipose.verbs.worth import worth

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
    "Predictor": "inference.predictor",
    "audit": "verbs.audit",
    "check": "data.checks.check",
    "demo": "verbs.demo",
    "doctor": "verbs.doctor",
    "evaluate": "verbs.train",
    "export": "verbs.export",
    "gap": "verbs.gap",
    "import_weights": "models.public",
    "init": "verbs.init",
    "make_split": "data.split",
    "pick": "verbs.pick",
    "predict": "verbs.predict",
    "report": "reports.html",
    "reproduce": "verbs.reproduce",
    "show_mix": "verbs.show_mix",
    "synth": "verbs.synth",
    "train": "verbs.train",
    "triangulate_predictions": "verbs.triangulate",
    "worth": "verbs.worth",
}


def __getattr__(name: str) -> Any:
    """Loads a verb when it is first asked for, so that importing the package takes no time."""
    if name not in _HOME:
        raise AttributeError(f"module 'semipose' has no attribute {name!r}")
    return getattr(import_module(f"semipose.{_HOME[name]}"), name)
