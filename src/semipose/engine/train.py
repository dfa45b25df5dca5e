"""The loop: one plain pass over the steps that runs any method, on Lightning Fabric."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from semipose.config import Config, differences, to_dict
from semipose.draws import Draws
from semipose.engine import checkpoint
from semipose.engine.evaluate import predict_crops, prediction_file, score_crops
from semipose.engine.monitor import CollapseMonitor
from semipose.engine.optim import Lagging, build_adam, learning_rate, not_finite, skip_if
from semipose.engine.progress import Progress
from semipose.engine.rundir import MetricsFile, RunDir
from semipose.engine.sets import Sets, cut, open_sets
from semipose.engine.signals import Interruption
from semipose.engine.stream import Batches, Share, loader
from semipose.errors import UserError
from semipose.geometry import Size, View, move
from semipose.heatmap import DECODERS
from semipose.methods import NEED_UNLABELED, Codec, Labeled, Method, Outcome, build_method, networks_of
from semipose.models import build_model
from semipose.models.weights import load_weights, save_model
from semipose.provenance import commit, machine

FREE = {"workers", "threads", "save_every", "data.cache"}
"""What may differ between a run and its resumption: nothing of it changes a number."""


@dataclass
class Progressed:
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
    init_from: Path | None = None,
    progress: bool = True,
    stop_at: int | None = None,
) -> dict[str, Any]:
    """Train as `config` says, into `run`; returns the content of summary.json.

    Args:
        resume: a checkpoint to continue exactly.
        init_from: weights to start every network from.
        stop_at: save and return after this step, as after SIGTERM.

    Raises:
        UserError: data, configuration or checkpoint do not fit; a loss that is not finite.
        Interruption.Stopped: after SIGINT or SIGTERM, with the checkpoint saved.
    """
    with run.lock():
        return Training(config, run, progress).start(resume, init_from, stop_at)


class OnCrops(nn.Module):
    """A method fed with the loader's tensors, which is what Fabric can move and cast."""

    def __init__(self, method: Method, size: Size) -> None:
        super().__init__()
        self.method, self.size = method, size

    def forward(self, labeled: Tensor, keypoints: Tensor, draws: Draws, unlabeled: Tensor | None = None) -> Outcome:
        """Crops (B, Hs, Ws, 3) uint8 and keypoints (B, K, 3) in their pixels."""
        view = View.of(labeled, self.size)
        xy = move(view.base, keypoints[..., :2])
        known = Labeled(view, torch.cat([xy, keypoints[..., 2:]], -1))
        return self.method(known, None if unlabeled is None else View.of(unlabeled, self.size), draws)


