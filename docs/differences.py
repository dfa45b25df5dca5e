"""Writes docs/DIFFERENCES.md: what sets the papers' methods apart, taken from the code itself.

python docs/differences.py
"""

from __future__ import annotations

import difflib
import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from semipose.config import differences, to_dict
from semipose.methods import options
from semipose.methods.base import Method
from semipose.methods.consistency import Dual, Naive, Single
from semipose.methods.denoise import DenoiseSelect
from semipose.methods.multiaugs import MultiAugs, MultiAugsDual
from semipose.methods.sspcm import Sspcm
from semipose.papers.find import recipe

STEPS: list[tuple[str, str, type[Method], type[Method]]] = [
    ("supervised", "naive", Method, Naive),
    ("naive", "single", Naive, Single),
    ("single", "dual", Single, Dual),
    ("dual", "denoise_select", Dual, DenoiseSelect),
    ("dual", "sspcm", Dual, Sspcm),
    ("single", "multiaugs", Single, MultiAugs),
    ("dual", "multiaugs_dual", Dual, MultiAugsDual),
]
SETTINGS = [
    ("single", "undetached", "gradient goes through the teacher too (section 3.3): `teacher=Learning(student)`"),
    ("single", "single-jc", "Joint Cutout in the hard view (section 4.1)"),
    ("single", "easy-easy", "both views of the easy strength (section 6.3, D1)"),
    ("single", "hard-hard", "both of the hard strength (D2)"),
    ("single", "hard-easy", "the hard view teaches the easy one (D3)"),
    ("easy-easy", "confident0.4", "only confident joints teach (A2)"),
    ("easy-easy", "mean-teacher0.999", "an average of the student teaches (B2): `teacher=Ema(student, decay)`"),
    ("easy-easy", "foreground", "cells of high response weigh more (C)"),
    (
        "single",
        "pseudopose",
        "a fixed teacher, trained on the labels before (section 5, Eq. 8): `teacher=Frozen(trained)`",
    ),
    (
        "pseudopose",
        "datadistill",
        "its heatmaps of several views are summed, keypoints read off, Gaussians drawn anew: `teach=distilled(...)`",
    ),
    ("naive", "naive-lambda0.1", "a lower weight (section 3.2)"),
    ("supervised", "supervised-hard", "hard augmentation of the labelled images (section 6.2)"),
    ("dual-a", "dual-ra", "RandAugment in the hard view (Figure 5)"),
    ("dual-a", "dual", "Joint Cutout in the hard view (section 6.2)"),
    ("dual-a", "dual-mixed", "two architectures (Table 2)"),
    ("dual", "dual-refine", "low peaks do not teach, the others are fresh Gaussians (Yu et al., Table 2)"),
    ("dual-refine", "denoise-select", "pooled views, and the surer network teaches (Algorithm 1)"),
    (
        "mean-teacher0.999",
        "unbiased-teacher",
        "burn-in on labels, after which the average starts (Table 2), and an easy-hard pair of views",
    ),
    ("unbiased-teacher", "unbiased-teacher-refine", "low peaks do not teach, the others are fresh Gaussians (Table 2)"),
    ("dual", "released-dual", "the released code instead of the paper"),
    ("single", "ema0.6", "Kim et al., Table 2: an average of the student teaches: `teacher=Ema(student, decay)`"),
    ("ema0.6", "eman0.6", 'Eq. 3: batch norm\'s statistics are averaged: `teacher=Ema(student, decay, "sigma")`'),
    ("single", "mum", "section 3.1: tiles of the images are mixed: `mix=Mixing(...)`"),
    ("mum", "pose_mum-affine", "section 3.2: and of what some stages give: `mix=Mixing(..., after=...)`"),
    ("pose_mum-affine", "pose_mum", "Table 3: the student's view is the teacher's"),
    ("pose_mum", "pose_mum_plus", "section 4.4: taught by EMAN"),
    ("dual", "dual-jo", "joint cut-occlude, and a second affine on the easy crop (Huang et al.)"),
    ("dual-jo", "sspcm-plain", "a third network learns the mean of the two, and low peaks do not teach"),
    ("sspcm-plain", "sspcm", "the mean of the closest pair, of now or of the last epoch's end"),
    ("sspcm", "sspcm-mixed", "a larger network in the pair"),
    ("single", "multiaugs-joco", "one occluded copy of the easy crop (Zhou et al.)"),
    ("multiaugs-joco", "multiaugs", "three more, their losses summed"),
    ("multiaugs", "multiaugs-dual", "the peer teaches"),
]
HEAD = """# Differences

What the methods of Xie et al. (ICCV 2021), Kim et al. (Pose-MUM), Yu et al. (WACV 2024), Huang et al. (SSPCM) and Zhou
et al. (MultiAugs) differ in, written by `python docs/differences.py` from the code; a test keeps it true. The lines of
a step are explained in [ARCHITECTURE.md](ARCHITECTURE.md).

## Steps

Every method of the papers takes one of these steps. What it teaches about unlabelled images is `pseudo`, which the
step begins with; a pair of networks learns it in `taught`.
"""
PARTS = ("pseudo", "taught", "step")


def document() -> str:
    """The page."""
    parts = [HEAD]
    for before, after, first, second in STEPS:
        parts.append(f"### {before} → {after}\n\n```diff\n{step_difference(first, second)}\n```\n")
    parts.append(
        "## The same step with other arguments\n\n| from | to | the paper | settings that change |\n|---|---|---|---|\n"
    )
    rows = [
        f"| `{before}` | `{after}` | {words} | {setting_differences(before, after)} |"
        for before, after, words in SETTINGS
    ]
    return "\n".join(parts) + "\n".join(rows) + "\n"


def step_difference(first: type[Method], second: type[Method]) -> str:
    """The unified difference of two methods' parts, whole."""
    lines = [
        [line for name in PARTS if hasattr(each, name) for line in (f"{name}:", *body(getattr(each, name)), "")][:-1]
        for each in (first, second)
    ]
    return "\n".join(list(difflib.unified_diff(*lines, lineterm="", n=100))[3:])


def body(function: Callable[..., Any]) -> list[str]:
    """The lines of a function without its signature and docstring."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()[1:]
    kept = textwrap.dedent("\n".join(lines)).splitlines()
    while kept[0].startswith('"""') or kept[0].endswith('"""'):
        kept = kept[1 + next(i for i, line in enumerate(kept) if line.endswith('"""')) :]
    return [f"    {line}" if line else "" for line in kept]


def setting_differences(before: str, after: str) -> str:
    """`key: a → b` of two recipes; an option that only one of them reads where it is not the default. How many images
    are measured changes nothing that is learnt."""
    one, other = (to_dict(recipe(name)) for name in (before, after))
    for values, beside in ((one, other), (other, one)):
        plain = vars(options(values["method"]["name"]))
        own = values["method"].items()
        values["method"] = {key: value for key, value in own if key in beside["method"] or value != plain[key]}
        values.pop("pseudo")
    return "<br>".join(f"`{line.replace(' -> ', '` → `')}`" for line in differences(one, other))


if __name__ == "__main__":
    (Path(__file__).parent / "DIFFERENCES.md").write_text(document())
