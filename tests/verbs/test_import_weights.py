from __future__ import annotations

from pathlib import Path

import pytest
import torch

import semipose
from semipose.cli import main
from tests.fixtures import layouts


def test_all_that_has_no_place_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = layouts.in_layout("deeplabcut_hrnet", layouts.hrnet(joints=39, modules=(1, 1, 1), first=1))
    further = {f"backbone.model.stage4.0.fuse_layers.{i}.0.0.0.weight": torch.zeros(1) for i in (1, 2, 3)}
    torch.save({"model": {**state, **further, "heads.identity.weight": torch.zeros(1)}}, tmp_path / "dlc.pt")
    assert main(["import-weights", str(tmp_path / "dlc.pt"), str(tmp_path / "out"), "--size", "64", "64"]) == 0
    out = capsys.readouterr().out
    assert "deeplabcut_hrnet: hrnet_w18 " in out and "39 joints (superanimal_quadruped)" in out
    assert "6 of the file have no place: heads.bodypart.locref_head (2), heads.identity.weight (1), " in out
    assert "stage4.0.fuse_layers (3)" in out


def test_python_and_the_shell_write_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "pose_resnet_64x48.pth"
    torch.save(layouts.resnet((1, 1, 1, 1), (8, 8, 16, 16), False, (8, 8, 8), joints=14), file)
    result = semipose.import_weights(file, tmp_path / "python", skeleton="lsp", size=(64, 64), bgr=False)
    assert result.layout == "pose_resnet" and not result.config.bgr and not capsys.readouterr().out
    words = ["--skeleton", "lsp", "--size", "64", "64", "--no-bgr"]
    assert main(["import-weights", str(file), str(tmp_path / "shell"), *words]) == 0
    assert "input 64x64, RGB" in capsys.readouterr().out
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "shell" / name).read_bytes() == (tmp_path / "python" / name).read_bytes()
