from __future__ import annotations

from semipose.config import Config
from semipose.papers.configure import configure, nested


def test_a_key_may_name_its_section() -> None:
    assert nested({"optim.lr": 1, "steps": 2, "optim": {"batch": 3}}) == {"optim": {"lr": 1, "batch": 3}, "steps": 2}
    assert nested({"optim": {"batch": 3}, "optim.lr": 1}) == {"optim": {"batch": 3, "lr": 1}}
    assert nested({"data.skeleton.pairs": []}) == {"data": {"skeleton": {"pairs": []}}}


def test_layers_lie_over_each_other_in_order() -> None:
    config = configure("single", {"labeled": "a.json"}, {"optim": {"lr": 1.0}}, {"optim.lr": 2.0, "data.reach": 9.0})
    assert (config.method.name, config.optim.lr) == ("single", 2.0)
    assert (config.data.reach, config.data.labeled) == (9.0, "a.json")
    assert configure(Config(steps=5), None, {"seed": 7}) == Config(steps=5, seed=7)
