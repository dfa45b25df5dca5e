from __future__ import annotations

import json
import math
import os
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from semipose.data.crops.build import CropSpec, build_crops
from semipose.data.datasets import Sets, cut, open_sets
from semipose.data.sample import PoseData
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.inference.evaluation import predict_crops
from semipose.methods import build_method, options
from semipose.methods.base import Method, Outcome
from semipose.methods.consistency import Single
from semipose.methods.supervised import Supervised
from semipose.methods.target import Codec
from semipose.models import checkpoint
from semipose.models.build import build_model
from semipose.models.weights import load_model
from semipose.signals import Interruption
from semipose.skeleton import LSP, Skeleton
from semipose.training import loop as train
from semipose.training.loop import OnCrops, run_training
from semipose.training.networks import build_networks
from semipose.training.rundir import RunDir
from tests.fixtures.runs import STEPS, assert_same_runs, at_step, metrics, points, resume, same, tiny


def trained(config, run: RunDir, **arguments: object) -> dict:
    return run_training(config, run, progress=False, **arguments)


@pytest.mark.slow
def test_a_run_leaves_all_its_files(cache, reference) -> None:
    files = [file.relative_to(reference.path) for file in reference.path.rglob("*") if file.is_file()]
    names = {str(file) for file in files if file.parts[0] != "tensorboard"}
    assert names == {
        ".lock", ".semipose", "config.yaml", "split.json", "metrics.csv", "summary.json", "predictions/val.json",
        "model.safetensors", "model.json", "model-b.safetensors", "model-b.json",
        "checkpoints/last.ckpt", "checkpoints/previous.ckpt", "checkpoints/best.ckpt",
    }  # fmt: skip
    summary = reference.read_json("summary.json")
    assert (summary["method"], summary["steps"], summary["labels"], summary["unlabeled"]) == ("dual", STEPS, 12, 12)
    assert summary["val_images"] == 4 and set(summary["val"]["networks"]) == {"a", "b"} and "ensemble" in summary["val"]
    assert reference.read_json("predictions/val.json")["networks"] == ["a", "b", "ensemble"]
    assert reference.read_json("split.json")["val"][0] == "synth:studio/0/500"


def test_rows_are_where_they_are_due(reference) -> None:
    rows = metrics(reference)
    assert [row["step"] for row in rows] == ["3", "4", "6", "8"]
    assert [bool(row["loss/unsupervised_b"]) for row in rows] == [True, False, True, True]
    assert [bool(row["val/pck"]) for row in rows] == [False, True, False, True]
    assert {"response/labeled", "response/teacher", "response/student", "val/pck_a", "val/pck_ensemble"} <= set(rows[0])
    assert [float(row["lr"]) for row in rows] == pytest.approx([1e-3, 1e-3, 1e-3, 1e-5]), "0.7 and 0.9 of 8 are 6 and 7"


def test_labels_alone_teach_during_the_burn_in(cache, run) -> None:
    config = tiny(cache, "single")
    trained(replace(config, method=replace(config.method, burn_in=0.5)), run)
    rows = metrics(run)
    assert [row["step"] for row in rows] == ["3", "4", "6", "8"], "a row ends where the burn-in does"
    assert [bool(row["loss/supervised"]) for row in rows] == [True] * 4
    assert [bool(row["loss/unsupervised"]) for row in rows] == [False, False, True, True]


def test_the_saved_model_is_the_trained_one(reference) -> None:
    state = checkpoint.load(reference.last)["method"]
    for index, name in enumerate(["model", "model-b"]):
        network, skeleton, *_ = load_model(reference.path / f"{name}.safetensors")
        assert len(skeleton) == 14
        assert all(torch.equal(value, state[f"students.{index}.{key}"]) for key, value in network.state_dict().items())


def test_the_best_checkpoint_is_of_the_best_evaluation(reference) -> None:
    scores = {int(row["step"]): float(row["val/pck"]) for row in metrics(reference) if row["val/pck"]}
    progress = checkpoint.load(reference.best)["progress"]
    assert scores[progress["step"]] == pytest.approx(max(scores.values())) == pytest.approx(progress["best"])


def test_without_validation_and_by_epochs(cache, run) -> None:
    summary = trained(tiny(cache, "supervised", data={"val": None, "unlabeled": None}, steps=0, epochs=2), run)
    assert summary["steps"] == 6 and summary["val"] is None and summary["val_images"] == 0
    assert not run.best.exists() and not (run.path / "predictions").exists()
    assert set(metrics(run)[0]) == {"step", "lr", "loss/supervised", "response/labeled"}


