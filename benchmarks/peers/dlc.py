"""DeepLabCut (PyTorch engine) on given labels, in its own environment: trains, or predicts a video.

`create_training_dataset` and `train_network` with their defaults: resnet_50, its pytorch_config.yaml. Where the
backbone's weights cannot be had, the error is kept in `notes` and the network starts from scratch. Epochs are as many
as fit into the job's minutes, with the marks of the schedule in proportion.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import deeplabcut
import deeplabcut.pose_estimation_pytorch as torch_engine
import timm
import torch
import yaml
from deeplabcut.pose_estimation_pytorch.apis import training
from deeplabcut.pose_estimation_pytorch.runners.train import PoseTrainingRunner, TrainingRunner
from work import affordable, finish, job, median_px, reason, scaled, trained

TRIAL, WHOLE = 1, 2
"""The two shuffles."""


class Clock:
    """Counts the seconds of epochs without evaluations, and scores each evaluation in pixels of the images."""

    def __init__(self) -> None:
        self.steps, self.epochs = 0, list[float]()
        self.curve: list[tuple[int, float, float]] = []

    def watch(self) -> None:
        """From now on this clock is told of all training."""
        epoch, score = self.own = (TrainingRunner._epoch, PoseTrainingRunner._compute_epoch_metrics)

        def timed(runner: Any, loader: Any, mode: str = "train", **more: Any) -> float:
            began = time.perf_counter()
            loss = epoch(runner, loader, mode=mode, **more)
            if mode == "train":
                self.epochs.append(time.perf_counter() - began)
                self.steps += len(loader)
            return loss

        def scored(runner: Any) -> Any:
            points = list[tuple[list[float], list[float]]]()
            for name, truth in runner._epoch_ground_truth["bodyparts"].items():
                found = runner._epoch_predictions["bodyparts"][name]
                for place, label in zip(found[0], truth[0], strict=True):
                    if label[2] > 0:
                        points.append((place[:2].tolist(), label[:2].tolist()))
            found, known = (list(each) for each in zip(*points, strict=True))
            self.curve.append((self.steps, sum(self.epochs), median_px(found, known)))
            print(*self.curve[-1], flush=True)
            return score(runner)

        TrainingRunner._epoch, PoseTrainingRunner._compute_epoch_metrics = timed, scored

    def stop(self) -> None:
        TrainingRunner._epoch, PoseTrainingRunner._compute_epoch_metrics = self.own


def prepared(asked: dict[str, Any]) -> Path:
    """The project's config.yaml, with a training dataset of the job's own split, twice."""
    file = Path(asked["project"]) / "config.yaml"
    train, val = asked["train"], asked["val"]
    content = yaml.safe_load(file.read_text())
    more = {"engine": "pytorch", "iteration": 0, "default_net_type": "resnet_50", "default_augmenter": "albumentations"}
    more |= {"TrainingFraction": [round(train / (train + val), 2)], "snapshotindex": -1, "batch_size": 8}
    file.write_text(yaml.safe_dump({**content, **more, "cropping": False}, sort_keys=False))
    if not (file.parent / "training-datasets").exists():
        parts = [list(range(train))] * 2, [list(range(train, train + val))] * 2
        deeplabcut.create_training_dataset(
            str(file), Shuffles=[TRIAL, WHOLE], trainIndices=parts[0], testIndices=parts[1], userfeedback=False
        )
    return file


def weights(loader: Any, notes: list[str]) -> str:
    """What the backbone starts with; from now on nothing, where its weights cannot be had."""
    name = loader.model_cfg["model"]["backbone"]["model_name"]
    try:
        timm.create_model(name, pretrained=True)
    except Exception as error:  # whatever a download may raise
        notes.append(f"weights of {name}: {reason(error)}")
        build = training.PoseModel.build
        training.PoseModel.build = lambda config, weight_init=None, pretrained_backbone=False: build(
            config, weight_init
        )
        return "none"
    return name


def fit(file: Path, shuffle: int, epochs: int, every: int, milestones: list[int]) -> Clock:
    clock = Clock()
    clock.watch()
    changes = {"runner.eval_interval": every, "runner.scheduler.params.milestones": milestones}
    try:
        deeplabcut.train_network(
            str(file), shuffle=shuffle, device="cpu", epochs=epochs, pytorch_cfg_updates=changes, save_epochs=epochs
        )
    finally:
        clock.stop()
    return clock


def train(asked: dict[str, Any]) -> dict[str, Any]:
    file, notes = prepared(asked), list[str]()
    loader = torch_engine.DLCLoader(str(file), shuffle=WHOLE)
    config, begins = loader.model_cfg, weights(loader, notes)
    default = config["train_settings"]["epochs"]
    marks = list(config["runner"]["scheduler"]["params"]["milestones"])
    trial = fit(file, TRIAL, 2, 3, marks)
    epochs = affordable(asked["minutes"], trial.epochs[-1], default)
    clock = fit(file, WHOLE, epochs, max(1, epochs // asked["evaluations"]), scaled(marks, epochs, default))
    crop, optimizer = config["data"]["train"]["crop_sampling"], config["runner"]["optimizer"]
    batch = asked["train"] * len(clock.epochs) / clock.steps
    return {
        **trained(clock.curve, clock.steps, sum(clock.epochs), batch),
        "weights": begins,
        "settings": f"pytorch_config.yaml as created: resnet_50, crops of {crop['width']}x{crop['height']},"
        f" batch {config['train_settings']['batch_size']}, {optimizer['type']} {optimizer['params']['lr']};"
        f" {default} epochs, here {epochs}",
        "notes": notes,
    }


def predict(asked: dict[str, Any]) -> dict[str, Any]:
    """Images a second of a video, the network's loading and all writing aside."""
    loader = torch_engine.DLCLoader(str(Path(asked["project"]) / "config.yaml"), shuffle=WHOLE)
    snapshot = loader.snapshots()[-1].path
    runner = torch_engine.get_pose_inference_runner(loader.model_cfg, snapshot, batch_size=8, device="cpu")
    began = time.perf_counter()
    found = torch_engine.video_inference(asked["video"], runner)
    return {"images": len(found), "seconds": round(time.perf_counter() - began, 3)}


if __name__ == "__main__":
    torch.set_num_threads(job()["threads"])
    finish({"train": train, "predict": predict}[job()["do"]](job()))
