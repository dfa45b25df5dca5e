"""Train a better 2D pose model from a few labelled and many unlabelled images."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from semipose import verbs as _verbs

if TYPE_CHECKING:
    from semipose.inference.predictor import Predictor as Predictor
    from semipose.verbs.audit import audit as audit
    from semipose.verbs.check import check as check
    from semipose.verbs.demo import demo as demo
    from semipose.verbs.doctor import doctor as doctor
    from semipose.verbs.evaluate import evaluate as evaluate
    from semipose.verbs.export import export as export
    from semipose.verbs.gap import gap as gap
    from semipose.verbs.import_weights import import_weights as import_weights
    from semipose.verbs.init import init as init
    from semipose.verbs.pick import pick as pick
    from semipose.verbs.predict import predict as predict
    from semipose.verbs.push import push as push
    from semipose.verbs.recipes import recipes as recipes
    from semipose.verbs.report import report as report
    from semipose.verbs.reproduce import reproduce as reproduce
    from semipose.verbs.show_mix import show_mix as show_mix
    from semipose.verbs.split import split as split
    from semipose.verbs.synth import synth as synth
    from semipose.verbs.train import train as train
    from semipose.verbs.triangulate import triangulate as triangulate
    from semipose.verbs.ui import ui as ui
    from semipose.verbs.worth import worth as worth

__version__ = "0.1.0"
__all__ = ["Predictor", *_verbs.names()]

_HOME = {"Predictor": "semipose.inference.predictor"} | {name: f"semipose.verbs.{name}" for name in _verbs.names()}
_OLD = {
    "make_split": ("semipose.split", "semipose.data.split", "make_split"),
    "triangulate_predictions": ("semipose.triangulate", "semipose.inference.space", "triangulate_files"),
}
"""Names of 0.1 that go with the next release: what to write instead, and what they still give."""


def __getattr__(name: str) -> Any:
    """Loads a verb when it is first asked for, so that importing the package takes no time."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in _OLD:
        import warnings

        instead, module, own = _OLD[name]
        warnings.warn(f"semipose.{name} goes with the next release; use {instead}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(module), own)
    raise AttributeError(f"module 'semipose' has no attribute {name!r}")
