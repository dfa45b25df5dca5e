"""The loop: one plain pass over the steps that runs any method, on Lightning Fabric."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from semipose.config.resolve import resolve
from semipose.config.schema import FREE, Config, ModelConfig, differences, learns_unlabeled, to_dict
from semipose.data.checks.symmetry import side_doubts
from semipose.data.crops.build import Crops
from semipose.data.crops.store import images_of
from semipose.data.datasets import Sets, cut, open_sets
from semipose.data.extent import boxes_of
from semipose.data.windows import windows
from semipose.draws import Draws
from semipose.errors import UserError, boundary
from semipose.geometry import Size, View, move
from semipose.heatmap import DECODERS, FLIP_TESTS, decoder
from semipose.inference.boxes import finder_in
from semipose.inference.coverage import bars_of
from semipose.inference.evaluation import columns, predict_crops, prediction_file, score_crops
from semipose.memory import return_freed_memory
from semipose.methods import build_method, needs
from semipose.methods.base import Method, Options, Outcome, unmirrored
from semipose.methods.target import Codec, Labeled
from semipose.methods.video import VideoLosses
from semipose.metrics import pseudo
from semipose.models import checkpoint
from semipose.models.error_bars import ErrorBars
from semipose.models.weights import save_model
from semipose.options import check_limits
from semipose.provenance import commit, machine
from semipose.signals import Interruption, Stopped
from semipose.skeleton import Skeleton
from semipose.training.average import Averages
from semipose.training.boards import Boards
from semipose.training.launch import check_batches, launch, mean_over_ranks, together
from semipose.training.monitor import CollapseMonitor
from semipose.training.networks import build_networks, model_configs, trained_teachers
from semipose.training.norm import estimate_norm, over_ranks
from semipose.training.optim import Guard, build_optimizer, copy_state, learning_rate, not_finite, set_rates
from semipose.training.precision import Precision, choose
from semipose.training.progress import Progress
from semipose.training.pseudo import hold_back, measure, told_once
from semipose.training.rundir import MetricsFile, RunDir
from semipose.training.stream import Batches, Share, loading
from semipose.training.video import check_losses, video_losses


@dataclass
class RunState:
    """What a run has come to: everything a checkpoint holds beside weights and optimiser."""

    step: int = 0
    seconds: float = 0.0
    best: float = -1.0
    window: dict[str, float] = field(default_factory=dict)
    window_steps: int = 0
    warnings: list[str] = field(default_factory=list)


def run_training(
    config: Config,
    run: RunDir,
    resume: Path | None = None,
    init_from: Sequence[Path] = (),
    progress: bool = True,
    stop_at: int | None = None,
    kind: Callable[..., Training] | None = None,
) -> dict[str, Any]:
    """Train as `config` says, into `run`; returns the content of summary.json, in the first process.

    Args:
        resume: a checkpoint to continue exactly.
        init_from: weights to start the networks from, one for each or one for all.
        stop_at: save and return after this step, as after SIGTERM.
        kind: `Training`, or one that learns something else (`semipose.training.find`).

    Raises:
        UserError: data, configuration or checkpoint do not fit, the run folder holds another run or is in use, a
            loading process failed, a loss was not finite, or another process of several is gone.
        Stopped: after SIGINT or SIGTERM, with the checkpoint saved.
    """
    saved = checkpoint.load(resume) if resume else None
    fabric = launch(config)
    with together(fabric.world_size, run.last):
        path = fabric.broadcast(run.path)
    run = run if fabric.is_global_zero else RunDir(path)
    with run.lock() if fabric.is_global_zero else contextlib.nullcontext(), together(fabric.world_size, run.last):
        training = (kind or Training)(config, run, fabric, progress, init_from)
        if saved is not None:
            with boundary(resume, "a checkpoint of this run"):
                training.restore(saved)
        else:
            training.begin()
        return training.train(stop_at)


class OnCrops(nn.Module):
    """A method fed with the loader's tensors, which is what Fabric can move and cast."""

    def __init__(self, method: Method, size: Size, beside: VideoLosses | None = None) -> None:
        super().__init__()
        self.method, self.size, self.beside = method, size, beside

    def forward(
        self,
        labeled: Tensor,
        keypoints: Tensor,
        draws: Draws,
        unlabeled: Tensor | None = None,
        to_crop: Tensor | None = None,
        told: Tensor | None = None,
        alone: bool = False,
    ) -> Outcome:
        """Crops (B, Hs, Ws, 3) uint8 and keypoints (B, K, 3) in their pixels; of windows of frames also the matrices
        (B, 3, 3) from image to crop pixels; `told` as in `View`. With the method `alone`, without losses beside it."""
        view = View.of(labeled, self.size)
        xy = move(view.base, keypoints[..., :2])
        known = Labeled(view, torch.cat([xy, keypoints[..., 2:]], -1))
        others = None if unlabeled is None else replace(View.of(unlabeled, self.size), told=told)
        outcome: Outcome = self.method(known, others, draws)
        if self.beside is None or others is None or alone:
            return outcome
        return Outcome({**outcome.losses, **self.beside(self.method, others, to_crop, draws)}, outcome.measures)