def test_zero_means_only_at_the_end(cache, run) -> None:
    trained(tiny(cache, "supervised", log_every=0, eval_every=0, save_every=0), run)
    assert [row["step"] for row in metrics(run)] == ["8"] and metrics(run)[0]["val/pck"]
    assert not (run.checkpoints / "previous.ckpt").exists()


@pytest.mark.slow
def test_saving_evaluating_and_workers_change_no_weight(cache, run, reference) -> None:
    trained(tiny(cache, eval_every=1, save_every=1, log_every=2, workers=2), run)
    one, other = (checkpoint.load(each.last) for each in (run, reference))
    assert same(one["method"], other["method"]) and same(one["optimizer"], other["optimizer"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0, "epochs": 0}, "steps is 0 and epochs 0: there is nothing to train"),
        ({"steps": -5}, "nothing to train"),
        ({"optim": {"batch": 0}}, "optim.batch is 0; it can be 1 or more"),
        ({"decode": "guess"}, "decode is 'guess'; it can be argmax, quarter, dark"),
    ],
)
def test_impossible_settings_are_refused(cache, run, change, message) -> None:
    with pytest.raises(UserError, match=message):
        trained(tiny(cache, **change), run)
    assert RunDir.create(run.path).path == run.path, "nothing was written, and nothing holds it"


def test_a_folder_that_holds_a_run_is_not_overwritten(cache, reference) -> None:
    before = reference.metrics.read_bytes()
    with pytest.raises(UserError, match="holds a run already; go on with --resume"):
        trained(tiny(cache), RunDir(reference.path))
    assert reference.metrics.read_bytes() == before


def test_two_runs_in_one_folder_are_refused(cache, run, monkeypatch) -> None:
    refused = []

    def again() -> None:
        with pytest.raises(UserError, match="in use by another process") as caught:
            trained(tiny(cache, "supervised"), RunDir(run.path))
        refused.append(caught)

    monkeypatch.setattr(Method, "after_step", at_step(1, again))
    trained(tiny(cache, "supervised", steps=2), run)
    assert len(refused) == 1


def test_a_validation_set_that_cannot_be_scored(cache, run, monkeypatch) -> None:
    score = train.score_crops

    def unscorable(*arguments: object) -> dict:
        scores = score(*arguments)
        for part in (scores["mean"], *scores["networks"].values()):
            part["pck"] = None
        return scores

    monkeypatch.setattr(train, "score_crops", unscorable)
    assert trained(tiny(cache, "supervised"), run)["val"]["mean"]["pck"] is None
    assert "val/pck" not in metrics(run)[0] and not run.best.exists() and run.last.exists()


def test_nan_labels_leave_the_loss_finite(cache) -> None:
    data = points(4, name="nan labels")
    for sample in data:
        sample.keypoints[0, :2] = math.nan
    data[0].keypoints[:, :2] = math.inf
    crops = build_crops(data, CropSpec((64, 48), (92, 80)), cache, progress=False)
    config = tiny(cache, "supervised")
    network = build_model(config.model, 2)
    method = build_method(config.method, [network], Codec(network.stride, 2.0, torch.tensor([1, 0])))
    batch = [torch.from_numpy(part(range(4))) for part in (crops.images, crops.keypoints)]
    outcome = OnCrops(method, network.size)(*batch, draws=Draws(0, 0))
    outcome.total.backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
    unlabeled = batch[1][..., 2] == 0
    assert unlabeled[:, 0].all() and unlabeled[0].all() and not unlabeled.all()
    batch[1][unlabeled] = torch.tensor([math.nan, math.inf, 2.0])
    again = OnCrops(method, network.size)(*batch, draws=Draws(0, 0)).total
    assert again == outcome.total, "what is not finite is no label wherever it comes from"


class Faulty:
    """`Supervised.forward`, whose loss is changed in one step."""

    def __init__(self, at: int, change) -> None:
        self.at, self.change, self.whole = at, change, Supervised.forward

    def __call__(self, method: Supervised, labeled, unlabeled, draws: Draws) -> Outcome:
        outcome = self.whole(method, labeled, unlabeled, draws)
        if draws._key[1] != self.at:
            return outcome
        weight = method.students[0].head.weight
        return Outcome({"supervised": self.change(outcome.total, weight)}, outcome.measures)


def _nan_loss(loss: Tensor, weight: Tensor) -> Tensor:
    return loss * math.nan


def _nan_gradient(loss: Tensor, weight: Tensor) -> Tensor:
    return loss + (0 * weight).sqrt().sum()  # 0, with gradient 0 x infinity


