"""What is measured leaves no trace, what is taken is what runs and is gone on with, and what stays in 32 bits."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from semipose.config import Config
from semipose.draws import Draws
from semipose.errors import UsageError, UserError
from semipose.methods import METHODS, needs, target
from semipose.models import checkpoint, precision
from semipose.models.pose import SimpleBaseline
from semipose.models.precision import BF16, CLEARLY, FP32, autocast
from semipose.options import check_limits
from semipose.target import Target
from semipose.training.launch import launch
from semipose.training.loop import Training, run_training
from semipose.training.precision import Precision, _learn, choose
from semipose.training.rundir import RunDir
from tests.fixtures.runs import STEPS, assert_same_runs, metrics, resume, tiny, untrained

CPU = torch.device("cpu")


def taking(monkeypatch: pytest.MonkeyPatch, learning: str, teaching: str) -> None:
    """Have the passes that learn, and those that teach, be twice as fast in one precision."""
    fastest = {_learn: learning, precision.predict_pass: teaching}
    timed = precision._timed

    def stub(run: precision.Pass, network: nn.Module, image: Tensor, name: str) -> float:
        timed(run, network, image, name)
        return 0.1 if name == fastest[run] else 0.2

    monkeypatch.setattr(precision, "_timed", stub)


def ready(cache: Path, folder: Path, method: str, peer: dict[str, object] | None = None, **changes: object) -> Training:
    """A run that has not begun."""
    config = replace(tiny(cache, method, **changes), peer=peer or {})
    if needs(method).teacher:
        teacher = str(untrained(folder / "teacher", "supervised"))
        config = replace(config, method=replace(config.method, teacher=teacher))  # type: ignore[call-arg]
    return Training(config, RunDir.create(folder / "run"), launch(config), progress=False)


@pytest.mark.parametrize("seconds", [CLEARLY - 0.01, CLEARLY + 0.01])
def test_bf16_is_taken_where_clearly_faster(seconds: float, cache: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    run = ready(cache, tmp_path, "single")
    monkeypatch.setattr(precision, "_timed", lambda *arguments: seconds if arguments[-1] == BF16 else 1.0)
    chosen = choose(run.method, 4, 4, CPU, say=True)
    assert chosen.learning == chosen.teaching == (BF16 if seconds < CLEARLY else FP32)
    times = f"(32-true 1 s, bf16-mixed {seconds:.2f} s)"
    line = f"precision: learning in {chosen.learning} {times}, teaching in {chosen.teaching} {times}\n"
    assert capsys.readouterr().err == line


@pytest.mark.slow
def test_what_is_timed(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The larger batch learns, the unlabelled one teaches; one network of each architecture, in its own mode."""
    passes: list[tuple[str, bool, int, str]] = []

    def stub(run: precision.Pass, network: nn.Module, image: Tensor, name: str) -> float:
        passes.append((run.__name__, network.training, len(image), name))
        return 1.0

    monkeypatch.setattr(precision, "_timed", stub)
    turns, names = 1 + precision.TURNS, (FP32, BF16)
    for method, trains in (("dual", True), ("mean_teacher", True), ("eman", False), ("pseudopose", False)):
        passes.clear()
        choose(ready(cache, tmp_path / method, method).method, 3, 2, CPU)
        learning = [("_learn", True, 3, name) for name in names] * turns
        assert passes == learning + [("predict_pass", trains, 2, name) for name in names] * turns
    passes.clear()
    chosen = choose(ready(cache, tmp_path / "supervised", "supervised").method, 3, 0, CPU)
    assert {each[0] for each in passes} == {"_learn"} and set(chosen.seconds) == {"learning"}


