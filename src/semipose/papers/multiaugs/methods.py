"""The constants of Zhou et al., MultiAugs, 2024: which occlusions there are, and which of them are paths side by side.

Numbers of joints and holes are the released code's: Joint Cutout of 5 joints, joint cut-occlude of 2, 5 holes of
cutout, and 2 of cutmix, 5 in Dual. Affines as in our SSPCM: the strengths are ours.
"""

from __future__ import annotations

from typing import Any

from semipose.papers.sspcm.methods import CROP, SECOND

JC, JO, CO, CM, MU, RA = "jc5", "jo2", "co5", "cm2", "mu", "ra20"
JOCO, JCCM = "joco", "jccm"
"""The strong ones: cut-occlude then cutout, Joint Cutout then cutmix."""
JCCM_DUAL = "jc5+cm5"
ALONE = {"jc": JC, "jo": JO, "co": CO, "cm": CM, "mu": MU, "ra": RA, "joco": JOCO, "jccm": JCCM}
"""Occlusions, each of which is also a path of its own."""
DIFFERENT = (JOCO, JCCM, JC, JO)
"""Paths with 1K labels and ResNet18, the strongest first."""

VIEWS: dict[str, Any] = {**CROP, "hard": SECOND}
SINGLE: dict[str, Any] = {"name": "multiaugs", **VIEWS, "paths": list(DIFFERENT)}
DUAL: dict[str, Any] = {"name": "multiaugs_dual", **VIEWS, "paths": [JOCO, JCCM_DUAL, JC, JO]}
WILD: dict[str, Any] = {**DUAL, "paths": [JOCO, JCCM_DUAL]}
"""With all labels and COCO's unlabelled images."""

SOURCES = {
    "epochs": "Zhou: 30 at 1K, 70 at 5K, 100 at 10K labels",
    "optim.milestones": "Zhou: 20 and 25 at 1K, 50 and 60 at 5K, 70 and 90 at 10K labels",
    "method.paths": "Zhou, released code; at 5K and 10K labels ours: as at 1K",
    "model.sigma": "HRNet's published configuration at 384x288",
}
"""Of what is other than the default."""
