"""Training steps of the code that Xie et al. released, on preloaded batches of noise, in an environment of its own.

Its own model, loss, optimiser and `train` run as they are, by its file of settings for PoseDual with Joint Cutout. For
today's libraries and a machine without a GPU, `.cuda()` is no move, and `yaml.load` reads as it did without a loader.
What is tried first, without either, is kept in `notes`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from work import finish, job, reason

SETTINGS = Path("experiments/mix_coco_coco/res18/256x192_COCO1K_PoseDual_JointCutout.yaml")


def configured(asked: dict[str, Any], notes: list[str]) -> Any:
    from core import config as settings

    file = Path(asked["released"]) / SETTINGS
    try:
        settings.update_config(str(file))
    except TypeError as error:
        notes.append(f"core/config.py with PyYAML {yaml.__version__}: {reason(error)}; here the safe loader")
        load = yaml.load
        yaml.load = lambda text, Loader=yaml.SafeLoader: load(text, Loader)
        settings.update_config(str(file))
    config = settings.config
    height, width = asked["size"]
    config.MODEL.IMAGE_SIZE, config.MODEL.EXTRA.HEATMAP_SIZE = np.array([width, height]), np.array([width, height]) // 4
    config.MODEL.NUM_JOINTS, config.TRAIN.BATCH_SIZE, config.MODEL.INIT_WEIGHTS = asked["joints"], asked["batch"], False
    return config


def batches(asked: dict[str, Any], begins: list[float]) -> Iterator[Any]:
    """Labelled and unlabelled images, heatmaps, weights; notes when each is asked for."""
    count, joints, (height, width) = asked["batch"], asked["joints"], asked["size"]
    images = [torch.rand(count, 3, height, width) for _ in range(2)]
    heatmaps = [torch.rand(count, joints, height // 4, width // 4) for _ in range(2)]
    known = [torch.ones(count, joints, 1) for _ in range(2)]
    for _ in range(asked["steps"]):
        begins.append(time.perf_counter())
        yield images, heatmaps, known, [{}, {}]
    begins.append(time.perf_counter())


class Loader:
    """What `train` goes through: it asks for its length too."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked, self.begins = asked, list[float]()

    def __len__(self) -> int:
        return self.asked["steps"]

    def __iter__(self) -> Iterator[Any]:
        return batches(self.asked, self.begins)


def main(asked: dict[str, Any]) -> dict[str, Any]:
    sys.path.insert(0, str(Path(asked["released"]) / "lib"))
    notes = list[str]()
    config = configured(asked, notes)
    import models.pose_dual as model_of
    from core.function import train
    from core.loss import PoseCoLoss
    from utils.utils import get_optimizer

    if not torch.cuda.is_available():
        try:
            torch.zeros(1).cuda()
        except (AssertionError, RuntimeError) as error:
            notes.append(f".cuda(): {reason(error)}; here it moves nothing")
        torch.Tensor.cuda = lambda tensor, *args, **more: tensor
    model = model_of.get_pose_net(config, is_train=True)
    criterion = PoseCoLoss(use_target_weight=config.LOSS.USE_TARGET_WEIGHT, cfg=config)
    loader = Loader(asked)
    optimizer = get_optimizer(config, list(model.parameters()))
    train(config, loader, model, criterion, optimizer, 0, "", "", None)
    seconds = np.diff(loader.begins).tolist()
    return {"step_seconds": [round(each, 4) for each in seconds], "settings": str(SETTINGS), "notes": notes}


if __name__ == "__main__":
    torch.set_num_threads(job()["threads"])
    finish(main(job()))
