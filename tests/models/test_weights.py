from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from semipose.config import ModelConfig
from semipose.errors import UserError
from semipose.heatmap import decoder
from semipose.inference.evaluate import read_networks
from semipose.inference.predictor import Predictor
from semipose.models import checkpoint
from semipose.models.build import build_model
from semipose.models.pose import SimpleBaseline
from semipose.models.tensors import load_weights
from semipose.models.weights import load_model, save_model
from semipose.skeleton import COCO, LSP, Skeleton

CONFIG = ModelConfig(
    weights="none",
    size=[64, 32],
    deconv=[8, 8, 8],
    options={"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 16]},
    sigma=1.5,
)


@pytest.fixture(scope="module")
def network() -> SimpleBaseline:
    """With running statistics that are not the initial ones."""
    net = build_model(CONFIG, len(LSP), seed=3)
    net(torch.rand(4, 3, 64, 32))
    return net.eval()


@pytest.fixture
def saved(network, tmp_path) -> Path:
    save_model(tmp_path / "model", network, CONFIG, LSP)
    return tmp_path / "model.safetensors"


def test_round_trip(network, saved) -> None:
    x = torch.rand(2, 3, 64, 32)
    for path in (saved, saved.parent):
        loaded = load_model(path)
        assert loaded.skeleton == LSP and loaded.config == CONFIG
        assert not loaded.network.training and loaded.network.size == (64, 32) and loaded.network.stride == 4
        assert torch.equal(loaded.network(x), network(x))


@pytest.mark.slow
def test_it_decodes_as_its_run(network, saved) -> None:
    assert load_model(saved).decode == "quarter" and Predictor.load(saved, "cpu").refine is decoder("quarter")
    saved.with_name("config.yaml").write_text("decode: argmax\n")
    assert load_model(saved).decode == "argmax"
    save_model(saved.with_suffix(""), network, CONFIG, LSP, decode="dark")
    saved.with_name("config.yaml").unlink()
    assert Predictor.load(saved, "cpu").refine is decoder("dark", 1.5)
    assert Predictor.load(saved, "cpu", "argmax").refine is decoder("argmax")
    assert read_networks(saved)[1].decode == "dark"


def test_a_way_to_decode_that_nobody_knows_is_refused(saved) -> None:
    saved.with_name("config.yaml").write_text("decode: [1]\n")
    with pytest.raises(UserError, match=r"config\.yaml: decode is '\[1\]'; it can be argmax, quarter, dark"):
        load_model(saved)
    beside = saved.with_suffix(".json")
    for word in ("drak", "", 1, ["dark"]):
        beside.write_text(json.dumps({**json.loads(beside.read_text()), "decode": word}))
        with pytest.raises(UserError, match=r"model\.json: decode is .*; it can be argmax"):
            load_model(saved)


def test_the_description_needs_no_other_file(saved) -> None:
    content = json.loads(saved.with_suffix(".json").read_text())
    assert content["model"]["weights"] == "none" and content["skeleton"]["joints"] == list(LSP.joints)


def test_weights_start_another_network(network, saved) -> None:
    other = build_model(CONFIG, len(LSP), seed=9)
    assert not torch.equal(other.head.weight, network.head.weight)
    load_weights(other, saved)
    assert torch.equal(other.head.weight, network.head.weight)
    again = build_model(replace(CONFIG, weights=str(saved)), len(LSP), seed=9).eval()
    x = torch.rand(1, 3, 64, 32)
    torch.testing.assert_close(again(x), network(x))


def test_weights_that_see_blue_first_do_not_start_a_network_that_sees_red_first(network, tmp_path) -> None:
    save_model(tmp_path / "model", network, replace(CONFIG, bgr=True), LSP)
    with pytest.raises(UserError, match=r"sees blue first.*set model.bgr=true"):
        load_weights(build_model(CONFIG, len(LSP)), tmp_path)
    load_weights(build_model(replace(CONFIG, bgr=True), len(LSP)), tmp_path)


@pytest.mark.parametrize("place", [0.2, 0.9])
def test_a_flipped_bit_is_found(saved, place) -> None:
    data = bytearray(saved.read_bytes())
    data[int(len(data) * place)] ^= 1
    saved.write_bytes(data)
    with pytest.raises(UserError, match=r"model.safetensors are damaged"):
        load_model(saved)
    with pytest.raises(UserError, match=r"model.safetensors are damaged"):
        load_weights(build_model(CONFIG, len(LSP)), saved)


def test_cut_short(saved) -> None:
    saved.write_bytes(saved.read_bytes()[:1000])
    with pytest.raises(UserError, match="damaged"):
        load_model(saved)
    saved.with_suffix(".json").unlink()
    with pytest.raises(UserError, match="is not a safetensors file"):
        load_weights(build_model(CONFIG, len(LSP)), saved)


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "cannot be read"), ("{", "is not JSON"), ("{}", "damaged|does not describe")],
)
def test_a_broken_description(saved, text, message) -> None:
    beside = saved.with_suffix(".json")
    beside.unlink() if text is None else beside.write_text(text)
    with pytest.raises(UserError, match=message):
        load_model(saved)


