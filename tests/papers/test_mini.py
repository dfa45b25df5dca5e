from __future__ import annotations

import pytest

from semipose.config import OptimConfig
from semipose.methods import options
from semipose.models.config import ModelConfig
from semipose.papers.mini import base, deeper, mixed, people, small, wider


def test_people_of_a_set() -> None:
    assert people("labeled", 3) == "synth:studio?seed=3&count=20&start=200000"
    assert people("labeled", 3, "wild", 5) == "synth:wild?seed=3&count=100&start=200000"
    assert people("val", 3) == people("val", 4) == "synth:studio?seed=0&count=500&start=900000"


def test_the_protocol() -> None:
    config = base(options("single"), seed=2)
    assert [config.data.labeled, config.data.unlabeled] == [people("labeled", 2), people("unlabeled", 2)]
    assert config.optim == OptimConfig(lr=3e-3, batch=16) and (config.steps, config.eval_every) == (1200, 400)
    assert config.model.size == [64, 48] and config.model.weights == "none" and config.seed == 2


def test_what_is_changed_is_replaced_and_nothing_else() -> None:
    changed = small({"name": "dual", "share": 0.5}, {"unlabeled": lambda seed: f"u{seed}"}, deeper(2), decode="dark")
    config, plain = changed(4, None), base(options("dual", share=0.5), 4)
    assert config.data.unlabeled == "u4" and config.model.options["layers"] == [2] * 4 and config.decode == "dark"
    config.data.unlabeled, config.model, config.decode = plain.data.unlabeled, plain.model, plain.decode
    assert config == plain


def test_larger_networks() -> None:
    model = ModelConfig(options={"layers": [1], "channels": [32, 48], "output_stride": 16})
    assert wider(model) == {"options": {"layers": [1], "channels": [64, 96], "output_stride": 16}}
    assert deeper(3)(model) == {"options": {"layers": [3] * 4, "channels": [32, 48], "output_stride": 16}}
    assert model.options["channels"] == [32, 48]
    pair = mixed({"name": "dual"})(0, None)
    assert pair.peer == wider(pair.model) and pair.model == base(options("dual")).model


def test_a_method_s_options_are_checked() -> None:
    with pytest.raises(Exception, match="method single has no option share"):
        small({"name": "single", "share": 1.0})(0, None)
