"""Weights in each public layout give what the layout's definition gives."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from semipose.errors import UserError
from semipose.models import checkpoint
from semipose.models.public import UNION, import_weights
from semipose.models.weights import load_model
from semipose.skeleton import COCO, MPII, SKELETONS, infer_pairs
from tests.fixtures import layouts

LAYOUTS = ("pose_resnet", "pose_hrnet", "mmpose_resnet", "mmpose_hrnet")


def image(size: tuple[int, int] = (64, 96)) -> Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(5))


def saved(path: Path, tensors: layouts.State, wrapped: bool = True) -> Path:
    torch.save({"epoch": 3, "state_dict": OrderedDict(tensors)} if wrapped else tensors, path)
    return path


def test_damage_is_said_in_plain_words(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(3)}, tmp_path / "a.pth")
    content = (tmp_path / "a.pth").read_bytes()
    (tmp_path / "a.pth").write_bytes(content.replace(b"archive" if b"archive" in content else b"a/", b"\xff\xfe"))
    with pytest.raises(UserError, match=r"a\.pth holds no plain tensors .*fetch it again\)$") as caught:
        import_weights(tmp_path / "a.pth", tmp_path / "out")
    assert "codec" not in str(caught.value)


def worst(folder: Path, states: list[layouts.State], bgr: bool, rows: list[int] | None = None) -> float:
    """The largest difference between the written networks and the definitions."""
    found = 0.0
    for stem, state in zip(("model", "model-b"), states, strict=False):
        run = layouts.run_hrnet if "conv2.weight" in state else layouts.run_resnet
        expected = run(state, layouts.normalised(image(), bgr))
        expected = expected if rows is None else expected[:, rows]
        network = load_model(folder / f"{stem}.safetensors").network
        with torch.no_grad():
            out = network(image())
        assert expected.shape == out.shape and expected.std() > 0.1
        found = max(found, float((out - expected).abs().max()))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_outputs_are_those_of_the_definition(layout: str, tmp_path: Path) -> None:
    state = layouts.hrnet() if "hrnet" in layout else layouts.resnet(bottleneck=layout == "mmpose_resnet")
    file = saved(tmp_path / "w48_64x96.pth", layouts.in_layout(layout, state), wrapped="mmpose" in layout)
    found = import_weights(file, tmp_path / "out")
    assert found.layout == layout and found.skeleton is COCO and found.config.size == [64, 96]
    assert found.config.bgr == (layout == "pose_resnet") and found.matched == len(state) and not found.left_out
    assert [path.name for path in found.files] == ["model.safetensors", "model.json"]
    assert worst(tmp_path / "out", [state], found.config.bgr) < 1e-5
    assert worst(tmp_path / "out", [state], not found.config.bgr) > 1e-3, "the channels' order matters"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["resnet", pytest.param("hrnet", marks=pytest.mark.slow)])
def test_posedual_has_two_networks_of_24_channels(kind: str, tmp_path: Path) -> None:
    states = [getattr(layouts, kind)(joints=24, seed=seed) for seed in (0, 1)]
    file = saved(tmp_path / "PoseDual.pth.tar", layouts.in_layout("posedual", *states))
    found = import_weights(file, tmp_path / "coco", size=(64, 96))
    rows = [UNION.joints.index(joint) for joint in COCO.joints]
    assert found.layout == "posedual" and len(found.files) == 4 and found.config.bgr
    assert worst(tmp_path / "coco", states, True, rows) < 1e-5
    import_weights(file, tmp_path / "mpii", size=(64, 96), skeleton="mpii")
    assert worst(tmp_path / "mpii", states, True, [UNION.joints.index(joint) for joint in MPII.joints]) < 1e-5


def test_the_released_single_network_is_one(tmp_path: Path) -> None:
    state = layouts.resnet(joints=24)
    file = saved(tmp_path / "cons.pth", layouts.in_layout("posedual", state))
    assert len(import_weights(file, tmp_path / "out").files) == 2


def test_mirrored_channels_of_the_union_are_the_released_pairs() -> None:
    pairs = [[1, 4], [2, 5], [3, 6], [14, 17], [15, 18], [16, 19], [20, 21], [22, 23]]
    assert {frozenset(pair) for pair in infer_pairs(UNION.joints)} == {frozenset(pair) for pair in pairs}


def test_standard_networks_are_known_by_name(tmp_path: Path) -> None:
    state = layouts.resnet((2, 2, 2, 2), (64, 128, 256, 512), False, (256, 256, 256), joints=16)
    found = import_weights(saved(tmp_path / "pose.pth", state), tmp_path / "out")
    assert (found.config.backbone, found.config.options, found.skeleton) == ("resnet18", {}, MPII)
    assert found.config.size == [256, 256] and found.config.deconv == [256, 256, 256]


def test_large_inputs_have_wide_gaussians(tmp_path: Path) -> None:
    for name, sigma in (("w_256x192.pth", 2.0), ("w_384x288.pth", 3.0)):
        file = saved(tmp_path / name, layouts.resnet())
        assert import_weights(file, tmp_path / name[:-4]).config.sigma == sigma
        assert load_model(tmp_path / name[:-4]).config.sigma == sigma


def test_cells_lie_at_corners(tmp_path: Path) -> None:
    import_weights(saved(tmp_path / "a.pth", layouts.resnet()), tmp_path / "out", size=(64, 96))
    network = load_model(tmp_path / "out").network
    assert network.first_cell == 0 and network.stride == 4


def test_what_has_no_place_is_named(tmp_path: Path) -> None:
    tensors = layouts.in_layout("mmpose_hrnet", layouts.hrnet())
    extra = {"data_preprocessor.mean": torch.zeros(3), "backbone.incre_modules.0.weight": torch.zeros(1)}
    found = import_weights(saved(tmp_path / "a.pth", {**tensors, **extra}), tmp_path / "out", size=(64, 96))
    assert set(found.left_out) == {"data_preprocessor.mean", "incre_modules.0.weight"}


def without(key: str) -> layouts.State:
    return {name: value for name, value in layouts.resnet().items() if name != key}


REFUSED = {
    "another skeleton": (layouts.resnet(), {"skeleton": "lsp"}, r"predicts 17 joints, but skeleton 'lsp' has 14"),
    "a skeleton nobody knows": (layouts.resnet(), {"skeleton": "cat"}, r"no skeleton 'cat'; known are coco"),
    "a number of joints alone": (layouts.resnet(joints=14), {}, r"predicts 14 joints; name its skeleton"),
    "another layout": ({"fc.weight": torch.zeros(2)}, {}, r"none of the known layouts.*begin with fc.weight"),
    "no tensors": ({}, {}, r"none of the known layouts.*nothing"),
    "a missing tensor": (without("layer2.1.bn1.bias"), {}, r"fit resnet50: .* 1 are missing.*layer2.1.bn1"),
    "a missing layer": (without("layer3.0.conv1.weight"), {}, r"lacks layer3.0.conv1.weight"),
    "no bias": (without("final_layer.bias"), {}, r"fit resnet50: .* 1 are missing.*first final_layer.bias"),
    "values that are none": (
        {**layouts.resnet(), "bn1.weight": layouts.resnet()["bn1.weight"] * torch.nan}, {}, r"1 tensors .* not finite"
    ),
    "another kernel": ({**layouts.resnet(), "final_layer.weight": torch.zeros(17, 8, 3, 3)}, {}, r"first final_layer"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_are_one_line_and_write_nothing(case: str, tmp_path: Path) -> None:
    tensors, options, message = REFUSED[case]
    with pytest.raises(UserError, match=message) as caught:
        import_weights(saved(tmp_path / "a.pth", tensors), tmp_path / "out", size=(64, 96), **options)
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_files_that_are_no_checkpoint(tmp_path: Path) -> None:
    (tmp_path / "page.pth").write_text("<html>")
    torch.save(Path("code"), tmp_path / "code.pth")
    os.mkfifo(tmp_path / "pipe.pth")  # reading it would wait for ever
    said = {"page": "no plain tensors", "code": "no plain tensors", "none": "cannot be read", "pipe": "no plain file"}
    for name, message in said.items():
        with pytest.raises(UserError, match=message) as caught:
            import_weights(tmp_path / f"{name}.pth", tmp_path / "out")
        assert "\n" not in str(caught.value)


class Runs:
    """What a pickle would run when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("ran",)


