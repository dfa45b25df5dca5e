"""Batch norm's statistics, estimated anew where a training ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from semipose.inference.evaluation import evaluating


@torch.no_grad()
def estimate_norm(networks: Sequence[nn.Module], batches: Iterable[Tensor]) -> None:
    """Running means and variances become the averages over `batches` of images (B, 3, H, W), each weighing the same
    (precise batch norm; Wu and Johnson 2021, "Rethinking Batch in BatchNorm", section 3.1). In training they are those
    of the last ten or so batches, which are few images where batches are small."""
    norms = [m for network in networks for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    usual = [norm.momentum for norm in norms]
    with evaluating(*networks):
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # all batches weigh the same
            norm.train()
        for images in batches:
            for network in networks:
                network(images)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
