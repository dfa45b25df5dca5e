"""Muon: the momentum of kernels and matrices, made orthogonal, is their update; all else learns by AdamW.

Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks", kellerjordan.github.io/posts/muon.

torch.optim.Muon takes matrices alone, makes them orthogonal one after the other, and does not know `found_inf`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic polynomial a s + b s^3 + c s^5 that each iteration applies to the singular values (Jordan et al.)."""
TINY = 1e-12
"""A momentum of a smaller norm gives a smaller update."""


def orthogonal(matrices: Tensor, steps: int) -> Tensor:
    """Newton-Schulz iteration: the same singular vectors, singular values near 1 (after five steps 0.68 to 1.14, but
    for those that were below some hundredths of the largest).

    Args:
        matrices: (N, short, long), short <= long, 32 bits.

    Returns:
        (N, short, long), 32 bits; computed in bf16 on CUDA, where that is many times faster.
    """
    a, b, c = COEFFICIENTS
    x = matrices / torch.linalg.matrix_norm(matrices, keepdim=True).clamp_min(TINY)
    if x.is_cuda:
        x = x.bfloat16()
    elif 2 * x.shape[1] <= x.shape[2]:
        return _by_gram(x, steps)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.float()


def _by_gram(x: Tensor, steps: int) -> Tensor:
    """The same, iterated on x x^T and a factor of x, both (N, short, short): the long side is passed twice in all.
    Needs the digits of 32 bits."""
    a, b, c = COEFFICIENTS
    gram, factor = x @ x.mT, None
    for step in range(steps):
        each = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        each.diagonal(dim1=1, dim2=2).add_(a)
        factor = each if factor is None else each @ factor
        if step < steps - 1:
            gram = each @ gram @ each
    return x if factor is None else factor @ x


class Flat(NamedTuple):
    """How a kernel or matrix is read as a matrix of (outputs, inputs x height x width), turned where that is higher
    than wide.

    Attributes:
        order: of the parameter's dimensions.
        short, long: the matrix's sides.
        scale: sqrt(outputs / inputs) where above 1, by which the update is enlarged.
    """

    order: tuple[int, ...]
    short: int
    long: int
    scale: float

    @classmethod
    def of(cls, parameter: Tensor, transposed: bool = False) -> Flat:
        """`transposed`: a kernel of a transposed convolution, (inputs, outputs, height, width)."""
        outputs = 1 if transposed else 0
        others = (0, *range(2, parameter.ndim)) if transposed else (*range(2, parameter.ndim), 1)  # as in channels_last
        rows = parameter.shape[outputs]
        columns = parameter.numel() // rows
        order = (outputs, *others) if rows <= columns else (*others, outputs)
        return cls(order, min(rows, columns), max(rows, columns), max(1.0, rows / columns) ** 0.5)

    def read(self, value: Tensor) -> Tensor:
        """(short, long) of a parameter or gradient; a view where its layout allows."""
        return value.permute(self.order).reshape(self.short, self.long)


