"""What `recipes show` prints: the configuration, unchanged, and where each of its constants comes from."""

from __future__ import annotations

import pytest
import yaml

from semipose.config import Config, to_dict
from semipose.recipes import RECIPES
from semipose.recipes.sources import DEFAULTS, USED, commented, source, used
from semipose.settings import keys

WHOLE = [key for key in keys() if not key.startswith("peer.")] + ["peer"]
OF_THE_USER = {key for key in WHOLE if key.startswith("data.")} - {"data.reach"}
OF_THE_MACHINE = {"workers", "accelerator", "devices", "num_nodes", "precision", "strategy", "threads"}
NO_CONSTANT = {"seed", "eval_every", "log_every", "save_every", "pseudo", "stop_on_collapse"}


def value(config: Config, key: str) -> object:
    section, _, name = key.rpartition(".")
    values = to_dict(config)
    return values[section][name] if section else values[name]


@pytest.mark.parametrize("name", RECIPES)
def test_every_constant_has_its_source_and_the_yaml_stays(name: str) -> None:
    config = RECIPES[name].config()
    assert yaml.safe_load(commented(name)) == to_dict(config)
    for key in set(WHOLE) - OF_THE_USER - OF_THE_MACHINE - NO_CONSTANT:
        assert source(name, key, value(config, key)) or not used(config.method, key), key


def test_sources_name_settings_that_exist() -> None:
    assert set(DEFAULTS) <= set(WHOLE) and {f"method.{key}" for key in USED} <= set(WHOLE)


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        ("dual", "lr: 0.001 # Xie, section 6.1"),
        ("dual", "batch: 32 # Xie, released code"),
        ("dual", "mix_tiles: [4, 3] # not of dual"),
        ("naive-lambda0.1", "weight: 0.1 # ours; Xie gives no values"),
        ("released-dual", "share: 0.5 # Xie, released code"),
        ("released-dual", "epochs: 70 # Xie, released code"),
        ("dual-hrnet", "peer: {backbone: hrnet_w48} # Xie, section 6.2"),
        ("pose_mum_plus", "decay: 0.6 # Kim, Tables 2 and 4"),
        ("pose_mum", "mix_chance: 0.5 # ours; Kim leaves it open"),
        ("unbiased-teacher", "decay: 0.9996 # Unbiased Teacher's"),
        ("mini-dual", "steps: 1200 # ours: the mini protocol"),
        ("mini-dual-refine", "teach: refined0.4 # Yu: threshold-and-refine; its threshold is ours"),
    ],
)
def test_some_lines(recipe: str, line: str) -> None:
    assert line in [" ".join(each.split()) for each in commented(recipe).splitlines()]
