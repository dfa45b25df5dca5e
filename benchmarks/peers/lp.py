"""Lightning Pose on given labels, in its own environment: trains, or predicts a video.

Its own converter reads the project of labels, and its own recommender (`litpose recommend`) writes the configuration,
with the answer "top-down view of a freely moving animal". What cannot run on the machine is tried first, and the error
is kept in `notes`. Epochs are as many as fit into the job's minutes, with the marks of the schedule in proportion.
"""

from __future__ import annotations

import dataclasses
import functools
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning_pose import train as training
from lightning_pose.api import Model
from lightning_pose.converters import dlc
from lightning_pose.data import datamodules
from lightning_pose.models.backbones.factory import build_backbone
from lightning_pose.models.heatmap_tracker import HeatmapTracker
from lightning_pose.utils import recommender
from lightning_pose.utils.device import require_cuda_for_semi_supervised
from torch.utils.data import Subset
from work import affordable, finish, job, median_px, reason, scaled, trained

CONVNET = "resnet50"
FALLBACKS = ("resnet50_animal_ap10k", CONVNET)
"""What is tried where the recommended weights cannot be had: config_default.yaml's, and the same network's of
ImageNet; the last also without any."""


class Clock(pl.Callback):
    """Counts the seconds of epochs without evaluations, and scores each evaluation in pixels of the images."""

    def __init__(self) -> None:
        self.seconds, self.steps, self.began = 0.0, 0, 0.0
        self.open = False
        self.epochs: list[float] = []
        self.curve: list[tuple[int, float, float]] = []
        self.shown: list[tuple[torch.Tensor, torch.Tensor]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.began, self.open = time.perf_counter(), True

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._close(trainer)
        self.shown.clear()

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        found, truth = (torch.cat(each).reshape(-1, 2).tolist() for each in zip(*self.shown, strict=True))
        self.curve.append((trainer.global_step, self.seconds, median_px(found, truth)))
        print(*self.curve[-1], flush=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._close(trainer)

    def _close(self, trainer: pl.Trainer) -> None:
        """An epoch ends where its evaluation begins."""
        if self.open:
            self.epochs.append(time.perf_counter() - self.began)
            self.seconds, self.steps, self.open = self.seconds + self.epochs[-1], trainer.global_step, False


def configured(asked: dict[str, Any], project: Path, notes: list[str]) -> Any:
    """The recommended configuration, and what had to be otherwise."""
    analysis = dataclasses.replace(recommender.analyze_dataset(project), n_frames=asked["train"])
    advice = recommender.recommend(analysis, recommender.get_gpu_info(), top_down_freely_moving=True)
    config = recommender.build_config(advice, analysis)
    config.eval.predict_vids_after_training = False
    try:
        require_cuda_for_semi_supervised(config.model.losses_to_use)
    except RuntimeError as error:
        notes.append(f"recommended unsupervised losses {list(config.model.losses_to_use)}: {reason(error)}")
        config.model.losses_to_use = []
    for name in (config.model.backbone, *FALLBACKS):
        try:
            build_backbone(name, image_size=config.data.image_resize_dims.height)
        except Exception as error:  # whatever a download may raise
            notes.append(f"weights of {name}: {reason(error)}")
            continue
        return use(config, name, True)
    return use(config, CONVNET, False)


def use(config: Any, backbone: str, weights: bool) -> Any:
    """With the recommender's optimiser and rate for such a backbone."""
    config.model.backbone, config.model.backbone_pretrained = backbone, weights
    if not backbone.startswith("vit"):
        config.training.optimizer = "Adam"
        config.training.optimizer_params.learning_rate = recommender._CONVNET_LEARNING_RATE
    return config


def fit(config: Any, folder: Path, asked: dict[str, Any], epochs: int, every: int) -> Clock:
    """Train for so many epochs, evaluated after each `every`."""
    config = config.copy()
    default, settings = config.training.max_epochs, config.training
    schedule = settings.lr_scheduler_params.multisteplr
    schedule.milestones = scaled(schedule.milestones, epochs, default)
    settings.unfreezing_epoch = round(settings.unfreezing_epoch * epochs / default)
    settings.min_epochs = settings.max_epochs = epochs
    settings.check_val_every_n_epoch = every
    train, val = asked["train"], asked["val"]
    parts = [range(train), range(train, train + val), range(0)]
    datamodules.random_split = lambda data, sizes, generator: [Subset(data, part) for part in parts]
    clock, own = Clock(), training.get_callbacks
    training.get_callbacks = lambda *args, **more: [*own(*args, **more), clock]
    inputs = HeatmapTracker.get_loss_inputs_labeled

    @functools.wraps(inputs)  # its annotations are read
    def watched(module: HeatmapTracker, batch_dict: Any) -> Any:
        outputs = inputs(module, batch_dict)
        if not module.training:
            clock.shown.append((outputs["keypoints_pred"].detach(), outputs["keypoints_targ"].detach()))
        return outputs

    HeatmapTracker.get_loss_inputs_labeled = watched
    try:
        training.train(config, folder, skip_evaluation=True)
    finally:
        training.get_callbacks, HeatmapTracker.get_loss_inputs_labeled = own, inputs
    return clock


def train(asked: dict[str, Any]) -> dict[str, Any]:
    folder, notes = Path(asked["folder"]), list[str]()
    project = folder / "project"
    if not (project / "CollectedData.csv").exists():
        dlc.convert(Path(asked["project"]), project)
    config = configured(asked, project, notes)
    trial = fit(config, folder / "trial", asked, 3, 3)
    default, evaluations = config.training.max_epochs, asked["evaluations"]
    epochs = affordable(asked["minutes"], sum(trial.epochs[1:]) / len(trial.epochs[1:]), default)
    clock = fit(config, folder / "model", asked, epochs, max(1, epochs // evaluations))
    size, batch = config.data.image_resize_dims, asked["train"] * len(clock.epochs) / clock.steps
    return {
        **trained(clock.curve, clock.steps, clock.seconds, batch),
        "weights": config.model.backbone if config.model.backbone_pretrained else "none",
        "settings": f"litpose recommend, top-down: {config.model.backbone}, {size.width}x{size.height},"
        f" batch {config.training.train_batch_size}, {config.training.optimizer}"
        f" {config.training.optimizer_params.learning_rate}, {config.training.imgaug}; {default} epochs, here {epochs}",
        "notes": notes,
    }


def predict(asked: dict[str, Any]) -> dict[str, Any]:
    """Images a second of a video, the network's loading aside."""
    folder = Path(asked["folder"])
    model = Model.from_dir(Path(asked["model"]) / "model")
    model._load()
    began = time.perf_counter()
    found = model.predict_on_video_file(asked["video"], folder, compute_metrics=False)
    seconds = time.perf_counter() - began
    return {"images": len(found.predictions), "seconds": round(seconds, 3)}


if __name__ == "__main__":
    torch.set_num_threads(job()["threads"])
    finish({"train": train, "predict": predict}[job()["do"]](job()))
