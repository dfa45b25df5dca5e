"""Devices and processes, by Lightning Fabric."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from semipose.config import Config
from semipose.config.schema import learns_unlabeled
from semipose.errors import UserError, reason_of
from semipose.memory import keep_freed_memory
from semipose.methods import needs
from semipose.methods.mix import check_groups
from semipose.training.stream import Share


def launch(config: Config) -> Fabric:
    """Start the processes and devices that `config` asks for. Precision is `precision.py`'s: Fabric's own would round
    what a step is given, keypoints too.

    Raises:
        UserError: there is no such device or strategy, a batch does not divide over the devices, or the processes did
            not meet.
    """
    check_batches(config)  # before as many processes are started
    if config.threads:
        torch.set_num_threads(config.threads)
    try:
        fabric = Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            num_nodes=config.num_nodes,
            strategy=config.strategy,
        )
    except Exception as error:  # Fabric raises a dozen kinds
        asked = f"accelerator={config.accelerator}, devices={config.devices}, strategy={config.strategy}"
        raise UserError(f"cannot train with {asked}: {' '.join(str(error).split())}") from error
    try:
        fabric.launch()
    except RuntimeError as error:
        raise UserError(
            f"the processes of this run did not meet ({reason_of(error)}); see that all are started with the same"
            " address, port and number of nodes, and that devices times num_nodes is how many there are"
        ) from error
    if fabric.device.type == "cpu":
        keep_freed_memory()
    return fabric


def check_batches(config: Config, world: int | None = None) -> None:
    """Whether the batches divide over `world` devices, by default those asked for, and each part into groups of images
    that exchange tiles.

    Raises:
        UserError: they do not.
    """
    world = max(1, config.devices * config.num_nodes) if world is None else world
    semi, every = needs(config.method.name).unlabeled, learns_unlabeled(config)
    sizes = [config.optim.batch, *([config.optim.unlabeled_batch or config.optim.batch] if every else [])]
    for batch in filter(lambda size: size > 0, sizes):  # others are refused by their limits
        Share(0, world).of(batch)
    if group := getattr(config.method, "group" if semi else "mix_labeled", 0):
        check_groups(group, sizes[-1 if semi else 0], world)


LOST = re.compile(r"gloo|NCCL|Connection (closed|reset|refused)|Broken pipe|Timed out waiting|TCPStore", re.IGNORECASE)
"""What is said where a message from another process does not come."""


@contextlib.contextmanager
def together(world: int, last: Path) -> Iterator[None]:
    """Around what several processes do together: where one is gone, the others end with a sentence.

    Args:
        last: the run's newest checkpoint.

    Raises:
        UserError: in place of what the connection to the others raises.
    """
    try:
        yield
    except RuntimeError as error:
        if world == 1 or not (isinstance(error, torch.distributed.DistError) or LOST.search(str(error))):
            raise
        then = f"go on with --resume {last}" if last.exists() else "no checkpoint had been written yet"
        raise UserError(
            f"another of the {world} processes of this run ended, was killed or does not answer, see what it printed;"
            f" {then}"
        ) from error


def mean_over_ranks(values: Tensor, world: int) -> Tensor:
    """The mean over all processes, the same in each. Fabric's own `all_reduce` waits for the device."""
    if world > 1:
        torch.distributed.all_reduce(values)
        values /= world
    return values