@pytest.mark.parametrize("fault", [_nan_loss, _nan_gradient])
def test_what_is_not_finite_updates_nothing_and_ends_the_run(cache, run, monkeypatch, fault) -> None:
    faulty, states = Faulty(5, fault), []
    monkeypatch.setattr(Supervised, "forward", lambda *arguments, **named: faulty(*arguments, **named))
    monkeypatch.setattr(
        Method, "after_step", lambda self: states.append([p.detach().clone() for p in self.students.parameters()])
    )
    with pytest.raises(UserError, match=f"^step 5: the loss or a gradient is not finite.*checkpoint is {run.last}"):
        trained(tiny(cache, "supervised", save_every=2), run)
    assert len(states) == 6 and same(states[5], states[4]) and not same(states[4], states[3])
    saved = checkpoint.load(run.last)
    assert saved["progress"]["step"] == 4 and all(value.isfinite().all() for value in saved["method"].values())
    assert not (run.path / "model.safetensors").exists()


def test_before_the_first_checkpoint_the_error_says_so(cache, run, monkeypatch) -> None:
    faulty = Faulty(0, _nan_loss)
    monkeypatch.setattr(Supervised, "forward", lambda *arguments, **named: faulty(*arguments, **named))
    with pytest.raises(UserError, match=r"^step 0: .* no checkpoint had been written yet"):
        trained(tiny(cache, "supervised"), run)


@pytest.fixture
def collapsing(monkeypatch) -> None:
    """`Single`, with the responses of a collapse."""
    whole = Single.forward

    def forward(self: Single, labeled, unlabeled, draws: Draws) -> Outcome:
        outcome, step = whole(self, labeled, unlabeled, draws), draws._key[1]
        seen = {"response/labeled": 0.8, "response/student": 0.6 if step < 2 else 0.0}
        return Outcome(outcome.losses, {**outcome.measures, **{k: torch.tensor(v) for k, v in seen.items()}})

    monkeypatch.setattr(Single, "forward", forward)


def test_a_collapse_is_a_warning(cache, run, collapsing, capsys) -> None:
    summary = trained(tiny(cache, "single", log_every=1), run)
    (warning,) = summary["warnings"]
    assert warning.startswith("step 5: the model is collapsing: its response to unlabelled images fell to 0.24 ")
    assert warning in capsys.readouterr().out


def test_a_collapse_can_stop_the_run(cache, run, collapsing) -> None:
    with pytest.raises(UserError, match=r"stopped at step 5 \(stop_on_collapse\).*collapsing"):
        trained(tiny(cache, "single", log_every=1, stop_on_collapse=True), run)
    saved = checkpoint.load(run.last)
    assert saved["monitor"]["fired"] is True and saved["progress"]["step"] == 5
    assert metrics(run)[-1]["step"] == "5", "the row that shows it is there"


@pytest.mark.slow
def test_weights_to_start_from(cache, tmp_path, reference) -> None:
    state = checkpoint.load(reference.last)["method"]
    config = tiny(cache, steps=1, optim={"lr": 0.0})

    def begun(*paths) -> dict[str, Tensor]:
        run = RunDir.create(tmp_path / "run")
        trained(config, run, init_from=paths)
        return checkpoint.load(run.last)["method"]

    def head(state: dict[str, Tensor], index: int) -> Tensor:
        return state[f"students.{index}.head.weight"]

    for source, files in (
        (reference.path, (0, 1)),
        (reference.last, (0, 0)),
        (reference.path / "model.safetensors", (0, 0)),
    ):
        started = begun(source)
        assert all(torch.equal(head(started, i), head(state, file)) for i, file in enumerate(files))
    started = begun(reference.path / "model.safetensors", reference.path / "model-b.safetensors")
    assert all(torch.equal(head(started, i), head(state, i)) for i in (0, 1))


def test_one_joint_has_no_pck_to_choose_by_and_a_model_all_the_same(cache, run, monkeypatch) -> None:
    data = points()
    one = PoseData("one", Skeleton("one", ("tip",)), [replace(s, keypoints=s.keypoints[:1]) for s in data])
    monkeypatch.setattr(train, "open_sets", lambda *_: Sets(one, one, one))
    config = replace(tiny(cache), method=options("guarded", burn_in=0.0, mix_group=2, mix_tiles=[1, 1]))
    summary = trained(config, run)
    assert any("no validation sample has a PCK" in line for line in summary["warnings"]) and "guard" not in summary
    assert (run.path / "model.safetensors").exists()


