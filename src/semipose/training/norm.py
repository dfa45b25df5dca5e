"""Batch norm over the parts that several processes have of a batch, and its statistics, estimated anew where a training
ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from semipose.inference.evaluation import evaluating
from semipose.models.stages import frozen_in


def over_ranks(world: int) -> contextlib.AbstractContextManager[object]:
    """A block in which batch norm, where it normalises by a batch, does so by the parts of it that all processes have,
    and keeps the statistics of the whole: what a network gives and learns is that of one process. Each process has to
    come by the same layers in the same order, with parts of one size.

    Of torch's SyncBatchNorm it differs in that it works on a CPU, and ends with the block: what the first process does
    alone, such as to evaluate, waits for none."""
    return _OverRanks() if world > 1 else contextlib.nullcontext()


class _OverRanks(TorchFunctionMode):
    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if function is nn.functional.batch_norm:
            return _batch_norm(*args, **(kwargs or {}))
        return function(*args, **(kwargs or {}))


def _batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """torch's function of that name, by the batches of all processes."""
    if not training:
        return nn.functional.batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    y, mean, var = _ByAll.apply(x, weight, bias, eps)
    if running_mean is not None and running_var is not None:
        count = x.numel() // x.shape[1] * torch.distributed.get_world_size()
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((var * (count / max(1, count - 1))).to(running_var.dtype), momentum)
    return y


class _ByAll(torch.autograd.Function):
    """(B, C, ...) normalised by the mean and the variance of all processes' images, with both, (C,). Gradients of
    weight and bias are of this process's part, as of any other parameter."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> tuple[Tensor, ...]:
        part = torch.stack(torch.var_mean(_wide(x), [0, *range(2, x.ndim)], correction=0))
        parts = [torch.empty_like(part) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(parts, part)
        variances, means = torch.stack(parts, 1)
        mean = means.mean(0)
        var = (variances + (means - mean) ** 2).mean(0)
        ctx.save_for_backward(x, weight, mean, (var + eps).rsqrt())
        ctx.mark_non_differentiable(mean, var)
        return nn.functional.batch_norm(x, mean, var, weight, bias, False, 0.0, eps), mean, var

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale = ctx.saved_tensors
        across, shape = [0, *range(2, x.ndim)], [1, -1, *[1] * (x.ndim - 2)]
        normal = (_wide(x) - mean.view(shape)) * scale.view(shape)
        wide = _wide(grad)
        own = torch.stack([wide.sum(across), (wide * normal).sum(across)])
        whole = own.clone()
        torch.distributed.all_reduce(whole)
        shift, slope = (whole / (x.numel() // x.shape[1] * torch.distributed.get_world_size())).view(2, *shape)
        scaled = (scale if weight is None else scale * _wide(weight)).view(shape)
        to_x = ((wide - shift - normal * slope) * scaled).to(grad.dtype)
        return to_x, None if weight is None else own[1].to(weight.dtype), own[0], None


def _wide(x: Tensor) -> Tensor:
    """In 32 bits at least."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


@torch.no_grad()
def estimate_norm(networks: Sequence[nn.Module], batches: Iterable[Tensor]) -> None:
    """Running means and variances become the averages over `batches` of images (B, 3, H, W), each weighing the same
    (precise batch norm; Wu and Johnson 2021, "Rethinking Batch in BatchNorm", section 3.1). In training they are those
    of the last ten or so batches, which are few images where batches are small. Frozen stages keep theirs."""
    frozen = {module for network in networks for module in frozen_in(network)}
    norms = [m for network in networks for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    norms = [norm for norm in norms if norm not in frozen]
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
