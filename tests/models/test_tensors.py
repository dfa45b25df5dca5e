"""Which tensors a network starts from. Whole networks: tests/models/test_weights.py."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from semipose.errors import UserError
from semipose.models.tensors import description_of, load_weights
from semipose.skeleton import Skeleton


class Net(nn.Module):
    def __init__(self, joints: int, bgr: bool = False) -> None:
        super().__init__()
        self.body = nn.Linear(2, 2)
        self.head = nn.Conv2d(2, joints, 1)
        self.bgr = bgr


def written(path: Path, network: nn.Module, joints: tuple[str, ...] = (), bgr: bool = False) -> Path:
    save_file(network.state_dict(), path)
    about = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "model": {"bgr": bgr}}
    path.with_suffix(".json").write_text(json.dumps(about | ({"skeleton": {"joints": joints}} if joints else {})))
    return path


def test_joints_of_the_same_name_are_taken_and_the_rest_stays_as_drawn(tmp_path: Path) -> None:
    theirs, mine = Net(3), Net(2)
    drawn = mine.head.weight.detach().clone()
    load_weights(
        mine, written(tmp_path / "w.safetensors", theirs, ("nose", "tail", "paw")), Skeleton("", ("paw", "ear"))
    )
    assert torch.equal(mine.body.weight, theirs.body.weight)
    assert torch.equal(mine.head.weight[0], theirs.head.weight[2]) and torch.equal(mine.head.weight[1], drawn[1])
    assert mine.head.bias[0] == theirs.head.bias[2]


@pytest.mark.parametrize("joints", [("ear",), ("ear", "eye", "hoof")], ids=["fewer", "as many"])
def test_with_no_joint_of_the_same_name_all_but_the_head_is_taken(tmp_path: Path, joints: tuple[str, ...]) -> None:
    theirs, mine = Net(3), Net(len(joints))
    drawn = mine.head.weight.detach().clone()
    path = written(tmp_path / "w.safetensors", theirs, ("nose", "tail", "paw"))
    said = load_weights(mine, path, Skeleton("", joints))
    assert torch.equal(mine.body.weight, theirs.body.weight) and torch.equal(mine.head.weight, drawn)
    assert said.startswith("none of its joints (3: nose, tail, paw) is one") and said.endswith("the head begins anew")


def test_which_joint_begins_as_which_is_said(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", Net(3), ("nose", "tail_end", "paw"))
    said = load_weights(Net(3), path, Skeleton("", ("snout", "paw", "ear")))
    assert said == "joints that begin from the weights: snout (as nose), paw; begin anew: ear"
    assert load_weights(Net(3), path, Skeleton("", ("nose", "tail_end", "paw"))) == load_weights(Net(3), path) == ""


def test_tensors_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", Net(3))
    with pytest.raises(UserError, match="2 of 4 tensors are missing or of another shape, first head"):
        load_weights(Net(2), path)
    with pytest.raises(UserError, match="0 of 2 tensors are missing"):
        load_weights(Part(), path)


class Part(nn.Module):
    """Lacks the head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(2, 2)


def test_the_channel_that_is_seen_first_must_be_the_same(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", Net(2), bgr=True)
    with pytest.raises(UserError, match="sees blue first, this network does not; set model"):
        load_weights(Net(2), path)
    load_weights(Net(2, bgr=True), path)


def test_damaged_files_are_sentences(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", Net(2))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(UserError, match="are damaged: their checksum is not the one in w"):
        load_weights(Net(2), path)
    path.with_suffix(".json").unlink()
    path.write_bytes(b"nothing")
    with pytest.raises(UserError, match="is not a safetensors file"):
        load_weights(Net(2), path)
    path.unlink()
    os.mkfifo(path)  # reading it would wait for ever
    with pytest.raises(UserError, match=r"cannot be read \(it is no plain file\)"):
        load_weights(Net(2), path)


@pytest.mark.parametrize(
    ("text", "says"), [("{", "is not JSON"), ("[1]", "does not describe a model"), (None, "belongs beside w")]
)
def test_a_description_that_is_none(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "w.json").write_text(text)
    with pytest.raises(UserError, match=says):
        description_of(tmp_path / "w.safetensors")
