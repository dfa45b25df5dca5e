"""Muon: what makes an update orthogonal, which parameters it takes, and that a run with it goes on exactly."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from semipose.training.loop import run_training
from semipose.training.muon import Flat, Muon, _by_gram, orthogonal
from semipose.training.rundir import RunDir
from tests.fixtures.runs import STEPS, assert_same_runs, resume, tiny


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def flat_singular_values(values: Tensor, sides: tuple[int, int]) -> Tensor:
    """(N, short, long) with given singular values."""
    short, long = sides
    left, _ = torch.linalg.qr(drawn(1, short, short))
    right, _ = torch.linalg.qr(drawn(1, long, short, seed=1))
    return left @ torch.diag_embed(values) @ right.mT


def polynomial(values: Tensor, steps: int) -> Tensor:
    for _ in range(steps):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return values


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (9, 64), (24, 600)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    values = torch.linalg.svdvals(orthogonal(1e-6 * drawn(3, *shape), 5))
    assert values.min() > 0.65
    assert values.max() < 1.15


@pytest.mark.parametrize("steps", [1, 3, 5])
@pytest.mark.parametrize("sides", [(8, 8), (8, 15), (8, 16), (8, 200)])
def test_each_iteration_is_the_polynomial_of_the_singular_values(steps: int, sides: tuple[int, int]) -> None:
    values = torch.tensor([[1.0, 0.8, 0.5, 0.3, 0.2, 0.1, 0.03, 0.01]])
    values /= values.norm()
    expected = flat_singular_values(polynomial(values, steps), sides)
    torch.testing.assert_close(orthogonal(flat_singular_values(values, sides), steps), expected, atol=2e-4, rtol=0)


def test_on_the_gram_matrix_the_result_is_the_same() -> None:
    x = drawn(4, 12, 20)
    x /= torch.linalg.matrix_norm(x, keepdim=True)
    torch.testing.assert_close(_by_gram(x, 5), orthogonal(x, 5), atol=2e-5, rtol=0)


def test_nothing_stays_nothing() -> None:
    assert not orthogonal(torch.zeros(2, 3, 7), 5).any()


def test_rows_are_outputs_and_the_shorter_side_comes_first() -> None:
    wide, high, matrix = torch.empty(4, 3, 5, 2), torch.empty(64, 2, 2, 1), torch.empty(12, 3)
    assert Flat.of(wide) == ((0, 2, 3, 1), 4, 30, 1.0)
    assert Flat.of(high) == ((2, 3, 1, 0), 4, 64, 4.0)
    assert Flat.of(matrix) == ((1, 0), 3, 12, 2.0)
    assert Flat.of(high, transposed=True) == ((1, 0, 2, 3), 2, 128, 1.0)
    assert Flat.of(torch.empty(2, 64, 2, 2), transposed=True) == ((0, 2, 3, 1), 8, 64, math.sqrt(8))


def test_a_kernel_is_read_without_a_copy_where_channels_are_last() -> None:
    kernels = {False: torch.empty(8, 3, 3, 3), True: torch.empty(20, 8, 4, 4)}
    for transposed, kernel in kernels.items():
        kernel = kernel.to(memory_format=torch.channels_last)
        assert Flat.of(kernel, transposed).read(kernel).data_ptr() == kernel.data_ptr()


def kernels(memory: torch.memory_format = torch.contiguous_format) -> list[nn.Parameter]:
    shapes = [(4, 6, 3, 3), (4, 6, 3, 3), (54, 4, 1, 1), (8, 4, 1, 1), (6, 4, 2, 2), (5, 7)]
    made = [drawn(*shape, seed=i) for i, shape in enumerate(shapes)]
    return [nn.Parameter(each.to(memory_format=memory) if each.ndim == 4 else each) for each in made]


def stepped(parameters: list[nn.Parameter], steps: int = 3, together: bool = True, **options: object) -> list[Tensor]:
    """The parameters after steps whose gradients are drawn."""
    arguments = {"lr": 0.1, "lr_rest": 0.1, "transposed": parameters[4:5], **options}
    groups = [parameters] if together else [[each] for each in parameters]
    optimizers = [Muon(group, [], **arguments) for group in groups]  # type: ignore[arg-type]
    for step in range(steps):
        for i, parameter in enumerate(parameters):
            parameter.grad = drawn(*parameter.shape, seed=100 + 10 * step + i)
        for optimizer in optimizers:
            optimizer.step()
    return [parameter.detach() for parameter in parameters]


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_together_is_as_one_by_one(memory: torch.memory_format) -> None:
    for a, b in zip(stepped(kernels(memory)), stepped(kernels(), together=False), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=0)


def test_the_update_is_nesterov_s_momentum_made_orthogonal_and_scaled() -> None:
    """Against torch.optim.Muon, which takes matrices and rounds to 16 bits."""
    for rows, columns in ((6, 20), (32, 2), (5, 5)):
        ours, theirs = (nn.Parameter(drawn(rows, columns)) for _ in range(2))
        muon = Muon([ours], [], 0.1, 0.1, momentum=0.9, steps=5, weight_decay=0.2)
        reference = torch.optim.Muon([theirs], lr=0.1, momentum=0.9, ns_steps=5, weight_decay=0.2)
        for step in range(4):
            ours.grad = theirs.grad = drawn(rows, columns, seed=step + 1)
            muon.step()
            reference.step()
        torch.testing.assert_close(ours.detach(), theirs.detach(), atol=0.02, rtol=0)
        assert (ours - drawn(rows, columns)).norm() > 0.3


@pytest.mark.parametrize(
    ("shape", "transposed"), [((4, 9, 2, 2), False), ((32, 2, 1, 1), False), ((2, 32, 1, 1), True)]
)
def test_an_update_s_size(shape: tuple[int, ...], transposed: bool) -> None:
    weight = nn.Parameter(torch.zeros(shape))
    muon = Muon([weight], [], lr=0.1, lr_rest=0, transposed=[weight] if transposed else ())
    weight.grad = drawn(*shape)
    muon.step()
    values = torch.linalg.svdvals(weight.detach().transpose(0, int(transposed)).flatten(1))
    scale = 4.0 if 32 in shape else 1.0
    assert 0.065 * scale < values.min() and values.max() < 0.115 * scale


def test_the_rest_learns_by_adamw() -> None:
    ours, theirs = (nn.Parameter(drawn(7)) for _ in range(2))
    muon, adamw = Muon([], [ours], 0.1, 0.01), torch.optim.AdamW([theirs], lr=0.01, weight_decay=0, fused=True)
    for step in range(3):
        ours.grad = theirs.grad = drawn(7, seed=step + 1)
        muon.step()
        adamw.step()
    assert torch.equal(ours, theirs) and not torch.equal(ours, drawn(7))


def test_a_missing_gradient_is_none() -> None:
    a, b = (nn.Parameter(drawn(3, 4)) for _ in range(2))
    muon = Muon([a, b], [nn.Parameter(drawn(2))], 0.1, 0.1)
    muon.step()
    assert not muon.state and torch.equal(a, drawn(3, 4))
    a.grad = drawn(3, 4, seed=1)
    muon.step()
    assert torch.equal(b, drawn(3, 4)) and not torch.equal(a, b)


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_found_inf_makes_no_update(decay: float) -> None:
    matrix, bias = nn.Parameter(drawn(3, 4)), nn.Parameter(drawn(4))
    muon = Muon([matrix], [bias], 0.1, 0.1, weight_decay=decay)
    muon.found_inf = torch.zeros(())

    def step(value: float) -> list[Tensor]:
        for parameter in (matrix, bias):
            parameter.grad = torch.full_like(parameter, value)
        muon.step()
        state = [value.clone() for each in muon.state.values() for value in each.values()]
        return [matrix.detach().clone(), bias.detach().clone(), *state]

    before = step(1.0)
    muon.found_inf = torch.ones(())
    after = [step(math.nan), step(1.0)]
    assert all(torch.equal(a, b) for each in after for a, b in zip(each, before, strict=True))
    muon.found_inf = torch.zeros(())
    assert not any(torch.equal(a, b) for a, b in zip(step(1.0)[:2], before, strict=False))


def test_what_is_saved_restores_the_next_steps() -> None:
    def made() -> tuple[list[nn.Parameter], Muon]:
        parameters = [nn.Parameter(drawn(3, 4)), nn.Parameter(drawn(4))]
        return parameters, Muon(parameters[:1], parameters[1:], 0.1, 0.1)

    def step(parameters: list[nn.Parameter], muon: Muon, seed: int) -> None:
        for parameter in parameters:
            parameter.grad = drawn(*parameter.shape, seed=seed)
        muon.step()

    one, other = made(), made()
    step(*one, 1)
    state = copy.deepcopy(one[1].state_dict())
    assert [value.dtype for each in state["state"].values() for value in each.values()] == [torch.float32] * 4
    other[1].load_state_dict(state)
    for mine, theirs in zip(other[0], one[0], strict=True):
        mine.data.copy_(theirs.data)
    step(*one, 2)
    step(*other, 2)
    assert all(torch.equal(a, b) for a, b in zip(one[0], other[0], strict=True))


@pytest.mark.slow
def test_a_run_with_muon_goes_on_exactly(cache: Path, tmp_path: Path) -> None:
    optim = {"name": "muon", "lr": 0.02, "schedule": "cosine", "warmup": 2, "weight_decay": 0.01}
    config = tiny(cache, "single", optim=optim)
    whole, parts = (RunDir.create(tmp_path / name) for name in ("whole", "parts"))
    run_training(config, whole, progress=False)
    run_training(config, parts, progress=False, stop_at=STEPS // 2 + 1)
    resume(config, parts)
    assert_same_runs(whole, parts)
