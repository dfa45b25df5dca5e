"""What is trained for a row; the rows themselves are in test_tables.py beside this."""

from __future__ import annotations

from semipose.papers.multiaugs.methods import ALONE, JCCM_DUAL
from semipose.papers.multiaugs.plans import PLANS, paths, wild


def test_paths_by_name_with_1k_labels() -> None:
    one = paths("jc5", "mu")
    assert one.labels == 1000 and {make(0, None).method.paths[1] for make in one.scales.values()} == {"mu"}
    assert [PLANS[f"alone-{name}"].scales["mini"](0, None).method.paths for name in ALONE] == [
        [p] for p in ALONE.values()
    ]


def test_all_labels_and_wild() -> None:
    config = PLANS["wild-hrnet_w48"].scales["paper"](0, None)
    assert (config.model.backbone, config.model.size, config.model.sigma) == ("hrnet_w48", [384, 288], 3.0)
    assert config.method.paths == ["joco", JCCM_DUAL] and PLANS["wild-hrnet_w48"].labels is None
    mini = wild({"name": "multiaugs"}).scales["mini"](0, None)
    assert "count=2000&" in mini.data.labeled and "start=400000" in mini.data.unlabeled