class Training:
    """A run in memory."""

    def __init__(self, config: Config, run: RunDir, progress: bool) -> None:
        self.config, self.run, self.show = config, run, progress
        if config.threads:
            torch.set_num_threads(config.threads)
        count = networks_of(config.method)
        if config.decode not in DECODERS:
            raise UserError(f"decode is {config.decode!r}; it can be {', '.join(DECODERS)}")
        self.fabric = Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.num_nodes,
            precision=config.precision,  # type: ignore[arg-type]
            strategy=config.strategy,
        )
        self.fabric.launch()
        self.share = Share(self.fabric.global_rank, self.fabric.world_size)
        self.sets: Sets = open_sets(config.data, config.method.name in NEED_UNLABELED)
        self.labeled = cut(self.sets.labeled, config, True, progress)
        self.unlabeled = cut(self.sets.unlabeled, config, True, progress)
        self.val = cut(self.sets.val, config, False, progress)
        self.networks = [build_model(config.model, len(self.sets.skeleton), config.seed * 10 + i) for i in range(count)]
        codec = Codec(self.networks[0].stride, config.model.sigma, torch.tensor(self.sets.skeleton.flip))
        self.method: Method = build_method(config.method, self.networks, codec)
        self.steps = config.steps or self._steps_of_epochs()
        self.state = Progressed()
        self.monitor = CollapseMonitor()

    def _steps_of_epochs(self) -> int:
        batch = self.config.optim.batch
        per_step = (self.config.optim.unlabeled_batch or batch) if self.unlabeled is not None else batch
        return -(-self.config.epochs * len(self.unlabeled or self.labeled) // per_step)  # type: ignore[arg-type]

    @property
    def named(self) -> dict[str, nn.Module]:
        """The networks by name."""
        return dict(zip(Method.names, self.networks, strict=False))

    def start(self, resume: Path | None, init_from: Path | None, stop_at: int | None) -> dict[str, Any]:
        """From the first step or the checkpoint's to the last."""
        if init_from is not None:
            for network in self.networks:
                load_weights(network, init_from)
        optimizer = build_adam(self.config.optim, self.method.parameters())
        method, optimizer = self.fabric.setup(OnCrops(self.method, self.networks[0].size), optimizer)
        if resume is not None:
            self._restore(resume, optimizer)
        elif self.fabric.is_global_zero:
            self.run.write_yaml("config.yaml", to_dict(self.config))
            self.run.write_json("split.json", self.sets.manifest())
        self.table = MetricsFile(self.run.metrics, self.state.step) if self.fabric.is_global_zero else None
        with Interruption() as interruption, Progress(self.show and self.fabric.is_global_zero, self.steps) as bar:
            self._loop(method, optimizer, interruption, bar, min(stop_at or self.steps, self.steps))
        return self._finish() if self.state.step == self.steps else {}

    def _loop(self, method: Any, optimizer: Any, interruption: Interruption, bar: Progress, stop: int) -> None:
        config, state, device = self.config, self.state, self.fabric.device
        sizes = (config.optim.batch, config.optim.unlabeled_batch or config.optim.batch)
        batches = Batches(self.labeled, self.unlabeled, *sizes, config.seed, self.share)  # type: ignore[arg-type]
        incoming = loader(batches, state.step, stop, config.workers, pin=device.type == "cuda")
        window = {name: torch.tensor(value, device=device) for name, value in state.window.items()}
        bad, began = Lagging(), time.perf_counter() - state.seconds
        bar.start(state.step)
        method.train()
        for step, batch in enumerate(incoming, state.step):
            batch = self.fabric.to_device(batch)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(config.optim, step, self.steps)
            draws = Draws(config.seed, step, rank=self.share.rank, world=self.share.world, device=device)
            outcome = method(draws=draws, **batch)
            optimizer.zero_grad()
            self.fabric.backward(outcome.total)
            flag = not_finite(outcome.total, self.method.parameters())
            skip_if(optimizer.optimizer, flag)
            optimizer.step()
            self.method.after_step()
            if bad.read(flag):
                raise UserError(_not_finite(step, self.run))
            measured = {**{f"loss/{k}": v for k, v in outcome.losses.items()}, **outcome.measures}
            for name, value in measured.items():
                window[name] = window.get(name, 0) + value.detach()
            state.step, state.window_steps = step + 1, state.window_steps + 1
            state.seconds = time.perf_counter() - began
            self._after(window, optimizer, bar)
            if self._interrupted(interruption) or state.step == stop < self.steps:
                self._save(window, optimizer)
                interruption.stop(self.run.last, state.step)
                return
        self._save(window, optimizer)

    def _after(self, window: dict[str, Tensor], optimizer: Any, bar: Progress) -> None:
        """What is due after a step: a row of metrics, an evaluation, a checkpoint."""
        config, state = self.config, self.state
        evaluate = state.step == self.steps or (config.eval_every and state.step % config.eval_every == 0)
        row: dict[str, Any] = {}
        if state.step % config.log_every == 0 or state.step == self.steps:
            row = {name: float(value) / state.window_steps for name, value in window.items()}
            window.clear()
            state.window_steps = 0
            self._watch(row)
        if evaluate and self.val is not None and self.fabric.is_global_zero:
            scores = self.evaluate()
            row |= {"val/pck": scores["mean"]["pck"]}
            row |= {f"val/pck_{name}": each["pck"] for name, each in scores["networks"].items()}
            if "ensemble" in scores:
                row["val/pck_ensemble"] = scores["ensemble"]["pck"]
        if row and self.table is not None:
            rate = learning_rate(config.optim, state.step - 1, self.steps)
            self.table.add({"step": state.step, "seconds": round(state.seconds, 3), "lr": rate, **row})
        bar.advance(state.step, row)
        better = row.get("val/pck", -1.0) > state.best
        if better:
            state.best = row["val/pck"]
        if better or (state.step % config.save_every == 0 and state.step < self.steps):
            self._save(window, optimizer, best=better)

    def _watch(self, row: dict[str, Any]) -> None:
        if "response/student" not in row:
            return
        warning = self.monitor.update(row["response/labeled"], row["response/student"])
        if warning:
            self.state.warnings.append(f"step {self.state.step}: {warning}")
            self.fabric.print(f"warning: step {self.state.step}: {warning}")
            if self.config.stop_on_collapse:
                raise UserError(f"stopped at step {self.state.step} (stop_on_collapse): {warning}")

    def evaluate(self) -> dict[str, Any]:
        """Predict and score the validation set; writes predictions/val.json at the end of the run."""
        assert self.val is not None
        predictions = predict_crops(self.named, self.val, self.fabric.device, DECODERS[self.config.decode])
        self.scores = score_crops(predictions, self.val, self.config.threshold)
        if self.state.step == self.steps:
            self.run.write_json("predictions/val.json", prediction_file(predictions, self.val))
        return self.scores

    def _interrupted(self, interruption: Interruption) -> bool:
        if self.share.world == 1:
            return interruption.asked
        asked = torch.tensor(float(interruption.asked), device=self.fabric.device)
        return bool(self.fabric.all_reduce(asked, reduce_op="sum") > 0)

    def _save(self, window: dict[str, Tensor], optimizer: Any, best: bool = False) -> None:
        self.state.window = {name: float(value) for name, value in window.items()}
        if self.fabric.is_global_zero:
            state = {
                "config": to_dict(self.config),
                "data": self.sets.hash,
                "world": self.share.world,
                "progress": asdict(self.state),
                "monitor": asdict(self.monitor),
                "method": self.method.state_dict(),
                "optimizer": optimizer.optimizer.state_dict(),
                "skeleton": self.sets.skeleton.to_dict(),
            }
            for path in (self.run.last, self.run.best) if best else (self.run.last,):
                checkpoint.save(path, state)
        self.fabric.barrier()

    def _restore(self, path: Path, optimizer: Any) -> None:
        state = checkpoint.load(path)
        changed = [d for d in differences(state["config"], to_dict(self.config)) if d.split(":")[0] not in FREE]
        if state["data"] != self.sets.hash:
            changed.append("data: other samples than the run began with")
        if state["world"] != self.share.world:
            changed.append(f"devices: {state['world']} -> {self.share.world}")
        if changed:
            raise UserError(f"{path} cannot be resumed exactly, because of {'; '.join(changed)}; use --init-from for a new run")
        self.method.load_state_dict(state["method"])
        optimizer.optimizer.load_state_dict(state["optimizer"])
        self.state = Progressed(**state["progress"])
        self.monitor = CollapseMonitor(**state["monitor"])

    def _finish(self) -> dict[str, Any]:
        if not self.fabric.is_global_zero:
            return {}
        for name, network in self.named.items():
            suffix = "" if name == "a" else f"-{name}"
            save_model(self.run.path / f"model{suffix}", network, self.config.model, self.sets.skeleton)
        if self.val is not None and not hasattr(self, "scores"):
            self.evaluate()
        summary = {
            "method": self.config.method.name,
            "steps": self.state.step,
            "seconds": round(self.state.seconds, 1),
            "labels": len(self.sets.labeled),
            "unlabeled": len(self.sets.unlabeled or ()),
            "val_images": len(self.sets.val or ()),
            "parameters": [sum(p.numel() for p in network.parameters()) for network in self.networks],
            "seed": self.config.seed,
            "commit": commit(),
            "machine": machine(self.fabric.device),
            "warnings": self.state.warnings,
            "val": getattr(self, "scores", None),
        }
        self.run.write_json("summary.json", summary)
        return summary


def _not_finite(step: int, run: RunDir) -> str:
    where = f"the last checkpoint is {run.last}" if run.last.exists() else "no checkpoint had been written yet"
    return (
        f"step {step}: the loss or a gradient is not finite; that step's update was not made, and {where}."
        " Lower optim.lr, or look for broken labels with semipose check"
    )