class Training:
    """A run in memory."""

    def __init__(
        self, config: Config, run: RunDir, fabric: Fabric, progress: bool, init_from: Sequence[Path] = ()
    ) -> None:
        self.config, self.run, self.fabric, self.show = config, run, fabric, progress and fabric.is_global_zero
        check_limits(config)
        wants = needs(config.method.name)
        self.twins = wants.twins
        self.share = Share(fabric.global_rank, fabric.world_size)
        self.models = model_configs(config)
        if config.decode not in DECODERS:
            raise UserError(f"decode is {config.decode!r}; it can be {', '.join(DECODERS)}")
        if config.flip_test not in FLIP_TESTS:
            raise UserError(f"flip_test is {config.flip_test!r}; it can be {', '.join(FLIP_TESTS)}")
        sizes = (config.optim.batch, config.optim.unlabeled_batch or config.optim.batch)
        check_batches(config, self.share.world)
        self.state = RunState()
        if learns_unlabeled(config):
            check_losses(config)
        self.sets = self._open()
        self.networks = build_networks(config, self.skeleton, init_from, self.show)
        codec = Codec(self.networks[0].stride, config.model.sigma, torch.tensor(self.skeleton.flip))
        self.method = self._method(codec)
        # What does not fit is refused by now, before an image is read.
        labeled = cut(self.sets.labeled, config, True, self.show)
        unlabeled = cut(self.sets.unlabeled, config, True, self.show)
        self.val = cut(self.sets.val, config, False, self.show)
        return_freed_memory()
        cuts = {"labeled": labeled, "unlabeled": unlabeled, "val": self.val}
        self.strays = {use: crops.stray() for use, crops in cuts.items() if crops is not None}
        self.contents = {use: torch.from_numpy(crops.contents) for use, crops in cuts.items() if crops is not None}
        window = config.data.window
        frames = windows(unlabeled.data, window) if unlabeled is not None and window > 1 else None
        self.batches = Batches(labeled, unlabeled, *sizes, config.seed, self.share, frames)  # type: ignore[arg-type]
        self.beside = video_losses(config, labeled)  # type: ignore[arg-type]
        size = sizes[1] // self.share.world
        self.held = hold_back(unlabeled, self.sets.held, config.pseudo, size, config.seed)
        self.steps = config.steps or self.batches.steps_of(config.epochs)
        if self.steps < 1:
            raise UserError(f"steps is {config.steps} and epochs {config.epochs}: there is nothing to train")
        self.burn_in = round(getattr(config.method, "burn_in", 0) * self.steps)
        self.alone = max(self.burn_in, round(config.losses.after * self.steps)) if config.losses.used else 0
        self.parameters = [*self.method.parameters()]
        optimizer = build_optimizer(config.optim, self.method)
        self.wrapped, self.optimizer = fabric.setup(OnCrops(self.method, self.networks[0].size, self.beside), optimizer)
        self.averages = Averages(self.networks, config.optim.average) if config.optim.average else None
        self.guard = Guard(self.optimizer.optimizer, late=fabric.device.type == "cuda")
        self.precision = Precision.of(config.precision)
        self.monitor = CollapseMonitor()
        self.window: dict[str, Tensor] = {}
        self.table: MetricsFile | None = None
        self.scores: dict[str, Any] | None = None
        self.quality: dict[str, Any] | None = None
        self.guarded: dict[str, Any] | None = None
        self.error_bars: dict[str, ErrorBars | None] = {}

    @property
    def skeleton(self) -> Skeleton:
        """Of what the networks predict."""
        return self.sets.skeleton

    def _open(self) -> Sets:
        """What is learnt from, and validation."""
        return open_sets(self.config.data, learns_unlabeled(self.config), finder_in(self.run.path))

    def _method(self, codec: Codec) -> Method:
        """What the networks learn by."""
        teachers = trained_teachers(self.config, self.skeleton, self.networks[0])
        return build_method(self._sided(), [*self.networks, *teachers], codec)

    def _sided(self) -> Options:
        """The method's options, without mirrored views where nobody knows which joints are left and right."""
        method = self.config.method
        doubts = side_doubts(self.sets.labeled, self.config.data.skeleton)
        if not doubts or unmirrored(method) == method:
            return method
        more = f" (and {len(doubts) - 1} more)" if len(doubts) > 1 else ""
        note = f"no mirrored pictures: {doubts[0]}{more}; name the pairs with data.skeleton, pairs ([] for none)"
        self._note(note)
        return unmirrored(method)

    def _note(self, note: str) -> None:
        """Say something about the data, and keep it."""
        self.state.warnings.append(note)
        if self.fabric.is_global_zero:
            print(f"semipose train: {note}", file=sys.stderr)

    @property
    def evaluated(self) -> Sequence[nn.Module]:
        """What is scored and saved of the networks: themselves, or their averages."""
        return self.networks if self.averages is None else self.averages.networks

    @property
    def named(self) -> dict[str, nn.Module]:
        """The networks that are a result, by name: without helpers and twins."""
        results = len(self.networks) - self.twins - needs(self.config.method.name).helpers
        return dict(zip(Method.names, self.evaluated[:results], strict=False))

    def begin(self) -> None:
        """Start at the first step; refuses labelled and validation samples whose boxes are not in their images."""
        for use, stray in self.strays.items():
            if stray and use == "unlabeled":
                self._note(f"{stray}; they teach nothing")
            elif stray:
                raise UserError(f"{stray}; mend or remove them, or set data.boxes=labels; semipose check names them")
        if joints := self.sets.labeled.never_labeled():
            self._note(f"never labelled, so not learnt: {', '.join(joints)}")
        if self.fabric.is_global_zero:
            if (self.run.path / "config.yaml").exists():
                raise UserError(f"{self.run.path} holds a run already; go on with --resume {self.run.path}")
            self.run.write_yaml("config.yaml", to_dict(self.config))
            self.run.write_json("split.json", self.sets.manifest())
            self.run.begun()
        if self.config.precision == "auto":
            world, unlabeled = (
                self.share.world,
                self.batches.unlabeled_batch if self.batches.unlabeled is not None else 0,
            )
            sizes = (self.batches.batch // world, unlabeled // world)
            self.precision = choose(self.method, *sizes, self.fabric.device, world, self.show)

    def restore(self, saved: dict[str, Any]) -> None:
        """Start where a checkpoint was saved; refuses one of another configuration, data or number of processes."""
        begun = to_dict(resolve(Config(), saved["config"]))  # with the defaults of settings that are newer than it
        changed = [d for d in differences(begun, to_dict(self.config)) if d.split(":")[0] not in FREE]
        if saved["data"] != self.sets.hash:
            changed.append("data: other samples or labels than the run began with")
        else:
            changed += self._other_pixels(saved.get("contents", {}))
        if saved["skeleton"] != self.sets.skeleton.to_dict():
            changed.append("data: another skeleton")
        if saved["world"] != self.share.world:
            changed.append(f"processes: {saved['world']} -> {self.share.world}")
        if changed:
            reasons = "; ".join(changed)
            raise UserError(f"{self.run.path} cannot be resumed exactly: {reasons}; use --init-from for a new run")
        fresh = {"progress": asdict(RunState()), "monitor": asdict(self.monitor), "method": self.method.state_dict()}
        fresh["optimizer"] = self.optimizer.optimizer.state_dict()
        if self.averages is not None:
            fresh["average"] = self.averages.state_dict()
        checkpoint.refuse_unlike({key: saved[key] for key in fresh}, fresh, f"{self.run.path}: the checkpoint")
        self.method.load_state_dict(saved["method"])
        self.optimizer.optimizer.load_state_dict(saved["optimizer"])
        if self.averages is not None:
            self.averages.load_state_dict(saved["average"])
        self.state, self.monitor = RunState(**saved["progress"]), CollapseMonitor(**saved["monitor"])
        self.precision = Precision(**saved.get("precision", asdict(self.precision)))
        device = self.fabric.device
        self.window = {name: torch.tensor(value, device=device) for name, value in self.state.window.items()}

    def _other_pixels(self, contents: dict[str, Tensor]) -> list[str]:
        """What is said of each set whose images are other ones than a checkpoint knows, the first by name. Older
        checkpoints know of none."""
        said = []
        for use, before in contents.items():
            other = (before != self.contents[use]).any(1).nonzero()[:, 0].tolist()
            if other:
                image = images_of(getattr(self.sets, use))[0][other[0]]
                said.append(f"data: {len(other)} images of {use} have another content, first {image}")
        return said

    def train(self, stop_at: int | None) -> dict[str, Any]:
        """From the step it stands at to the last, or to `stop_at`."""
        if self.fabric.is_global_zero:
            self.table = MetricsFile(self.run.metrics, self.state.step)
            self.boards = Boards(self.run.path, self.state.step)
        stop, pin = min(stop_at or self.steps, self.steps), self.fabric.device.type == "cuda"
        with Interruption() as interruption:
            self._ask_once(interruption)
            with (
                Progress(self.show, self.steps) as bar,
                loading(self.batches, self.state.step, stop, self.config.workers, pin) as incoming,
            ):
                self._loop(incoming, stop, interruption, bar)
        summary = self._finish() if self.state.step == self.steps else {}
        Interruption.late = interruption.asked  # and the loop had no step left to stop after
        return summary

    def _ask_once(self, interruption: Interruption) -> None:
        """What a finished teacher says of the unlabelled images, where it is asked before the first step. One process
        stops at a signal; several, which have to agree, do in the loop."""
        unlabeled, began = self.batches.unlabeled, time.perf_counter()
        if self.method.once is None or unlabeled is None:
            return
        if self.show:
            print(f"semipose train: the teacher is asked about {len(unlabeled):,} images, once", file=sys.stderr)
        with self.precision.around(self.fabric.device):
            refine = decoder(self.config.decode, self.config.model.sigma)
            self.batches.told = told_once(
                self.method,
                unlabeled,
                self.fabric.device,
                self.config.seed,
                refine,
                lambda: interruption.asked and self.share.world == 1,
            )
        self.state.seconds += time.perf_counter() - began
        if self.batches.told is None:
            self._save(False)
            raise Stopped(self.state.step, self.run.last)
        if self.held is not None:
            self.held = replace(self.held, told=self.batches.told[self.held.rows])

    def _loop(
        self, incoming: Iterable[dict[str, Tensor]], stop: int, interruption: Interruption, bar: Progress
    ) -> None:
        config, state = self.config, self.state
        began = time.perf_counter() - state.seconds
        bar.start(state.step)
        self.wrapped.train()
        for step, batch in enumerate(incoming, state.step):
            set_rates(self.optimizer, config.optim, *self._in_schedule(step))
            draws = Draws(config.seed, step, rank=self.share.rank, world=self.share.world, device=self.fabric.device)
            if step < self.burn_in:
                batch = {name: each for name, each in batch.items() if name not in ("unlabeled", "told")}
            with self.precision.around(self.fabric.device), over_ranks(self.share.world):
                outcome = self.wrapped(draws=draws, alone=step < self.alone, **self.fabric.to_device(batch))
            self.optimizer.zero_grad()
            self.fabric.backward(outcome.total)
            self._account(step, outcome, interruption.asked)
            self.optimizer.step()
            self.method.after_step()
            if self.averages is not None:
                self.averages.update(step)
            if self.batches.ends_epoch(step):
                self.method.after_epoch()
            state.step, state.window_steps = step + 1, state.window_steps + 1
            if state.step == self.burn_in:
                for network, copy in self.method.after_burn_in():
                    copy_state(self.optimizer.optimizer, network, copy)
                    if self.averages is not None:
                        self.averages.copy(network, copy)
            state.seconds = time.perf_counter() - began
            log, evaluate, save = (self._due(n) for n in (config.log_every, config.eval_every, config.save_every))
            log |= state.step in (self.burn_in, self.alone)  # a row of metrics.csv is of one kind of step
            save |= state.step == stop
            known = self.guard.read(wait=log or evaluate or save)
            if known.bad is not None:
                raise UserError(_not_finite(known.bad, self.run))
            self._after(log, evaluate, save or known.asked, bar)
            if known.asked and state.step < self.steps:
                self.fabric.barrier()  # what started the processes ends all soon after the first that ends
                raise Stopped(state.step, self.run.last)

    def _in_schedule(self, step: int) -> tuple[int, int]:
        """A step's place in the schedule of the learning rate, and the schedule's length."""
        first = round(self.config.optim.restart * self.steps)
        if not 0 < first < self.steps:
            return step, self.steps
        return (step, first) if step < first else (step - first, self.steps - first)

    def _account(self, step: int, outcome: Outcome, asked: bool) -> None:
        """Adds a step's losses and measures to the window, and tells the guard of it, both as means over all ranks."""
        measured = {**{f"loss/{name}": loss for name, loss in outcome.losses.items()}, **outcome.measures}
        bad = not_finite(outcome.total, self.parameters)
        values = torch.stack([bad, bad.new_full((), asked), *(value.detach().float() for value in measured.values())])
        bad, stop, *means = mean_over_ranks(values, self.share.world).unbind()
        self.guard.watch(step, bad, stop)
        for name, mean in zip(measured, means, strict=True):
            self.window[name] = self.window.get(name, 0) + mean

    def _due(self, every: int) -> bool:
        """Whether what is done after each `every` steps, and after the last, is done now."""
        return self.state.step == self.steps or (every > 0 and self.state.step % every == 0)

    def _after(self, log: bool, evaluate: bool, save: bool, bar: Progress) -> None:
        """What is due after a step: a row of metrics, an evaluation, a checkpoint."""
        state = self.state
        if state.step == self.steps:
            self._estimate_norm()
        row: dict[str, float] = {}
        if log:
            row = {name: float(total) / state.window_steps for name, total in self.window.items()}
            self.window, state.window_steps = {}, 0
        warning = self._watch(row) if log else None
        if evaluate and self.fabric.is_global_zero:
            try:
                row |= self._evaluate()
            except Exception:
                self._save(False)  # what was learnt so far stays
                raise
        if row and self.table is not None:
            rate = learning_rate(self.config.optim, *self._in_schedule(state.step - 1))
            whole = {"step": state.step, "seconds": round(state.seconds, 3), "lr": rate, **row}
            self.table.add(whole)
            self.boards.add(whole)
        bar.advance(state.step, row)
        better = row.get("val/pck", -1.0) > state.best
        if better:
            state.best = row["val/pck"]
        stops = warning is not None and self.config.stop_on_collapse
        if self.fabric.is_global_zero and (save or better or stops):
            self._save(better)
        if stops:
            self.fabric.barrier()
            raise UserError(f"stopped at step {state.step} (stop_on_collapse), saved to {self.run.last}: {warning}")

    def _watch(self, row: dict[str, float]) -> str | None:
        if "response/student" not in row:
            return None
        warning = self.monitor.update(row["response/labeled"], row["response/student"])
        if warning:
            self.state.warnings.append(f"step {self.state.step}: {warning}")
            self.fabric.print(f"warning: step {self.state.step}: {warning}")
        return warning

    def _estimate_norm(self) -> None:
        """Batch norm's statistics from unlabelled images in the easy view, where the run asks for it."""
        config, device, size = self.config, self.fabric.device, self.networks[0].size
        if not config.norm_batches or self.batches.unlabeled is None:
            return

        def images(number: int) -> Tensor:
            view = View.of(self.batches[number]["unlabeled"].to(device), size)
            draws = Draws(config.seed, number, rank=self.share.rank, world=self.share.world, device=device)
            return self.method.easy(view, draws.again("norm")).image

        with self.fabric.autocast(), over_ranks(self.share.world):
            estimate_norm(self.evaluated, map(images, range(config.norm_batches)))

    def _evaluate(self) -> dict[str, float]:
        """Score what the networks predict and what the method teaches with; the columns of both."""
        row: dict[str, float] = {}
        if self.val is not None:
            row |= columns(self._validate(self.val))
            row |= {"val/pck_labels": self.guarded["labels"]} if self.guarded else {}
        if self.held is not None:
            threshold = self.config.threshold if self.config.measure == "pck" else Config.threshold
            with self.precision.around(self.fabric.device):
                self.quality = measure(self.method, self.held, self.fabric.device, threshold)
            row |= pseudo.columns(self.quality) if self.quality else {}
        return row

    def _validate(self, val: Crops) -> dict[str, Any]:
        """Predict and score the validation set; writes predictions/val.json at the end of the run. Where a twin is
        better then, all of this is the twin's."""
        last = self.state.step == self.steps
        predictions, self.scores = self._scored(self.named, val, last)
        if self.twins and self.state.step > self.burn_in:
            others, scores = self._scored({"a": self.evaluated[-1]}, val, last)
            taught, alone = (each["mean"]["pck"] for each in (self.scores, scores))
            if taught is None or alone is None:
                if UNGUARDED not in self.state.warnings:
                    self.state.warnings.append(UNGUARDED)
            else:
                kept = "labels" if alone > taught else "taught"
                self.guarded = {"kept": kept, "taught": taught, "labels": alone, "images": len(val)}
                if kept == "labels" and last:
                    predictions, self.scores = others, scores
        if last:
            self.error_bars = {name: bars_of(predictions[name], val) for name in self.named}
            predictions = {name: each[..., :3] for name, each in predictions.items()}
            self.run.write_json("predictions/val.json", prediction_file(predictions, val))
        return self.scores

    def _scored(
        self, networks: dict[str, nn.Module], val: Crops, spreads: bool
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Predictions and scores of the validation set; predictions with the heatmaps' `spreads` or without."""
        refine, flip_test = decoder(self.config.decode, self.config.model.sigma), self.config.flip_test
        predictions = predict_crops(networks, val, self.fabric.device, refine, flip_test=flip_test, spreads=spreads)
        points = {name: each[..., :3] for name, each in predictions.items()}
        return predictions, score_crops(points, val, self.config.threshold, self.config.measure)

    def _save(self, best: bool) -> None:
        self.state.window = {name: float(total) for name, total in self.window.items()}
        state = {
            "config": to_dict(self.config),
            "data": self.sets.hash,
            "contents": self.contents,
            "world": self.share.world,
            "progress": asdict(self.state),
            "monitor": asdict(self.monitor),
            "precision": asdict(self.precision),
            "method": self.method.state_dict(),
            "optimizer": self.optimizer.optimizer.state_dict(),
            **({} if self.averages is None else {"average": self.averages.state_dict()}),
            "skeleton": self.sets.skeleton.to_dict(),
        }
        for path in (self.run.last, self.run.best) if best else (self.run.last,):
            checkpoint.save(path, state)

    def _kept(self) -> Iterable[tuple[str, nn.Module, ModelConfig, ErrorBars | None]]:
        """The name of a file, a network, its configuration and error bars; the kept network first, a twin without
        bars."""
        bars = [self.error_bars.get(name) for name in self.named]
        if not self.twins:
            files = ["model" if name == "a" else f"model-{name}" for name in self.named]
            return zip(files, self.evaluated, self.models, bars, strict=False)
        order = (-1, 0) if self.guarded and self.guarded["kept"] == "labels" else (0, -1)
        networks, models = [self.evaluated[i] for i in order], [self.models[i] for i in order]
        return zip(("model", "twin"), networks, models, (*bars, None), strict=True)

    def _finish(self) -> dict[str, Any]:
        if not self.fabric.is_global_zero:
            return {}
        if self.scores is None and self.quality is None:
            self._evaluate()
        for name, network, model, bars in self._kept():
            file, decode = self.run.path / name, self.config.decode
            save_model(file, network, model, self.skeleton, decode=decode, error_bars=bars)
        summary = {
            "method": self.config.method.name,
            "steps": self.state.step,
            "seconds": round(self.state.seconds, 1),
            "labels": len(self.sets.labeled),
            "unlabeled": len(self.sets.unlabeled or ()),
            "val_images": len(self.sets.val or ()),
            "boxes": boxes_of(self.sets.labeled),
            "backbones": [model.backbone for model in self.models],
            "parameters": [sum(p.numel() for p in network.parameters()) for network in self.networks],
            "seed": self.config.seed,
            "commit": commit(),
            "machine": machine(self.fabric.device),
            "warnings": self.state.warnings,
            **({"precision": asdict(self.precision)} if self.config.precision == "auto" else {}),
            "val": self.scores,
            **({} if self.beside is None else {"video_losses": self.beside.about}),
            **({} if self.quality is None else {"pseudo": self.quality}),
            **({} if self.guarded is None else {"guard": self.guarded}),
        }
        self.run.write_json("summary.json", summary)
        return summary


UNGUARDED = (
    "no validation sample has a PCK, by which the better of two networks is kept: what unlabelled images taught is kept"
)
"""Said of a run whose samples have one labelled joint each, or none that the measure's size needs."""


def _not_finite(step: int, run: RunDir) -> str:
    where = f"the last checkpoint is {run.last}" if run.last.exists() else "no checkpoint had been written yet"
    return (
        f"step {step}: the loss or a gradient is not finite; that step's update was not made, and {where}."
        " Lower optim.lr, or look for broken labels with semipose check"
    )
