"""The networks of a run: those that it trains, and the trained one that teaches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import torch

from semipose.bodies import BODIES
from semipose.config import Config, ModelConfig, peer_of
from semipose.errors import UserError
from semipose.methods import needs
from semipose.methods.mix import mixing_of
from semipose.models.build import build_model
from semipose.models.own import OWN, load_own
from semipose.models.pose import SimpleBaseline
from semipose.models.tensors import load_weights
from semipose.models.weights import load_model
from semipose.skeleton import Skeleton

SHARED = ("size", "padding", "sigma")
"""Of a model's configuration: what makes crops and heatmaps, and has to be the same in networks that teach another."""


def model_configs(config: Config) -> list[ModelConfig]:
    """One for each network that the method trains; the peer's is the second."""
    config.method.check()
    wants = needs(config.method.name)
    if config.peer and wants.networks - wants.twins < 2:
        raise UserError(f"peer is for the second of two networks; method {config.method.name} trains one")
    return [config.model, peer_of(config), config.model][: wants.networks]


def check_networks(config: Config) -> None:
    """That the networks can be built and their tiles mixed, before any image is read: on no device, so it takes a tenth
    of a second.

    Raises:
        UserError: there is no such network, its size does not divide, or its tiles do not fit.
    """
    with torch.device("meta"):
        networks = [build_model(replace(each, weights="none"), 1) for each in model_configs(config)]
    method = deepcopy(config.method)  # which chooses its tiles where it is asked
    if getattr(method, "group", 1) > 1:
        mixing_of(method, networks)  # type: ignore[arg-type]


def build_networks(
    config: Config, skeleton: Skeleton, init_from: Sequence[Path] = (), say: bool = False
) -> list[SimpleBaseline]:
    """The networks that the method trains, started from files where some are given, taken in turn; of one run alone,
    from those of its networks.

    Args:
        say: print which joints begin from the files, where they are for others, and that random weights are frozen.

    Raises:
        UserError: they would not see the same crops or not give heatmaps of one stride, or a file does not fit.
    """
    configs = model_configs(config)
    for other in configs[1:]:
        _agree(config.model, other, "peer")
    networks = [build_model(each, len(skeleton), config.seed * 10 + i) for i, each in enumerate(configs)]
    for network in networks[1:]:
        _same_stride(networks[0], network, "peer")
    files, wants = _weights(init_from), needs(config.method.name)
    several = wants.networks - wants.twins
    said = {str(path): load_weights(network, path, skeleton) for network, path in zip(networks, cycle(files))}
    for i, (network, each) in enumerate(zip(networks, configs, strict=True)):
        if each.weights in OWN and not files:  # two heads that agree would teach each other little
            line = load_own(network, each, skeleton, head=not 0 < i < several)
            said.setdefault(f"model.weights: {each.weights}", line)
    if say and len(files) == 1 and several > 1:
        print(
            f"{files[0]} starts all networks alike, and two that agree teach each other little;"
            " name a run of two networks, or one for each: --init-from A B",
            file=sys.stderr,
        )
    for path, line in said.items():
        if line and say and skeleton.joints != BODIES.joints:  # a finder's maps are no joints of anybody's
            print(f"{path}: {line}", file=sys.stderr)
    if say and not init_from and any(each.freeze and each.weights == "none" for each in configs):
        print("model.freeze keeps random weights (model.weights is none); set model.freeze=[]", file=sys.stderr)
    return networks


def _weights(init_from: Sequence[Path]) -> list[Path]:
    """Files of weights; of a single run one for each of its networks."""
    more = sorted(init_from[0].glob("model-?.safetensors")) if len(init_from) == 1 else []
    return [init_from[0] / "model.safetensors", *more] if more else list(init_from)


def trained_teachers(config: Config, skeleton: Skeleton, student: SimpleBaseline) -> list[SimpleBaseline]:
    """The network that `method.teacher` names, or none.

    Raises:
        UserError: it cannot be read, is for other joints, or does not see the student's crops or give heatmaps of its
            stride.
    """
    named = getattr(config.method, "teacher", None)
    if named is None:
        return []
    path = Path(named).expanduser()
    file = path / "model.safetensors" if path.is_dir() else path
    if not file.exists():
        raise UserError(f"method.teacher: there is no {file}; name a finished run's folder or a model.safetensors")
    loaded = load_model(file)
    where = f"method.teacher {path}"
    if loaded.skeleton.joints != skeleton.joints:
        theirs, ours = (f"{len(s)}: {', '.join(s.joints[:3])}, ..." for s in (loaded.skeleton, skeleton))
        raise UserError(f"{where} is for other joints ({theirs}) than the data ({ours}); train one on this skeleton")
    _agree(config.model, loaded.config, where)
    _same_stride(student, loaded.network, where)
    if loaded.network.first_cell != student.first_cell:
        raise UserError(
            f"{where} was imported from weights whose cells lie {student.first_cell - loaded.network.first_cell:g} px"
            " aside of the labels' here: it would teach places that far off; train a run that starts from it"
            " (--init-from) and name that one"
        )
    return [loaded.network]


def _agree(ours: ModelConfig, theirs: ModelConfig, where: str) -> None:
    for key in SHARED:
        if (a := getattr(ours, key)) != (b := getattr(theirs, key)):
            raise UserError(f"{where} has {key} {b} and model.{key} is {a}: one teaches the other, so set both alike")


def _same_stride(ours: SimpleBaseline, theirs: SimpleBaseline, where: str) -> None:
    if ours.stride != theirs.stride:
        raise UserError(
            f"{where} gives heatmaps of stride {theirs.stride}, the model of stride {ours.stride}: one teaches the"
            " other; change the number of deconvolutions"
        )
