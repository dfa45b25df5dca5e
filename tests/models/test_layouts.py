"""Layouts of ViTPose, DeepLabCut and Lightning Pose give what their definitions give; those of others are refused."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from semipose.errors import UserError
from semipose.models.public import ANIMALS, import_weights
from semipose.models.weights import load_model
from semipose.skeleton import COCO
from tests.fixtures import layouts

RESNET = {"layers": (1, 1, 1, 2), "channels": (32, 32, 32, 64), "deconv": (), "grouped": True}
LIGHTNING = {"layers": (1, 1, 1, 1), "channels": (8, 8, 16, 16), "bottleneck": False, "deconv": ()}


def deeplabcut_resnet(joints: int = 27) -> layouts.State:
    return {**layouts.resnet(**RESNET), **layouts.doubling("head", 256, joints)}


def lightning(joints: int = 5, layers: int = 2) -> layouts.State:
    """The last layer of those that double leads to the joints, and so do the others."""
    state, into = layouts.resnet(**LIGHTNING), 4
    for i in range(1, layers + 1):
        state |= layouts.doubling(f"upsampling_layers.{i}", into, joints, i)
        into = joints
    return state


Run = Callable[[layouts.State, Tensor], Tensor]
CASES: dict[str, tuple[str, layouts.State, Run]] = {
    "vitpose, light": ("vitpose_mmpose", layouts.vit(), lambda s, x: layouts.run_vit(s, x, 1)),
    "vitpose, classic": (
        "vitpose_mmpose", layouts.vit(deconv=(8, 8)), lambda s, x: layouts.run_vit(s, x, 1),
    ),
    "vitpose of two heads": ("vitpose_mmpose", layouts.vit(channels=128), lambda s, x: layouts.run_vit(s, x, 2)),
    "mmpose 1": (
        "vitpose_mmpose_1", layouts.vit(deconv=(8, 8), token=False), lambda s, x: layouts.run_vit(s, x, 1),
    ),
    "transformers, light": ("vitpose_transformers", layouts.vit(), lambda s, x: layouts.run_vit(s, x, 1)),
    "transformers, classic": (
        "vitpose_transformers", layouts.vit(deconv=(8, 8)), lambda s, x: layouts.run_vit(s, x, 1),
    ),
    "superanimal's hrnet": (
        "deeplabcut_hrnet", layouts.hrnet(joints=39, modules=(1, 1, 1), first=1), layouts.run_hrnet,
    ),
    "superanimal's resnet": ("deeplabcut_resnet", deeplabcut_resnet(), layouts.run_deeplabcut_resnet),
    "lightning pose": (
        "lightning_pose", lightning(), lambda s, x: layouts.run_lightning(s, x) * 2 * math.pi * 1.25**2,
    ),
}  # fmt: skip


def imported(folder: Path, tensors: layouts.State, name: str = "w_64x96.pth", **options: Any) -> Any:
    torch.save({"state_dict": tensors}, folder / name)
    return import_weights(folder / name, folder / "out", **options)


@pytest.mark.parametrize("case", CASES)
def test_outputs_are_those_of_the_definition(case: str, tmp_path: Path) -> None:
    layout, state, run = CASES[case]
    joints = {"skeleton": names(tmp_path, 5)} if layout == "lightning_pose" else {}
    found = imported(tmp_path, layouts.in_layout(layout, state), **joints)
    assert found.layout == layout.removesuffix("_1") and found.config.size == [64, 96] and not found.config.bgr
    assert all("locref_head" in key for key in found.left_out)
    image = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(5))
    network = load_model(tmp_path / "out").network
    with torch.no_grad():
        out, expected = network(image), run(state, layouts.normalised(image, False))
    assert out.shape == expected.shape and expected.std() > 0.01
    assert float((out - expected).abs().max()) < 1e-5 * max(1, float(expected.abs().max()))
    assert float((out - run(state, layouts.normalised(image, True))).abs().max()) > 1e-3, "the colours' order matters"


def names(folder: Path, count: int) -> str:
    """A project's settings that name joints."""
    file = folder / "project.yaml"
    file.write_text(yaml.safe_dump({"data": {"keypoint_names": [f"joint {i}" for i in range(count)]}}))
    return str(file)


