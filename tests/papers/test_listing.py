"""What `semipose recipes` prints: rows with their numbers, commands and needs, configurations with their sources."""

from __future__ import annotations

import shlex

import pytest
import yaml

from semipose.config import Config, DataConfig, ModelConfig, OptimConfig
from semipose.config.resolve import resolve
from semipose.errors import UserError
from semipose.options import sources
from semipose.papers.find import PAPERS, find, recipe, recipes
from semipose.papers.listing import needs, recipes_text, rows_text, shown
from semipose.papers.scale import paper
from semipose.papers.tables import Plan

RUN = ("data", "pseudo", "seed", "eval_every", "log_every", "save_every", "stop_on_collapse", "workers", "accelerator",
       "devices", "num_nodes", "precision", "strategy", "threads")  # fmt: skip
"""What a paper has no say in: whose data, which machine, how often something is written."""


@pytest.fixture(autouse=True)
def _unbuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without building each network to count it."""
    monkeypatch.setattr("semipose.models.size.size", lambda model, joints: "not counted")


@pytest.mark.parametrize("section", [ModelConfig, OptimConfig, Config])
def test_every_constant_that_counts_has_a_source(section: type) -> None:
    """A method's options: tests/methods/test_methods.py."""
    unsaid = {key for key, source in sources(section).items() if not source}
    assert unsaid == (set() if section is not Config else {*RUN, "model", "method", "optim", "find", "losses"})
    assert sources(DataConfig)["reach"] == "ours"


@pytest.mark.parametrize("name", recipes())
def test_what_is_shown_is_the_recipe_s_configuration_each_line_with_its_source(name: str) -> None:
    text = shown(name)
    assert resolve(Config(), yaml.safe_load(text)) == recipe(name)
    method = text[text.index("method:") : text.index("optim:")].splitlines()[1:]
    assert all("  # " in line for line in method if not line.startswith("  name:"))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("dual", "hard: affine60+flip50+jc5 # Xie, sections 4.1 and 6.2; a mirror of its own: ours"),
        ("dual", "lr: 0.001 # Xie, section 6.1"),
        ("single", "hard: affine60+flip50 # Xie, table1: Ours (Single), A, 1K"),
        ("naive-lambda0.1", "weight: 0.1 # ours; Xie gives no values"),
        ("released-dual", "epochs: 70 # as dual, with the released code's settings"),
        ("dual-mixed", "peer: {backbone: hrnet_w48} # Xie, section 6.2"),
        ("pose_mum_plus", "decay: 0.6 # Kim, Tables 2 and 4"),
        ("pose_mum", "mix_chance: 0.5 # ours; Kim leaves it open"),
        ("pose_mum", "epochs: 30 # Kim, section 4.1"),
        ("unbiased-teacher", "decay: 0.9996 # 0.9996 is Unbiased Teacher's, another ours"),
        ("mini-dual", "steps: 400 # ours: the mini protocol"),
    ],
)
def test_a_source_is_of_the_value_that_is_there(name: str, line: str) -> None:
    assert line in [" ".join(each.split()) for each in shown(name).splitlines()]


def test_a_row_is_shown_at_both_scales() -> None:
    paper, small = (shown("xie2021/dual-jc-5k", scale) for scale in ("paper", "mini"))
    assert paper.startswith(
        "# table1: Ours (Dual), A+JC, 5K (55.6 AP)\n# needs COCO (5,000 labels), ImageNet weights\n"
    )
    assert yaml.safe_load(paper)["model"]["backbone"] == "resnet18"
    assert "count=100&" in yaml.safe_load(small)["data"]["labeled"] and "  # ours: the mini protocol" in small
    with pytest.raises(UserError, match="xie2021/tripple is no row"):
        shown("xie2021/tripple")


def test_a_scale_without_a_run_and_a_data_set_of_its_own_are_said() -> None:
    with pytest.raises(UserError, match=r"^ours/dual has no run at scale paper; it has mini$"):
        shown("ours/dual")
    assert yaml.safe_load(shown("ours/dual", "mini"))["steps"] == 400
    own = paper(lambda root: DataConfig(labeled=str(root and root / "nowhere" / "a.json")), {"name": "supervised"})
    plans = {"mini": Plan({"mini": own}), "own": Plan({"paper": own}, 300, by_image=True)}
    assert needs(plans, "own") == ["nowhere (300 labelled images)", "ImageNet weights"]
    assert needs(plans, "mini") == ["no data of yours; it has no run at the paper's scale"]


def test_every_row_is_listed_with_number_command_and_needs() -> None:
    text = rows_text()
    for name in PAPERS:
        for key, table in find(name)[1].items():
            assert f"{name}/{key}: {table.title}" in text
            for row in table.rows:
                (line,) = [each for each in rows_text(f"{name}/{key}").splitlines() if f"  {row.label}  " in each]
                words = shlex.split(line.partition(row.label)[2])
                assert words[:2] == ["semipose", "reproduce"]
                assert row.paper is None or f"{row.paper:g} " in line
                (found,) = find(words[2])[1].values()
                assert row.label in {each.label.partition(": ")[2] for each in found.rows}
    assert all(name in recipes_text() for name in recipes())


def test_needs_are_the_data_and_what_is_trained_first() -> None:
    plans = find("xie2021")[0].plans
    assert needs(plans, "pseudopose-1k") == ["COCO (1,000 labels)", "ImageNet weights", "supervised-1k (trained first)"]
    assert needs(plans, "dual-all-resnet50")[:2] == ["COCO", "a detector's boxes of its unlabelled images"]
    assert needs(plans, "dual-mpii")[:2] == ["MPII", "AI Challenger"]
    assert needs(plans, "finetune-dual") == [
        *("Human3.6M", "ImageNet weights", "pretrain-dual (trained first)", "MPII", "AI Challenger")
    ]
    assert "a detector's boxes of VAL" in needs(plans, "dual-all-resnet50", "AP, detected boxes")
    assert needs(plans, "supervised-mpii") == ["MPII", "ImageNet weights"], "what it does not read it does not need"
    assert "its cameras.pkl" in needs(plans, "adapt-dual", "MPJPE mm")