def test_two_architectures_are_timed_together(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = ready(cache, tmp_path, "dual", peer={"deconv": [4, 4, 4]})
    monkeypatch.setattr(precision, "_timed", lambda *arguments: 1.0)
    assert choose(run.method, 3, 2, CPU).seconds["learning"] == {FP32: 2.0, BF16: 2.0}


@pytest.mark.parametrize("method", ["dual", "mean_teacher", "pseudopose"])
def test_measuring_leaves_no_trace(method: str, cache: Path, tmp_path: Path) -> None:
    run = ready(cache, tmp_path, method)
    before = {key: value.clone() for key, value in run.method.state_dict().items()}
    modes, random = [module.training for module in run.method.modules()], torch.get_rng_state()
    chosen = choose(run.method, 4, 4, CPU)
    assert all(value > 0 for each in chosen.seconds.values() for value in each.values())
    assert all(torch.equal(value, before[key]) for key, value in run.method.state_dict().items())
    assert modes == [module.training for module in run.method.modules()]
    assert torch.equal(random, torch.get_rng_state()) and all(p.grad is None for p in run.method.parameters())
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.slow
@pytest.mark.parametrize("name", [FP32, BF16])
def test_a_run_is_as_one_that_was_asked_for_what_it_took(name: str, cache: Path, tmp_path: Path, monkeypatch) -> None:
    taking(monkeypatch, name, name)
    auto, asked = (RunDir.create(tmp_path / each) for each in ("auto", "asked"))
    summary = run_training(tiny(cache, "dual", precision="auto"), auto, progress=False)
    assert "precision" not in run_training(tiny(cache, "dual", precision=name), asked, progress=False)
    assert_same_runs(auto, asked)
    assert (summary["precision"]["learning"], summary["precision"]["teaching"]) == (name, name)


@pytest.mark.slow
def test_a_resumed_run_takes_the_same_again(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tiny(cache, "single", precision="auto")
    whole, parts = (RunDir.create(tmp_path / each) for each in ("whole", "parts"))
    taking(monkeypatch, FP32, BF16)
    summary = run_training(config, whole, progress=False)
    run_training(config, parts, progress=False, stop_at=STEPS // 2 + 1)
    saved = checkpoint.load(parts.last)["precision"]
    assert saved == asdict(Precision(FP32, BF16, summary["precision"]["seconds"]))
    assert saved["seconds"]["learning"] == pytest.approx({FP32: 0.1, BF16: 0.2})
    monkeypatch.setattr(precision, "_timed", None)  # it would fail if anything were measured
    resume(config, parts)
    assert_same_runs(whole, parts)
    assert json.loads((parts.path / "summary.json").read_text())["precision"] == saved
    with pytest.raises(UserError, match="cannot be resumed exactly: precision: auto -> 32-true"):
        resume(replace(config, precision=FP32), parts)


@pytest.mark.parametrize("method", [name for name in METHODS if name not in ("naive", "undetached")])
@pytest.mark.parametrize("taken", [(FP32, BF16), (BF16, FP32)])
def test_students_and_teachers_each_run_in_their_own(taken, method: str, cache: Path, tmp_path: Path) -> None:
    run = ready(cache, tmp_path, method, steps=1)
    run.precision = Precision(*taken)
    passes: list[tuple[bool, bool]] = []
    for network in (module for module in run.method.modules() if isinstance(module, SimpleBaseline)):
        network.head.register_forward_hook(
            lambda *_: passes.append((torch.is_grad_enabled(), torch.is_autocast_enabled("cpu")))
        )
    with run.precision.around(CPU):
        run.wrapped(draws=Draws(0), **run.batches[0])
    assert (True, taken[0] == BF16) in passes and set(passes) <= {(True, taken[0] == BF16), (False, taken[1] == BF16)}
    assert ((False, taken[1] == BF16) in passes) == (method not in ("supervised", "dense_contrast"))


@pytest.mark.parametrize("method", ["single", "dual", "denoise_select", "pose_mum_plus", "datadistill"])
def test_targets_losses_and_gradients_have_32_bits(method: str, cache: Path, tmp_path: Path, monkeypatch) -> None:
    run = ready(cache, tmp_path, method, precision="bf16-mixed", steps=1)
    seen: list[tuple[Target, Tensor]] = []
    mse = target.mse
    monkeypatch.setattr(target, "mse", lambda predicted, of: (seen.append((of, predicted)), mse(predicted, of))[1])
    with run.precision.around(CPU):
        outcome = run.wrapped(draws=Draws(0), **run.batches[0])
    outcome.total.backward()
    told = [value for of, predicted in seen for value in (of.heatmaps, of.weight, of.confidence, predicted)]
    told += [of.frame.image for of, _ in seen]
    told += [*outcome.losses.values(), *outcome.measures.values(), *run.method.state_dict().values()]
    told += [p.grad for p in run.method.parameters() if p.grad is not None]
    assert len(seen) >= 2 and {value.dtype for value in told if value.is_floating_point()} == {torch.float32}


def test_a_teacher_s_pass_before_takes_no_student_s_gradient(cache: Path, tmp_path: Path) -> None:
    """Autocast keeps the weights' copies in bf16, which have no gradient where they were made without."""
    gradients = []
    for chosen in (Precision(BF16, BF16), Precision()):
        run = ready(cache, tmp_path / chosen.learning, "dual", steps=1)
        with chosen.around(CPU):
            run.wrapped(draws=Draws(0), **run.batches[0]).total.backward()
        gradients.append(torch.cat([p.grad.flatten() for p in run.networks[0].parameters() if p.ndim == 4]))
    assert torch.cosine_similarity(*gradients, dim=0) > 0.9


def test_batch_norm_keeps_statistics_of_32_bits() -> None:
    """Of 8,192 values near 100: a sum in bf16 would stop growing at a few hundred times their height."""
    norm = nn.BatchNorm2d(2, momentum=1.0)
    x = (100 + torch.randn(8, 2, 32, 32, generator=torch.Generator().manual_seed(0))).bfloat16()
    with autocast(BF16, CPU):
        out = norm(x)
    exact = x.double().transpose(0, 1).flatten(1)
    assert norm.running_mean is not None and norm.running_mean.dtype == torch.float32
    torch.testing.assert_close(norm.running_mean.double(), exact.mean(1), rtol=1e-6, atol=0)
    torch.testing.assert_close(norm.running_var.double(), exact.var(1), rtol=1e-4, atol=0)
    assert out.float().mean().abs() < 0.01 and abs(out.float().std() - 1) < 0.01


def test_evaluation_has_32_bits(cache: Path, tmp_path: Path) -> None:
    run = ready(cache, tmp_path, "supervised", precision="bf16-mixed", steps=2)
    enabled: list[bool] = []
    run.networks[0].head.register_forward_hook(
        lambda module, *_: None if module.training else enabled.append(torch.is_autocast_enabled("cpu"))
    )
    run.begin()
    run.train(None)
    assert enabled and not any(enabled)
    assert all(0 <= float(row["val/pck"]) <= 1 for row in metrics(run.run) if row.get("val/pck"))


def test_as_a_configuration_names_it() -> None:
    assert Precision.of(BF16) == Precision(BF16, BF16) and Precision.of(FP32) == Precision.of("auto") == Precision()
    assert str(Precision.of(BF16)) == "precision: bf16-mixed"
    with pytest.raises(UsageError, match=r"precision is '16-mixed'; it can be 32-true, bf16-mixed, auto"):
        check_limits(Config(precision="16-mixed"))