def test_what_is_known_of_each_layout(tmp_path: Path) -> None:
    for layout, state, first, sigma, joints in (
        ("vitpose_mmpose", layouts.vit(), 1.5, 2.0, COCO),
        ("deeplabcut_hrnet", layouts.hrnet(joints=39, modules=(1, 1, 1), first=1), 2.0, 2.833, ANIMALS[39]),
        ("deeplabcut_resnet", deeplabcut_resnet(27), 4.0, 1.417, ANIMALS[27]),
    ):
        (tmp_path / layout).mkdir()
        found = imported(tmp_path / layout, layouts.in_layout(layout, state))
        network = load_model(tmp_path / layout / "out").network
        assert (network.first_cell, found.config.sigma, found.skeleton) == (first, sigma, joints)


def test_joints_come_from_where_the_program_names_them(tmp_path: Path) -> None:
    """DeepLabCut's settings beside the file, Lightning Pose's above it, MMPose's in it, transformers' beside it."""
    (tmp_path / "dlc").mkdir()
    settings = {"metadata": {"bodyparts": ["snout", "tail"]}}
    (tmp_path / "dlc" / "pytorch_config.yaml").write_text(yaml.safe_dump(settings))
    found = imported(
        tmp_path / "dlc", layouts.in_layout("deeplabcut_hrnet", layouts.hrnet(joints=2, modules=(1, 1, 1), first=1))
    )
    assert found.skeleton.joints == ("snout", "tail")

    inner = tmp_path / "lp" / "tb_logs" / "test" / "version_0" / "checkpoints"
    inner.mkdir(parents=True)
    (tmp_path / "lp" / "config.yaml").write_text(yaml.safe_dump({"data": {"keypoint_names": ["a", "b", "c"]}}))
    found = imported(inner, layouts.in_layout("lightning_pose", lightning(3)), "epoch=1_64x96.ckpt")
    assert found.skeleton.joints == ("a", "b", "c")

    meta = {"dataset_meta": {"keypoint_id2name": {i: f"part {i}" for i in range(17)}}}
    tensors = layouts.in_layout("mmpose_hrnet", layouts.hrnet(modules=(1, 1, 1), first=1))
    torch.save({"meta": meta, "state_dict": tensors}, tmp_path / "ap10k_64x96.pth")
    assert import_weights(tmp_path / "ap10k_64x96.pth", tmp_path / "ap10k").skeleton.joints[3] == "part 3"

    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "config.json").write_text(json.dumps({"id2label": {"0": "nose", "1": "tail"}}))
    state = {k: v.contiguous() for k, v in layouts.in_layout("vitpose_transformers", layouts.vit(joints=2)).items()}
    save_file(state, tmp_path / "hub" / "model.safetensors")
    found = import_weights(tmp_path / "hub" / "model.safetensors", tmp_path / "hub" / "out", size=(64, 96))
    assert found.skeleton.joints == ("nose", "tail")


def test_joints_by_a_file_that_one_names(tmp_path: Path) -> None:
    tensors = layouts.in_layout("lightning_pose", lightning(3))
    for name, content, message in (
        ("bodyparts", {"bodyparts": ["a", "b", "c"]}, None),
        ("joints", {"joints": ["a", "b", "c"]}, None),
        ("none", {"other": 1}, "names no joints"),
        ("twice", {"joints": ["a", "a", "c"]}, "names a more than once"),
        ("two", {"joints": ["a", "b"]}, "predicts 3 joints, but skeleton 'weights' has 2"),
    ):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "my.yaml"
        file.write_text(yaml.safe_dump(content))
        if message is None:
            assert imported(tmp_path / name, tensors, skeleton=str(file)).skeleton.joints == ("a", "b", "c")
            continue
        with pytest.raises(UserError, match=message):
            imported(tmp_path / name, tensors, skeleton=str(file))


Settings = type("DictConfig", (dict,), {"__module__": "omegaconf.dictconfig"})