def _groups(parameters: Iterable[nn.Parameter] | Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    listed: list[Any] = [*parameters]
    return listed if listed and isinstance(listed[0], dict) else [{"params": listed}]


class Muon(torch.optim.Optimizer):
    """Muon for kernels and matrices, fused AdamW for the rest.

    Matrices of one shape are made orthogonal together, and share one tensor of momentum. Where `found_inf` is set, a
    scalar on the device, and above 0, a step changes nothing, as with torch's fused optimisers.

    Args:
        matrices: parameters of two or four dimensions; those of `transposed` are (inputs, outputs, height, width). Or
            groups of them, `{"params": [...], ...}`.
        rest: all others that learn, or groups of them.
        lr, lr_rest: rates of the two.
        momentum: Nesterov's.
        steps: Newton-Schulz iterations.
        weight_decay: of the matrices, decoupled: by `lr * weight_decay` a step.
    """

    found_inf: Tensor | None = None

    def __init__(
        self,
        matrices: Iterable[nn.Parameter] | Sequence[dict[str, Any]],
        rest: Iterable[nn.Parameter] | Sequence[dict[str, Any]],
        lr: float,
        lr_rest: float,
        momentum: float = 0.95,
        steps: int = 5,
        weight_decay: float = 0.0,
        transposed: Iterable[Tensor] = (),
    ) -> None:
        of_matrices = {"lr": lr, "momentum": momentum, "steps": steps, "decay": weight_decay}
        of_rest = {"lr": lr_rest, "rest": True, "fused": True}  # fused: its steps stay on the device
        kinds = [(_groups(matrices), of_matrices), (_groups(rest), of_rest)]
        super().__init__([{**group, **common} for groups, common in kinds for group in groups], {})
        turned = {id(parameter) for parameter in transposed}
        self._stacks: list[dict[tuple[int, int], list[tuple[nn.Parameter, Flat]]]] = []
        for group in self.param_groups[: len(kinds[0][0])]:
            self._stacks.append({})
            for parameter in group["params"]:
                flat = Flat.of(parameter, id(parameter) in turned)
                self._stacks[-1].setdefault((flat.short, flat.long), []).append((parameter, flat))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; a parameter without a gradient counts as one whose gradient is 0."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group, stacks in zip(self.param_groups, self._stacks, strict=False):
            for stack in stacks.values():
                if any(parameter.grad is not None for parameter, _ in stack):
                    self._step_stack(stack, group)
        for group in self.param_groups[len(self._stacks) :]:
            self._step_rest(group)
        return loss

    def _step_stack(self, stack: list[tuple[nn.Parameter, Flat]], group: dict[str, Any]) -> None:
        parameters: list[Tensor] = [parameter for parameter, _ in stack]
        lr, bad = group["lr"], self.found_inf
        gradient = torch.stack([flat.read(torch.zeros_like(p) if p.grad is None else p.grad) for p, flat in stack])
        state = self.state[parameters[0]]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"]
        if bad is not None:
            gradient = torch.where(bad > 0, momentum, gradient)  # which leaves the momentum as it is
        momentum.lerp_(gradient, 1 - group["momentum"])
        update = orthogonal(gradient.lerp_(momentum, group["momentum"]), group["steps"])
        keep: Any = 1 - lr * group["decay"]
        if bad is not None:
            update *= bad == 0
            keep = torch.where(bad > 0, 1.0, keep)
        if group["decay"]:
            torch._foreach_mul_(parameters, keep)
        changes = update.unbind()
        torch._foreach_mul_(changes, [-lr * flat.scale for _, flat in stack])
        views = [parameter.permute(flat.order) for parameter, flat in stack]
        torch._foreach_add_(views, [change.view(view.shape) for change, view in zip(changes, views, strict=True)])

    @torch.no_grad()
    def copy_momentum(self, pairs: Iterable[tuple[nn.Parameter, nn.Parameter]]) -> None:
        """Give matrices the momentum of others of their shape and group: pairs (of, to)."""
        stacks = [stack for stacks in self._stacks for stack in stacks.values() if self.state.get(stack[0][0])]
        places = {id(p): (n, i) for n, stack in enumerate(stacks) for i, (p, _) in enumerate(stack)}
        for parameter, other in pairs:
            if id(parameter) in places and id(other) in places:
                (of, i), (to, j) = places[id(parameter)], places[id(other)]
                self.state[stacks[to][0][0]]["momentum"][j] = self.state[stacks[of][0][0]]["momentum"][i]

    def _step_rest(self, group: dict[str, Any]) -> None:
        parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
        for p in parameters:
            if p not in self.state:
                step = torch.zeros((), device=p.device)
                self.state[p] = {"step": step, "exp_avg": torch.zeros_like(p), "exp_avg_sq": torch.zeros_like(p)}
        states = [self.state[parameter] for parameter in parameters]
        adamw(
            parameters,
            [parameter.grad for parameter in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            found_inf=self.found_inf,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=group["lr"],
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
