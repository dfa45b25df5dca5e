"""The tables of Kim et al., Pose-MUM, as rows for `semipose reproduce`; Figures 3 and 4 are curves of Table 2's."""

from __future__ import annotations

from semipose.papers.pose_mum.plans import BEST, DECAYS, LARGE, SMALL
from semipose.papers.scale import LABELS
from semipose.papers.tables import Row, Table

NAMES = {SMALL: "ResNet18", LARGE: "ResNet101"}
TABLE4 = {SMALL: (44.33, 45.13, 46.47, 46.9, 45.91), LARGE: (46.13, 47.29, 48.94, 47.64, 48.8)}
TABLE5 = {
    "JC Augment-s": {SMALL: (42.1, 52.3, 57.3), LARGE: (46.86, 56.7, 62.32)},
    "Pose-MUM+": {SMALL: (46.9, 56.46, 59.53), LARGE: (48.94, 60.72, 64.65)},
}
OURS = "The paper does not say which stages mix, how often, with which lambda: those here are ours."


def _of_table5(method: str, labels: str, backbone: str) -> str:
    if method == "Pose-MUM+":
        return f"plus-{backbone}-{BEST[backbone]:g}" if labels == "1k" else f"plus-{backbone}-{labels}"
    return "single-jc-1k" if (labels, backbone) == ("1k", SMALL) else f"single-jc-{backbone}-{labels}"


TABLES: dict[str, Table] = {
    "table1": Table(
        "Hyper-parameters of MUM (Affine + MUM, ResNet18, 1K labels)",
        (
            Row("N_G 4, after encoder", "mum", 45.5),
            Row("N_G 2, after encoder", "mum-group2", 44.6),
            Row("N_G 4, after layer-2", "mum-layer2", 39.2),
            Row("N_G 4, after decoder", "mum-decoder", 45.0),
        ),
    ),
    "table2": Table(
        "The affine baseline with Single, EMA and EMAN (ResNet18, 1K labels)",
        (
            Row("[19] + Single", "single-1k", 38.44),
            Row("[19] + EMA 0.999", "ema-0.999", 35.94),
            Row("[19] + EMA 0.6", "ema-0.6", 36.31),
            Row("[19] + EMAN 0.6", "eman-0.6", 38.63),
        ),
        "What is scored is the student. EMAN's student sees labelled and other images in one batch, as EMAN's released"
        " code does; the others in two.",
    ),
    "table3": Table(
        "Ablation of MUM and Pose-MUM (ResNet18, 1K labels)",
        (
            Row("Supervised Baseline", "supervised-1k", 31.5),
            Row("Affine Augment-s", "single-1k", 38.5),
            Row("JC Augment-s", "single-jc-1k", 42.1),
            Row("MUM-JC", "mum-jc", 41.9),
            Row("MUM-RA", "mum-ra", 43.8),
            Row("MUM", "mum", 45.5),
            Row("Pose-MUM-AT", "pose-mum-affine", 46.12),
            Row("Pose-MUM", "pose-mum", 46.48),
        ),
        f"{OURS} Pose-MUM without affine: the student sees the teacher's own view, mixed.",
    ),
    "table4": Table(
        "Pose-MUM+ by EMAN's decay and backbone (1K labels)",
        tuple(
            Row(f"{decay:g}, {NAMES[backbone]}", f"plus-{backbone}-{decay:g}", number)
            for backbone, numbers in TABLE4.items()
            for decay, number in zip(DECAYS, numbers, strict=True)
        ),
        f"{OURS} At mini scale a ResNet of twice the channels stands for ResNet101.",
    ),
    "table5": Table(
        "Pose-MUM+ beside JC Augment-s by labels and backbone",
        tuple(
            Row(f"{method}, {NAMES[backbone]}, {labels.upper()}", _of_table5(method, labels, backbone), number)
            for method, backbones in TABLE5.items()
            for backbone, numbers in backbones.items()
            for labels, number in zip(LABELS, numbers, strict=True)
        ),
        f"{OURS} At mini scale five and ten times the protocol's labels stand for 5K and 10K.",
    ),
}
