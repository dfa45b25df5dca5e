from __future__ import annotations

import json
from pathlib import Path

import pytest

from semipose.config import Config
from semipose.errors import UserError
from semipose.papers.configure import configure, has_settings, nested, read_pair


def test_a_key_may_name_its_section() -> None:
    assert nested({"optim.lr": 1, "steps": 2, "optim": {"batch": 3}}) == {"optim": {"lr": 1, "batch": 3}, "steps": 2}
    assert nested({"optim": {"batch": 3}, "optim.lr": 1}) == {"optim": {"batch": 3, "lr": 1}}
    assert nested({"data.skeleton.pairs": []}) == {"data": {"skeleton": {"pairs": []}}}


def test_layers_lie_over_each_other_in_order() -> None:
    config = configure("single", {"labeled": "a.json"}, {"optim": {"lr": 1.0}}, {"optim.lr": 2.0, "data.reach": 9.0})
    assert (config.method.name, config.optim.lr) == ("single", 2.0)
    assert (config.data.reach, config.data.labeled) == (9.0, "a.json")
    assert configure(Config(steps=5), None, {"seed": 7}) == Config(steps=5, seed=7)


def test_a_named_recipe_s_method_is_used_and_not_the_file_s(tmp_path: Path) -> None:
    file = tmp_path / "data.yaml"
    file.write_text("data: {labeled: a.json}\nmethod: {name: naive, weight: 0.5}\nsteps: 3\n")
    named, own = configure("single", file), configure(None, file)
    assert (named.method.name, own.method.name, own.method.weight) == ("single", "naive", 0.5)
    assert named.steps == own.steps == 3 and named.data.labeled == own.data.labeled == "a.json"
    assert has_settings(file) and not has_settings({"labeled": "a.json"}) and not has_settings(None)
    file.write_text("labeled: a.json\n")
    assert not has_settings(file)


def test_the_first_pair_of_a_gap(tmp_path: Path) -> None:
    (tmp_path / "gap.json").write_text(json.dumps({"method": {"easy": "affine10", "hard": "ra20", "gap": 1}}))
    assert read_pair(tmp_path / "gap.json") == {"easy": "affine10", "hard": "ra20", "hard_of": "image"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"method": null}', "no pair in .* qualifies as easy-hard; set method.easy"),
        ('{"method": {"easy": "a"}}', "is not a result of semipose gap"),
        ("[1]", "is not a result of semipose gap"),
        ("{", "is not a result of semipose gap"),
        ("[" * 100_000, "is not a result of semipose gap"),
        (None, "cannot be read .*; make it with semipose gap"),
    ],
)
def test_what_holds_no_pair_is_one_line(tmp_path: Path, text: str | None, says: str) -> None:
    if text is not None:
        (tmp_path / "gap.json").write_text(text)
    with pytest.raises(UserError, match=says):
        read_pair(tmp_path / "gap.json")
