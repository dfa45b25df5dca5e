from __future__ import annotations

from dataclasses import replace

from semipose.config import Config, OptimConfig, differences, to_dict
from semipose.config.resolve import keys
from semipose.config.schema import FREE, SOURCES, DataConfig
from semipose.methods import options


def test_how_a_run_is_computed_is_free_but_not_what_numbers_depend_on() -> None:
    free = {key for key in keys() if key in FREE}
    assert free == set(FREE) and not free & {"devices", "num_nodes", "strategy", "precision", "seed"}


def test_the_defaults_are_the_first_paper_s() -> None:
    config = Config()
    assert config.method == options("dual") and (config.epochs, config.steps) == (100, 0)
    assert config.optim == OptimConfig("adam", 1e-3, schedule="step", milestones=[0.7, 0.9], gamma=0.1, batch=32)


def test_configurations_share_no_list() -> None:
    one, other = Config(), Config()
    one.optim.milestones.append(1.0)
    one.peer["padding"] = 2.0
    assert other.optim.milestones == [0.7, 0.9] and other.peer == {}


def test_differences_are_a_line_each_with_what_one_lacks() -> None:
    a = Config(method=options("single"), steps=5)
    b = replace(a, method=options("supervised"), optim=replace(a.optim, lr=0.5))
    found = differences(to_dict(a), to_dict(b))
    assert {"method.name: single -> supervised", "method.weight: 1.0 -> None", "optim.lr: 0.001 -> 0.5"} <= set(found)
    assert all(each.startswith(("method.", "optim.lr")) for each in found)
    assert differences({"new": 1}, {"newer": {"x": 2}}) == ["new: 1 -> None", "newer: None -> {'x': 2}"]
    assert differences(to_dict(a), to_dict(a)) == []


def test_keys_that_are_paths_are_keys_of_the_data_section() -> None:
    assert set(SOURCES) <= set(vars(DataConfig()))
