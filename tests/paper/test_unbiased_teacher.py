"""Unbiased Teacher on heatmaps (Yu et al. 2024, section 1.2): burn-in on labels, then an average of the student
teaches, which starts as its copy."""

from __future__ import annotations

from pathlib import Path

import torch

from semipose.draws import Draws
from semipose.methods import build_method, options
from semipose.models import checkpoint
from semipose.training.loop import run_training
from semipose.training.rundir import RunDir
from tests.fixtures.runs import tiny
from tests.fixtures.tiny import CODEC, Tiny, labeled, view


def state(net: torch.nn.Module) -> list[torch.Tensor]:
    return [value.clone() for value in net.state_dict().values()]


def test_the_teacher_is_the_student_where_the_burn_in_ends_and_its_average_after() -> None:
    net, decay = Tiny(), 0.9
    made = build_method(options("unbiased_teacher", decay=decay), [net], CODEC).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)

    def learn(key: int, unlabeled: bool) -> None:
        optimizer.zero_grad()
        made(labeled(), view(4, 5) if unlabeled else None, Draws(key)).total.backward()
        optimizer.step()
        made.after_step()

    for key in range(3):
        learn(key, False)
    assert any(not torch.equal(a, b) for a, b in zip(state(net), state(made.teacher.net), strict=True))
    made.after_burn_in()
    assert all(torch.equal(a, b) for a, b in zip(state(net), state(made.teacher.net), strict=True))
    begun = [p.detach().clone() for p in net.parameters()]
    learn(3, True)
    for mine, before, now in zip(made.teacher.net.parameters(), begun, net.parameters(), strict=True):
        torch.testing.assert_close(mine, decay * before + (1 - decay) * now.detach())
        assert not mine.requires_grad


def test_a_run_copies_it_where_its_burn_in_ends(tmp_path: Path) -> None:
    """Two of three steps are the burn-in; after the third they differ."""
    config = tiny(tmp_path / "cache", "unbiased_teacher", pseudo=0, data={"val": None}, steps=3, save_every=2)
    config.method.burn_in = 2 / 3
    run = RunDir.create(tmp_path / "run")
    run_training(config, run, progress=False)
    for file, alike in ((run.checkpoints / "previous.ckpt", True), (run.last, False)):
        saved = checkpoint.load(file)
        assert saved["progress"]["step"] == (2 if alike else 3)
        mine, theirs = (
            {key.removeprefix(prefix): value for key, value in saved["method"].items() if key.startswith(prefix)}
            for prefix in ("students.0.", "teacher.net.")
        )
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(value, theirs[key]) for key, value in mine.items()) == alike