def test_a_run_with_a_remark_that_the_checkpoint_has_not_goes_on(cache, run, monkeypatch) -> None:
    config = tiny(cache, "supervised")
    trained(config, run, stop_at=3)
    monkeypatch.setattr(train, "side_doubts", lambda *_: ["'left_x' is left and there is no right one"])
    assert resume(config, run)["steps"] == STEPS


def test_weights_of_another_skeleton_start_all_but_the_head(cache, run, reference, monkeypatch, capsys) -> None:
    monkeypatch.setattr(train, "open_sets", lambda *_: Sets(points(), None, None))
    run_training(tiny(cache, "supervised"), run, progress=True, init_from=[reference.path / "model.safetensors"])
    assert "none of its joints (14: " in capsys.readouterr().err
    with pytest.raises(UserError, match="another skeleton"):
        trained(tiny(cache), run, resume=reference.last)


def test_predictions_of_the_file_are_those_of_the_model(cache, reference) -> None:
    content = json.loads((reference.path / "predictions" / "val.json").read_text())
    config = tiny(cache)
    crops = cut(open_sets(config.data, False, None).val, config, train=False, progress=False)
    assert crops is not None and [sample["id"] for sample in content["samples"]] == [s.id for s in crops.data]
    networks = {
        name: load_model(reference.path / f"{file}.safetensors").network
        for name, file in (("a", "model"), ("b", "model-b"))
    }
    for name, predicted in predict_crops(networks, crops).items():
        written = np.array([sample["pred"][name] for sample in content["samples"]])
        assert np.abs(written - predicted).max() < 2e-3, name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["guarded", "guarded_dual"])
@pytest.mark.parametrize("better", ["taught", "labels"])
def test_the_better_of_two_twins_is_kept(cache, run, monkeypatch, better, name) -> None:
    """Its weights, predictions and scores are the run's; the other's weights lie beside them, and no third one's."""
    config = replace(tiny(cache), method=options(name, mix_group=2, mix_tiles=[1, 1]))
    rank = {"taught": 0, "labels": -1}
    scored = train.Training._scored

    def as_told(self, networks, val, spreads):  # type: ignore[no-untyped-def]
        predictions, scores = scored(self, networks, val, spreads)
        twin = next(iter(networks.values())) is self.networks[-1]
        scores["mean"]["pck"] = 0.9 if twin == (better == "labels") else 0.1
        return predictions, scores

    monkeypatch.setattr(train.Training, "_scored", as_told)
    made: list[train.Training] = []
    begin = train.Training.begin
    monkeypatch.setattr(train.Training, "begin", lambda self: (made.append(self), begin(self))[1])
    summary = trained(config, run)
    of = {name: 0.9 if name == better else 0.1 for name in rank}
    assert summary["guard"] == {"kept": better, **of, "images": summary["val_images"]}
    assert summary["val"]["mean"]["pck"] == 0.9
    (training,) = made
    kept = load_model(run.path / "model.safetensors").network
    other = load_model(run.path / "twin.safetensors").network
    assert same(kept.state_dict(), training.networks[rank[better]].state_dict())
    assert same(other.state_dict(), training.networks[-1 - rank[better]].state_dict())
    assert {path.stem for path in run.path.glob("*.safetensors")} == {"model", "twin"}


def test_the_schedule_begins_anew(cache, run) -> None:
    config = tiny(cache, optim={"schedule": "cosine", "restart": 0.5}, log_every=1)
    config = replace(config, method=options("supervised"))
    trained(config, run)
    rates = [float(row["lr"]) for row in metrics(run)]
    half = len(rates) // 2
    assert rates[:half] == rates[half:] and rates[0] == pytest.approx(config.optim.lr) and rates[half - 1] < rates[0]


@pytest.mark.slow
@pytest.mark.parametrize(("ours", "theirs"), [("guarded", "mum"), ("guarded_dual", "dual")])
@pytest.mark.parametrize("name", ["adam", "muon"])
def test_twins_learn_as_runs_of_their_own_would(cache, run, tmp_path, reference, name, ours, theirs) -> None:
    """The students as MUM's or Dual's, their twin as supervised training, from one start: so a study needs no run of
    them all."""
    mixing = {"mix_group": 2, "mix_tiles": [2, 1], "hard": "affine60+flip50"}
    methods = {
        ours: options(ours, burn_in=0.0, **mixing),
        theirs: options(theirs, **mixing),
        "supervised": options("supervised"),
    }
    for method, chosen in methods.items():
        config = replace(tiny(cache, optim={"name": name}), method=chosen)
        run_training(config, RunDir.create(tmp_path / method), init_from=[reference.path], progress=False)
    guarded = checkpoint.load(tmp_path / ours / "checkpoints" / "last.ckpt")["method"]
    for prefix, method in (("students.", theirs), ("twin.", "supervised")):
        alone = checkpoint.load(tmp_path / method / "checkpoints" / "last.ckpt")["method"]
        for key, value in alone.items():
            mine = guarded[prefix + key.removeprefix("students." if method == theirs else "students.0.")]
            torch.testing.assert_close(mine, value, rtol=1e-4, atol=1e-5)


