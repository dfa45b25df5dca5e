"""Where a recipe's constants come from: what `semipose recipes show` writes behind each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from semipose.config import Config, MethodConfig, to_dict
from semipose.methods import MIX, NEED_TEACHER, NEED_UNLABELED
from semipose.recipes import RECIPES

ABOVE = "see the recipe's line above"
CODE, TEXT = "Xie, released code", "Xie, section 6.1"
OPEN, TILES = "ours; Kim leaves it open", "Kim, Figure 1 and section 4.2"

DEFAULTS = {
    "data.reach": "ours",
    "model.backbone": TEXT,
    "model.options": TEXT,
    "model.weights": CODE,
    "model.size": TEXT,
    "model.deconv": "SimpleBaseline's (Xie, section 6.1)",
    "model.sigma": CODE,
    "model.padding": "SimpleBaseline's",
    "model.bgr": "ours; blue first in Xie's released code",
    "method.name": ABOVE,
    "method.easy": "Xie, section 4.1; the mirror: released code",
    "method.hard": "Xie, sections 4.1 and 6.2; the mirror: released code",
    "method.labeled": "Xie, Eq. 8: as easy",
    "method.hard_of": "Xie, Eq. 3",
    "method.outside": "ours; background in Xie's released code",
    "method.weight": "Xie, section 3.2",
    "method.share": "Xie, Eq. 7",
    "method.teach": "Xie, Eq. 2: heatmaps as they are",
    "method.sigma": "ours: the labels'",
    "method.teacher": "yours to name",
    "method.decay": "Xie, section 6.3",
    "method.statistics": "its own batch's in a mean teacher; Kim, Eq. 3 in EMAN",
    "method.joint": CODE,
    **dict.fromkeys(("method.mix_group", "method.mix_tiles", "method.unmix"), TILES),
    **dict.fromkeys(("method.mix_after", "method.mix_chance", "method.mix_anew"), OPEN),
    "method.views": "ours; the papers give no number",
    "method.multi": "ours",
    "method.pool": "Yu: the maximum",
    "method.at_once": "no number depends on it",
    "method.select": "Yu, suppl. Algorithm 1",
    "method.margin": "ours",
    "method.refine": "ours; Yu's Algorithm 1 leaves it open",
    "method.burn_in": "none in Xie",
    "optim.lr": TEXT,
    "optim.milestones": TEXT,
    "optim.gamma": TEXT,
    "optim.batch": CODE,
    "optim.unlabeled_batch": "as many as labelled ones (Xie, section 3.2)",
    "peer": "Xie, section 4.2",
    "steps": "by epochs",
    "epochs": TEXT,
    "decode": CODE,
    "flip_test": TEXT,
    "measure": "ours; semipose evaluate adds AP",
    "threshold": "ours",
}
"""Key -> where the value that `Config` has of itself comes from: they are those of Xie et al.'s Dual."""

KIM = {
    "method.hard_of": "ours: Kim's 'without affine' as we read it",
    "method.decay": "Kim, Tables 2 and 4",
    "method.joint": "EMAN's released code",
    "epochs": "Kim, section 4.1",
    "optim.milestones": "Kim, section 4.1",
}
YU = {
    "method.teach": "Yu: threshold-and-refine; its threshold is ours",
    "method.views": "ours",
    "method.multi": "ours",
    "method.burn_in": "ours",
    "method.decay": "Unbiased Teacher's",
}
ALWAYS = dict.fromkeys(("method.name", "method.easy", "method.hard"), ABOVE)
CHANGED: dict[str, dict[str, str]] = {
    "xie2021": {
        **ALWAYS,
        **dict.fromkeys(("method.teach", "method.decay"), ABOVE),
        "method.weight": "ours; Xie gives no values",
        **dict.fromkeys(("method.hard_of", "method.outside", "method.share", "epochs", "optim.milestones"), CODE),
        "peer": "Xie, section 6.2",
    },
    "pose_mum": {**ALWAYS, **KIM},
    "yu2024": {**ALWAYS, **YU},
    "mini": {**{key: text for key, text in (KIM | YU).items() if key != "method.decay"}, **ALWAYS}
    | {"method.decay": KIM["method.decay"]},
}
"""Module of the recipe -> key -> where another value comes from; what the mini protocol changes beside is ours."""

HAVE_HARD = NEED_UNLABELED - {"naive"}
AVERAGE = frozenset({"mean_teacher", "eman", "pose_mum_plus", "unbiased_teacher"})
PAIR = frozenset({"dual", "denoise_select"})
DENOISE = frozenset({"denoise_select"})
USED: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("hard", "hard_of", "outside", "teach"), HAVE_HARD),
    **dict.fromkeys(("decay", "statistics"), AVERAGE),
    **dict.fromkeys(("mix_group", "mix_tiles", "unmix"), MIX),
    **dict.fromkeys(("mix_after", "mix_chance", "mix_anew"), MIX - {"mum"}),
    **dict.fromkeys(("multi", "pool", "at_once", "select", "margin", "refine"), DENOISE),
    "weight": NEED_UNLABELED,
    "share": PAIR,
    "teacher": NEED_TEACHER,
    "joint": HAVE_HARD - PAIR,
    "views": DENOISE | {"datadistill"},
    "burn_in": NEED_UNLABELED,
}
"""Keys of the method section that only some methods look at."""


def source(recipe: str, key: str, value: Any) -> str:
    """Where a recipe's value of a dotted key comes from; empty for what is the user's or the machine's, and for what
    the recipe's method does not look at."""
    config, module = RECIPES[recipe].config(), RECIPES[recipe].config.__module__.rpartition(".")[2]
    section, _, name = key.rpartition(".")
    if not used(config.method, key):
        return ""
    default = to_dict(Config())
    if value == (default[section][name] if section else default[name]):
        return DEFAULTS.get(key, "")
    return CHANGED[module].get(key) or ("ours: the mini protocol" if module == "mini" else "")


def used(method: MethodConfig, key: str) -> bool:
    """Whether a method looks at a dotted key."""
    section, _, name = key.rpartition(".")
    if key == "method.sigma":
        return method.name == "datadistill" or "refined" in method.teach or "zeroed" in method.teach
    if key == "peer":
        return method.name in PAIR
    return section != "method" or name not in USED or method.name in USED[name]


def commented(recipe: str) -> str:
    """A recipe's whole configuration as YAML, the source of each constant behind it."""
    config = RECIPES[recipe].config()
    lines = []
    for key, value in to_dict(config).items():
        inner = value if isinstance(value, dict) and key != "peer" else None
        if inner is not None:
            lines.append(f"{key}:")
        for name, each in (inner or {key: value}).items():
            dotted = f"{key}.{name}" if inner is not None else key
            said = source(recipe, dotted, each) if used(config.method, dotted) else f"not of {config.method.name}"
            text = yaml.safe_dump(each, default_flow_style=True, width=1000).removesuffix("...\n").strip()
            line = f"{'  ' if inner is not None else ''}{name}: {text}"
            lines.append(f"{line:40s}  # {said}" if said else line)
    return "\n".join(lines) + "\n"
