from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from semipose.config import Config
from semipose.errors import UserError
from semipose.inference.predictor import Predictor
from semipose.models import checkpoint
from semipose.models.weights import load_model, save_model
from semipose.skeleton import LSP, Skeleton
from semipose.training.loop import run_training
from semipose.training.networks import build_networks, check_networks, trained_teachers
from semipose.training.rundir import RunDir
from semipose.verbs.evaluate import evaluate
from tests.fixtures.runs import OPTIONS, POINT, STEPS, assert_same_runs, resume, tiny, untrained

PEER = {"backbone": "resnet34", "options": {**OPTIONS, "layers": [2, 1, 1, 1]}}


def taught(cache: Path, teacher: Path, name: str = "pseudopose", **changes: object) -> Config:
    base = tiny(cache, name, **changes)
    return replace(base, method=replace(base.method, teacher=str(teacher)))


def averaged(cache: Path) -> Config:
    base = tiny(cache, "mean_teacher")
    return replace(base, method=replace(base.method, decay=0.9))


# ---- a trained teacher


@pytest.mark.slow
def test_a_trained_teacher_is_used_as_it_was_saved(cache, run, reference) -> None:
    """Through a run of `STEPS` steps it does not change, and the student is no copy of it."""
    summary = run_training(taught(cache, reference.path), run, progress=False)
    assert summary["method"] == "pseudopose" and len(summary["parameters"]) == 1
    state = checkpoint.load(run.last)["method"]
    saved = load_model(reference.path).network.state_dict()
    teacher = {key.removeprefix("teacher.net."): value for key, value in state.items() if key.startswith("teacher.")}
    assert set(teacher) == set(saved) and all(torch.equal(value, saved[key]) for key, value in teacher.items())
    mine = load_model(run.path).network.state_dict()
    assert set(mine) == set(saved) and not torch.equal(mine["head.weight"], saved["head.weight"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pseudopose", "datadistill", "mean_teacher"])
def test_runs_with_a_teacher_resume_to_the_bit(cache, tmp_path, reference, name) -> None:
    config = averaged(cache) if name == "mean_teacher" else taught(cache, reference.path, name)
    whole, broken = RunDir.create(tmp_path / "whole"), RunDir.create(tmp_path / "broken")
    run_training(config, whole, progress=False)
    run_training(config, broken, progress=False, stop_at=3)
    resume(config, broken, stop_at=5)
    resume(config, broken)
    assert_same_runs(broken, whole)
    state = checkpoint.load(whole.last)["method"]
    assert not torch.equal(state["teacher.net.head.weight"], state["students.0.head.weight"])


def test_weights_to_start_from_start_an_average_too(cache, run, reference) -> None:
    config = replace(averaged(cache), steps=1)
    config.optim.lr = 0.0
    run_training(config, run, init_from=[reference.path], progress=False)
    state, start = checkpoint.load(run.last)["method"], load_model(reference.path).network.state_dict()
    for key in (key for key in start if key.endswith("weight")):
        assert torch.equal(state[f"students.0.{key}"], start[key]) and torch.equal(
            state[f"teacher.net.{key}"], start[key]
        )


@pytest.mark.slow
def test_what_cannot_teach_is_refused_in_a_line(cache, tmp_path, reference) -> None:
    config = taught(cache, reference.path)
    (student,) = build_networks(config, LSP)
    for path in (tmp_path, tmp_path / "gone.safetensors"):
        with pytest.raises(UserError, match=r"method\.teacher: there is no .*safetensors; name a finished run"):
            trained_teachers(taught(cache, path), LSP, student)
    with pytest.raises(UserError, match=r"method\.teacher .* is for other joints \(14: .*\) than the data \(2: left"):
        trained_teachers(config, POINT, student)
    for key, other in (("size", [128, 96]), ("padding", 1.0), ("sigma", 1.0)):
        model = replace(config.model, **{key: other})
        with pytest.raises(UserError, match=rf"method\.teacher .* has {key} .* and model\.{key} is "):
            trained_teachers(replace(config, model=model), LSP, student)
    (coarse,) = build_networks(taught(cache, reference.path, model={"deconv": [8, 8]}), LSP)
    with pytest.raises(UserError, match=r"method\.teacher .* heatmaps of stride 2, the model of stride 4"):
        trained_teachers(config, LSP, coarse)
    loaded = load_model(reference.path)
    save_model(tmp_path / "model", loaded.network, loaded.config, LSP, first_cell=0.0)
    with pytest.raises(UserError, match=r"cells lie 0\.5 px aside .* name that one"):
        trained_teachers(taught(cache, tmp_path / "model.safetensors"), LSP, student)


# ---- two architectures


@pytest.mark.slow
def test_two_architectures_learn_and_know_what_they_are(cache, run) -> None:
    """Each file says its own backbone; evaluation, prediction and the checkpoint take each as it is."""
    config = replace(tiny(cache), peer=PEER)
    networks = build_networks(config, LSP)
    started = [net.state_dict() for net in networks]
    summary = run_training(config, run, progress=False)
    assert summary["backbones"] == ["resnet18", "resnet34"] and summary["steps"] == STEPS
    assert summary["parameters"] == [sum(p.numel() for p in net.parameters()) for net in networks]
    for name, backbone, start in zip(("model", "model-b"), summary["backbones"], started, strict=True):
        loaded = load_model(run.path / f"{name}.safetensors")
        assert loaded.config.backbone == backbone
        assert not torch.equal(loaded.network.head.weight, start["head.weight"])
        pose = Predictor.load(run.path / f"{name}.safetensors")(torch.zeros(64, 48, 3, dtype=torch.uint8).numpy())
        assert pose[0].xy.shape == (len(LSP), 2)
    scores = evaluate(run.path)
    for name in ("a", "b"):
        assert scores["networks"][name]["pck"] == pytest.approx(summary["val"]["networks"][name]["pck"])


@pytest.mark.slow
def test_two_architectures_resume_to_the_bit(cache, tmp_path) -> None:
    config = replace(tiny(cache), peer=PEER)
    whole, broken = RunDir.create(tmp_path / "whole"), RunDir.create(tmp_path / "broken")
    run_training(config, whole, progress=False)
    run_training(config, broken, progress=False, stop_at=4)
    resume(config, broken)
    assert_same_runs(broken, whole)


@pytest.mark.slow
def test_each_network_starts_from_its_own_file(cache, tmp_path) -> None:
    config = replace(tiny(cache, steps=1, optim={"lr": 0.0}), peer=PEER)
    first, second = RunDir.create(tmp_path / "first"), RunDir.create(tmp_path / "second")
    run_training(replace(config, seed=5), first, progress=False)
    files = [first.path / "model.safetensors", first.path / "model-b.safetensors"]
    run_training(config, second, init_from=files, progress=False)
    for file in files:
        theirs, mine = (load_model(folder.path / file.name).network.head.weight for folder in (first, second))
        assert torch.equal(theirs, mine)
    (first.path / "model-old.safetensors").write_bytes(files[0].read_bytes())
    begun = build_networks(config, LSP, [first.path])
    for file, network in zip(files, begun, strict=True):
        assert torch.equal(load_model(file).network.head.weight, network.head.weight)
    with pytest.raises(UserError, match="does not fit this network"):
        build_networks(config, LSP, files[:1])


@pytest.mark.parametrize(
    ("method", "peer", "message"),
    [
        ("single", PEER, r"peer is for the second of two networks; method single trains one"),
        ("dual", {"size": [128, 96]}, r"peer has size \[128, 96\] and model\.size is \[64, 48\]"),
        ("dual", {"sigma": 1.0}, r"peer has sigma 1\.0 and model\.sigma is 2\.0"),
        ("dual", {"deconv": [8]}, r"peer gives heatmaps of stride 8, the model of stride 2"),
    ],
)
def test_peers_that_do_not_fit_are_refused(cache, method, peer, message) -> None:
    with pytest.raises(UserError, match=message):
        build_networks(replace(tiny(cache, method), peer=peer), LSP)


@pytest.mark.slow
def test_runs_that_began_before_a_setting_was_there_go_on(cache, run) -> None:
    run_training(tiny(cache), run, progress=False, stop_at=2)
    state = checkpoint.load(run.last)
    del state["config"]["peer"]
    for key in ("teach", "share"):
        del state["config"]["method"][key]
    checkpoint.save(run.last, state)
    assert resume(tiny(cache), run)["steps"] == STEPS


# ---- starting from weights of other joints


def test_which_joints_begin_from_weights_of_others_is_said(cache, tmp_path, capsys) -> None:
    path = untrained(tmp_path / "run", "supervised")
    mine = Skeleton("mine", ("L_hip", "tail"))
    (network,) = build_networks(tiny(cache, "supervised"), mine, [path], say=True)
    said = capsys.readouterr().err
    assert f"{path}: joints that begin from the weights: L_hip (as left_hip); begin anew: tail" in said
    assert torch.equal(network.head.weight[0], load_model(path).network.head.weight[LSP.joints.index("left_hip")])
    build_networks(tiny(cache, "supervised"), LSP, [path], say=True)
    assert not capsys.readouterr().err, "all are the same"


# ---- networks that only help


def test_random_weights_that_are_frozen_are_said(cache, capsys) -> None:
    config = tiny(cache, "supervised")
    frozen = replace(config, model=replace(config.model, freeze=["stem"]))
    build_networks(config, LSP, say=True)
    build_networks(frozen, LSP)
    assert capsys.readouterr().err == ""
    build_networks(frozen, LSP, say=True)
    assert capsys.readouterr().err == (
        "model.freeze keeps random weights (model.weights is none); set model.freeze=[]\n"
    )


@pytest.mark.slow
def test_of_three_networks_the_first_is_scored_and_saved(cache, run) -> None:
    """A larger one may stand in as the second; all are in the checkpoint, with the copies of the last epoch's end."""
    config = replace(tiny(cache, "sspcm"), peer=PEER)
    networks = build_networks(config, LSP)
    summary = run_training(config, run, progress=False)
    assert summary["backbones"] == ["resnet18", "resnet34", "resnet18"] and list(summary["val"]["networks"]) == ["a"]
    assert summary["parameters"] == [sum(p.numel() for p in net.parameters()) for net in networks]
    assert sorted(file.name for file in run.path.glob("model*")) == ["model.json", "model.safetensors"]
    state = checkpoint.load(run.last)["method"]
    saved = load_model(run.path)
    assert saved.config.backbone == "resnet18"
    assert all(torch.equal(value, state[f"students.0.{key}"]) for key, value in saved.network.state_dict().items())
    assert {key.split(".")[1] for key in state if key.startswith("last.")} == {"0", "1"}
    assert not torch.equal(state["last.0.net.head.weight"], state["students.1.head.weight"])
    assert evaluate(run.path)["mean"]["pck"] == pytest.approx(summary["val"]["mean"]["pck"])


@pytest.mark.slow
def test_copies_are_taken_where_a_pass_over_the_unlabelled_images_ends(cache, run, monkeypatch) -> None:
    """12 images, 4 a step: after steps 3 and 6 of 8, and at no other."""
    told: list[int] = []
    steps: list[int] = []
    monkeypatch.setattr("semipose.methods.sspcm.Sspcm.after_step", lambda self: steps.append(1))
    monkeypatch.setattr("semipose.methods.sspcm.Sspcm.after_epoch", lambda self: told.append(len(steps)))
    run_training(tiny(cache, "sspcm"), run, progress=False)
    assert told == [3, 6] and len(steps) == STEPS


@pytest.mark.slow
def test_three_networks_resume_to_the_bit(cache, tmp_path) -> None:
    """In the first epoch and in the third."""
    config = tiny(cache, "sspcm")
    config = replace(config, method=replace(config.method, peak=0.0))  # else nothing is taught in so few steps
    whole, broken = RunDir.create(tmp_path / "whole"), RunDir.create(tmp_path / "broken")
    run_training(config, whole, progress=False)
    run_training(config, broken, progress=False, stop_at=2)
    resume(config, broken, stop_at=7)
    resume(config, broken)
    assert_same_runs(broken, whole)


def test_networks_are_checked_on_no_device_and_with_no_weights() -> None:
    config = Config(model=replace(Config().model, weights="imagenet"))
    check_networks(config)
    with pytest.raises(UserError, match="the nearest that does is"):
        check_networks(replace(config, model=replace(config.model, size=[250, 192])))
