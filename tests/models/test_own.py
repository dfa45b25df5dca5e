from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from semipose.bodies import BODIES
from semipose.config import Config, ModelConfig
from semipose.errors import UserError
from semipose.methods import options
from semipose.models.build import build_model
from semipose.models.own import OWN
from semipose.models.tensors import HEAD, tensors_of
from semipose.skeleton import LSP, Skeleton
from semipose.training.networks import build_networks

PEOPLE = ModelConfig("tf_efficientnet_lite0", weights="people", size=[64, 64], decoder="fpn", freeze=["stem"])


def config(method: str = "supervised", **model: object) -> Config:
    return Config(model=replace(PEOPLE, **model), method=options(method))


def test_a_network_begins_as_the_file_without_another_s_weights() -> None:
    (network,) = build_networks(config(), LSP)
    state, joints, _ = tensors_of(OWN["people"])
    assert joints == list(LSP.joints)
    mine = network.state_dict()
    assert mine.keys() == state.keys() and all(torch.equal(mine[key], state[key].to(mine[key])) for key in state)
    assert all(value.isfinite().all() for value in state.values())


def test_joints_are_matched_by_name_and_others_begin_anew(capsys) -> None:
    skeleton = Skeleton("", ("Nose", "left wrist", "RightAnkle"))
    (network,) = build_networks(config(), skeleton, say=True)
    said = capsys.readouterr().err
    assert (
        "model.weights: people: joints that begin from the weights: left wrist" in said and "begin anew: Nose" in said
    )
    state, joints, _ = tensors_of(OWN["people"])
    head = network.state_dict()["head.weight"]
    assert torch.equal(head[1], state["head.weight"][joints.index("left_wrist")].to(head))
    (mouse,) = build_networks(config(), Skeleton("", ("snout", "tail")), say=True)
    assert "none of its joints (14: right_ankle, " in capsys.readouterr().err
    mine = mouse.state_dict()
    assert all(torch.equal(mine[key], state[key].to(mine[key])) for key in state if key not in HEAD)


def test_of_a_finder_s_maps_nothing_is_said(capsys) -> None:
    build_networks(config(), BODIES, say=True)
    assert not capsys.readouterr().err


@pytest.mark.slow
def test_two_networks_that_teach_each_other_have_heads_of_their_own() -> None:
    first, second = build_networks(config("dual"), LSP)
    a, b = first.state_dict(), second.state_dict()
    assert {key for key in a if not torch.equal(a[key], b[key])} == set(HEAD)
    first, twin = build_networks(config("guarded"), LSP)
    assert all(torch.equal(x, y) for x, y in zip(first.state_dict().values(), twin.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"backbone": "resnet18", "freeze": []},
            r"model.weights: people is of backbone tf_efficientnet_lite0, .* resnet18",
        ),
        ({"decoder": "deconv"}, r"is of decoder fpn, this network of deconv; set model.decoder=fpn"),
        ({"deconv": [32, 32, 32, 32]}, "does not fit this network"),
    ],
)
def test_another_architecture_is_refused(change: dict, said: str) -> None:
    with pytest.raises(UserError, match=said):
        build_networks(config(**change), LSP)


def test_a_file_of_weights_goes_before(tmp_path) -> None:
    from semipose.models.weights import save_model

    other = build_model(replace(PEOPLE, weights="none"), len(LSP), seed=7)
    save_model(tmp_path / "other", other, PEOPLE, LSP)
    (network,) = build_networks(config(), LSP, [tmp_path / "other.safetensors"])
    mine = network.state_dict()
    assert all(torch.equal(value, mine[key]) for key, value in other.state_dict().items())