@pytest.mark.parametrize(
    "change",
    [
        {"model": {"backbon": "resnet18"}},
        {"model": {"bgr": "false"}},
        {"model": None},
        {"skeleton": {"joints": []}},
        {"skeleton": {}},
    ],
)
def test_a_description_that_describes_nothing(saved, change) -> None:
    beside = saved.with_suffix(".json")
    beside.write_text(json.dumps({**json.loads(beside.read_text()), **change}))
    with pytest.raises(UserError, match=r"model.json does not describe a model"):
        load_model(saved)


def test_weights_of_another_skeleton_are_refused(saved) -> None:
    with pytest.raises(UserError, match=r"2 of .* another shape, first head.weight.*number of joints"):
        load_weights(build_model(CONFIG, len(COCO)), saved)
    beside = saved.with_suffix(".json")
    beside.write_text(json.dumps({**json.loads(beside.read_text()), "skeleton": COCO.to_dict()}))
    with pytest.raises(UserError, match="does not fit this network"):
        load_model(saved)


def test_as_many_joints_of_other_names_begin_anew(saved, network) -> None:
    mine = build_model(CONFIG, len(LSP), seed=9)
    drawn = mine.head.weight.detach().clone()
    said = load_weights(mine, saved, Skeleton("other", tuple(f"joint{i}" for i in range(len(LSP)))))
    assert said.startswith("none of its joints (14: right_ankle") and torch.equal(mine.head.weight, drawn)
    mine, theirs = mine.state_dict(), network.state_dict()
    assert all(torch.equal(mine[key], theirs[key]) for key in theirs if not key.startswith("head."))


def test_joints_of_the_same_name_keep_their_head(saved, network) -> None:
    """LSP's network starts one for COCO's joints: twelve are in both, the face keeps what was drawn."""
    mine = build_model(CONFIG, len(COCO), seed=9)
    drawn = {key: value.clone() for key, value in mine.state_dict().items()}
    load_weights(mine, saved, COCO)
    for k, name in enumerate(COCO.joints):
        at = LSP.index(name)
        for key in ("head.weight", "head.bias"):
            expected = drawn[key][k] if at is None else network.state_dict()[key][at]
            assert torch.equal(mine.state_dict()[key][k], expected), name
    assert torch.equal(mine.decoder[0].weight, network.decoder[0].weight)


def test_weights_of_another_backbone_are_refused(saved) -> None:
    other = replace(CONFIG, options={"layers": [1, 1, 1, 1], "channels": [8, 8, 16, 24]})
    with pytest.raises(UserError, match="does not fit this network"):
        load_weights(build_model(other, len(LSP)), saved)
    deeper = replace(CONFIG, options={"layers": [2, 1, 1, 1], "channels": [8, 8, 16, 16]})
    with pytest.raises(UserError, match="does not fit this network"):
        load_weights(build_model(deeper, len(LSP)), saved)


def test_checkpoints_start_networks_too(network, tmp_path) -> None:
    state = {f"students.{i}.{k}": v + i for i in (0, 1) for k, v in network.state_dict().items()}
    checkpoint.save(tmp_path / "last.ckpt", {"method": state, "skeleton": LSP.to_dict()})
    other = build_model(CONFIG, len(LSP), seed=9)
    load_weights(other, tmp_path / "last.ckpt")
    assert torch.equal(other.head.weight, network.head.weight)
    with pytest.raises(UserError, match="does not fit this network"):
        load_weights(build_model(CONFIG, len(COCO)), tmp_path / "last.ckpt")
    said = load_weights(other, tmp_path / "last.ckpt", Skeleton("other", tuple(f"joint{i}" for i in range(len(LSP)))))
    assert said.startswith("none of its joints (14: ")


def test_what_a_killed_process_left_of_it_is_removed(network, saved) -> None:
    left = [saved.with_name(f"{name}.0123abcd.part") for name in ("model.json", "model.safetensors")]
    other = saved.with_name("model.json.mine.part")
    for path in (*left, other):
        path.write_text("half")
    save_model(saved.with_suffix(""), network, CONFIG, LSP)
    assert other.exists() and not any(path.exists() for path in left)