def test_settings_beside_the_tensors_are_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning Pose keeps its settings in the checkpoint as objects of omegaconf."""
    for name in ("omegaconf", "omegaconf.dictconfig"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(DictConfig=Settings))
    made: list[int] = []
    held = Holds()
    torch.save(
        {"state_dict": layouts.in_layout("lightning_pose", lightning()), "hyper_parameters": held}, tmp_path / "a"
    )
    Settings.__init__ = lambda self, *a: made.append(1)
    found = import_weights(tmp_path / "a", tmp_path / "out", (64, 96), skeleton=names(tmp_path, 5))
    assert found.layout == "lightning_pose" and not made


class Holds:
    """Pickled as a call of a setting's class with a value."""

    def __reduce__(self) -> tuple[type, tuple[dict[str, int]]]:
        return Settings, ({"a": 1},)


GRID = layouts.vit(grid=(5, 7), token=False)
REFUSED = {
    "rtmpose": ({"backbone.stem.0.conv.weight": 1, "head.cls_x.weight": 1}, "RTMPose and other SimCC heads .*; take a"),
    "rtmpose in dlc": ({"heads.bodypart.head.cls_y.weight": 1}, "SimCC heads .* take a heatmap network"),
    "vitpose+": ({"backbone.encoder.layer.0.mlp.experts.0.weight": 1}, r"ViTPose\+ has experts .* take a plain"),
    "sleap": ({"model.backbone.enc.encoder_stack.0.blocks.0.weight": 1}, "SLEAP's UNets are no backbones .* a .slp"),
    "sleap's heads": ({"model.head_layers.0.0.weight": 1}, "SLEAP's UNets"),
    "lightning's transformer": ({"backbone.vision_encoder.layernorm.weight": 1}, "transformers are not read; take one"),
    "lightning's context": ({"head.head_mf.W_pre.weight": 1, "backbone.0.weight": 1}, "context networks read five"),
    "lightning's efficientnet": (
        {"head.upsampling_layers.1.weight": 1, "backbone.0.0.0.weight": 1}, "with a backbone that is no ResNet"
    ),
    "several animals": ({"heads.bodypart.paf_head.deconv_layers.0.weight": 1}, "several animals at once are not read"),
    "a transformer cut": (
        {k: v for k, v in layouts.in_layout("vitpose_mmpose", layouts.vit()).items() if "blocks.0.mlp.fc1" not in k},
        r"has the layout vitpose but lacks blocks.0.mlp.fc1.weight; it was cut or edited",
    ),
    "a block cut": (
        {k: v for k, v in layouts.in_layout("vitpose_mmpose", layouts.vit()).items() if "blocks.1.norm1" not in k},
        r"2 are missing or of another shape, first blocks.1.norm1",
    ),
    "another grid": (layouts.in_layout("vitpose_mmpose", GRID), r"35 positions of patches, which is no 64x96; give"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_others_are_refused_in_a_line(case: str, tmp_path: Path) -> None:
    tensors, message = REFUSED[case]
    filled = {key: torch.zeros(1) if isinstance(value, int) else value for key, value in tensors.items()}
    with pytest.raises(UserError, match=message) as caught:
        imported(tmp_path, filled)
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["best_model.h5", "model.keras"])
def test_files_of_keras_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x89HDF")
    with pytest.raises(UserError, match=r"file of Keras, .* not read; train from the labels"):
        import_weights(tmp_path / name, tmp_path / "out")


@pytest.mark.parametrize("own", [True, False])
def test_seventeen_joints_are_coco_s_only_where_they_are_called_so(tmp_path: Path, own: bool) -> None:
    """An animal's network of 17 joints is no person's."""
    sides = {"left": "L", "right": "R"}
    names = ["_".join(sides.get(word, word.title()) for word in joint.split("_")) for joint in COCO.joints]
    names = ["L_Eye", "R_Eye", "Nose", *names[3:]] if own else names
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {str(i): name for i, name in enumerate(names)}}))
    state = {k: v.contiguous() for k, v in layouts.in_layout("vitpose_transformers", layouts.vit(joints=17)).items()}
    save_file(state, tmp_path / "model.safetensors")
    found = import_weights(tmp_path / "model.safetensors", tmp_path / "out", size=(64, 96)).skeleton
    assert found.joints == (tuple(names) if own else COCO.joints)
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="predicts 17 joints; name its skeleton"):
        imported(tmp_path / "other", layouts.in_layout("lightning_pose", lightning(17)))