def test_pictures_are_not_mirrored_until_someone_says_which_joints_are_left(cache, run, monkeypatch, capsys) -> None:
    """What is built, and what is said; the configuration stays as it was asked for."""
    data = points(6)
    data = replace(data, skeleton=Skeleton("other", ("patte_g", "patte_d")))
    monkeypatch.setattr(train, "open_sets", lambda *_: Sets(data, None, None))
    built = []
    monkeypatch.setattr(
        train, "build_method", lambda method, *more: built.append(method) or build_method(method, *more)
    )
    config = tiny(cache, "supervised", steps=1, data={"val": None, "unlabeled": None})
    summary = trained(config, run)
    assert built[0].easy == "affine30" and config.method.easy == "affine30+flip50"
    assert "no mirrored pictures: 'patte_g' - 'patte_d' may be left and right" in capsys.readouterr().err
    assert any("name the pairs with data.skeleton" in warning for warning in summary["warnings"])
    assert summary["boxes"] == {"most": 1, "whole": False}
    said = replace(config, data=replace(config.data, skeleton={"pairs": [["patte_g", "patte_d"]]}))
    assert (
        not trained(said, RunDir.create(run.path.with_name("said")))["warnings"] and built[1].easy == "affine30+flip50"
    )


@pytest.mark.slow
@pytest.mark.parametrize(("method", "average"), [("mean_teacher", 0.0), ("guarded", 0.0), ("guarded", 0.9)])
def test_frozen_stages_stay_as_they_are_and_resume_to_the_bit(cache, tmp_path, method, average) -> None:
    """With two rates, Muon, an average or a twin, and statistics that are estimated anew at the end."""
    optim = {"name": "muon", "lr": 0.02, "backbone_rate": 0.1, "average": average}
    config = tiny(cache, method, optim=optim, model={"freeze": ["stem", "layer1"]}, norm_batches=2)
    whole, broken = RunDir.create(tmp_path / "whole"), RunDir.create(tmp_path / "broken")
    (start,) = build_networks(config, LSP)[:1]
    run_training(config, whole, progress=False)
    run_training(config, broken, progress=False, stop_at=3)
    resume(config, broken)
    assert_same_runs(broken, whole)
    frozen = ("backbone.stages.stem.", "backbone.stages.layer1.")
    begun, state = start.state_dict(), checkpoint.load(whole.last)["method"]
    networks = {key.rpartition("head.weight")[0] for key in state if key.endswith("head.weight")}
    assert len(networks) == 2
    for prefix in networks:
        stay = {key for key, value in begun.items() if torch.equal(value, state[prefix + key])}
        assert {key for key in begun if key.startswith(frozen)} <= stay
        assert "head.weight" not in stay and "backbone.stages.layer2.0.0.conv1.weight" not in stay


def test_what_was_learnt_stays_where_its_evaluation_fails(cache, run, monkeypatch) -> None:
    def fail(self: train.Training) -> dict[str, float]:
        raise UserError("these labels cannot be measured by")

    monkeypatch.setattr(train.Training, "_evaluate", fail)
    with pytest.raises(UserError, match="cannot be measured"):
        trained(tiny(cache, "supervised"), run)
    assert 0 < checkpoint.load(run.last)["progress"]["step"] < STEPS, "at the first evaluation"


def test_a_signal_after_the_last_step_is_known_until_the_next_run(cache, tmp_path, monkeypatch) -> None:
    config = replace(tiny(cache, "supervised"), steps=1)
    evaluated = train.Training._evaluate

    def asked(self):
        os.kill(os.getpid(), signal.SIGINT)
        return evaluated(self)

    with monkeypatch.context() as patch:
        patch.setattr(train.Training, "_evaluate", asked)
        trained(config, RunDir.create(tmp_path / "a"))
        assert Interruption.late
    trained(config, RunDir.create(tmp_path / "b"))
    assert not Interruption.late
