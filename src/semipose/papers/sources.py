"""Where the constants of a configuration come from: what `semipose recipes show` writes behind each."""

from __future__ import annotations

from collections.abc import Mapping

from semipose.config import MethodConfig
from semipose.methods import MIX, NEED_TEACHER, NEED_UNLABELED

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
    "method.name": "Xie, section 4.2: Dual",
    "method.easy": "Xie, section 4.1; the mirror: released code",
    "method.hard": "Xie, sections 4.1 and 6.2; a mirror of its own: ours",
    "method.labeled": "Xie, Eq. 8: as easy",
    "method.hard_of": "Xie, Eq. 3",
    "method.outside": "ours; background in Xie's released code",
    "method.weight": "Xie, section 3.2",
    "method.share": "Xie, Eq. 1 and section 3.2",
    "method.teach": "Xie, Eq. 2: heatmaps as they are",
    "method.sigma": "ours: the labels'",
    "method.teacher": "yours to name",
    "method.decay": "Xie, section 6.3; Kim, Tables 2 and 4",
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


def used(method: MethodConfig, key: str) -> bool:
    """Whether a method looks at a dotted key."""
    section, _, name = key.rpartition(".")
    if key == "method.sigma":
        return method.name == "datadistill" or "refined" in method.teach or "zeroed" in method.teach
    if key == "peer":
        return method.name in PAIR
    return section != "method" or name not in USED or method.name in USED[name]