@pytest.mark.parametrize("old", [False, True])
def test_numpy_s_numbers_beside_the_tensors_are_read_past(old: bool, tmp_path: Path) -> None:
    """MMPose 1.x keeps the data's colours and sigmas, HRNet's repository the best score."""
    meta = {"sigmas": np.ones(17, np.float32), "colors": np.zeros((17, 3), np.uint8)}
    file = tmp_path / "w32_64x96.pth"
    written = {"meta": {"dataset_meta": meta}, "perf": np.float64(0.7), "state_dict": layouts.resnet()}
    torch.save(written, file, _use_new_zipfile_serialization=False)  # its pickles are not hashed
    if old:
        file.write_bytes(file.read_bytes().replace(b"cnumpy._core.multiarray", b"cnumpy.core.multiarray"))
    assert import_weights(file, tmp_path / "out").matched == len(layouts.resnet())


def test_what_would_run_code_is_named_and_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"state_dict": layouts.resnet(), "config": Runs()}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=r"would run \S*print; where you trust it, save its state_dict") as caught:
        import_weights(tmp_path / "a.pth", tmp_path / "out")
    assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value) and not capsys.readouterr().out


def test_safetensors_of_a_public_layout(tmp_path: Path) -> None:
    state = layouts.resnet()
    save_file(state, tmp_path / "a_64x96.safetensors")
    import_weights(tmp_path / "a_64x96.safetensors", tmp_path / "out")
    assert worst(tmp_path / "out", [state], True) < 1e-5


def test_a_model_is_not_written_over(tmp_path: Path) -> None:
    file = saved(tmp_path / "a.pth", layouts.resnet())
    import_weights(file, tmp_path / "out", size=(64, 96))
    with pytest.raises(UserError, match=r"holds a model.safetensors already"):
        import_weights(file, tmp_path / "out", size=(64, 96))


def test_mpii_is_known() -> None:
    assert SKELETONS["mpii"] is MPII and len(MPII) == 16


def test_a_checkpoint_of_ours_needs_no_import(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "last.ckpt", {"step": 1})
    with pytest.raises(UserError, match=r"last\.ckpt is a checkpoint of semipose, which needs no import"):
        import_weights(tmp_path / "last.ckpt", tmp_path / "out")
