"""What Kim et al., Pose-MUM, claim, by the rows of `tables.py`."""

from __future__ import annotations

from functools import partial

from semipose.papers.claims import NOTABLY, Claim, Side, above, best, close, falling
from semipose.papers.scale import LABELS

MIXED, TAUGHT, ABLATION, DECAY = (partial(Side, f"table{number}") for number in (1, 2, 3, 4))
MUM, JC, AFFINE = ABLATION("MUM"), ABLATION("JC Augment-s"), ABLATION("Affine Augment-s")
POSE_MUM, POSE_MUM_AFFINE = ABLATION("Pose-MUM"), ABLATION("Pose-MUM-AT")
DECAYS = ("0.999", "0.99", "0.9", "0.6", "0.5")
SMALL, LARGE = "ResNet18", "ResNet101"


def _best_decay(network: str, decay: str) -> Claim:
    others = (DECAY(f"{other}, {network}") for other in DECAYS if other != decay)
    return Claim(
        f"best-decay-{network.lower()}",
        "Table 4, section 4.4",
        f"Of five decays of EMAN {decay} is best for {network}.",
        best(DECAY(f"{decay}, {network}"), *others),
    )


def _large_decay(network: str) -> Claim:
    return Claim(
        f"large-decay-worse-{network.lower()}",
        "Table 4, section 4.4",
        f"Large decays cost accuracy with {network}: 0.999 is below 0.99, and that below 0.9.",
        falling(*(DECAY(f"{decay}, {network}") for decay in ("0.9", "0.99", "0.999"))),
    )


def _plus(network: str, labels: str) -> Claim:
    plus, cutout = (
        Side("table5", f"{method}, {network}, {labels.upper()}") for method in ("Pose-MUM+", "JC Augment-s")
    )
    return Claim(
        f"plus-above-cutout-{network.lower()}-{labels}",
        "Table 5, section 4.4",
        f"With {labels.upper()} labels and {network} Pose-MUM+ is at least 2 points above Joint Cutout.",
        (above(plus, cutout, NOTABLY),),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        "groups-of-four",
        "Table 1, section 4.2",
        "MUM in groups of four images is better than in groups of two.",
        (above(MIXED("N_G 4, after encoder"), MIXED("N_G 2, after encoder")),),
    ),
    Claim(
        "unmix-not-early",
        "Table 1, section 4.2",
        "Unmixing after the encoder is far better than after layer 2.",
        (above(MIXED("N_G 4, after encoder"), MIXED("N_G 4, after layer-2"), NOTABLY),),
    ),
    Claim(
        "unmix-not-late",
        "Table 1, section 4.2",
        "Unmixing after the encoder is better than after the decoder.",
        (above(MIXED("N_G 4, after encoder"), MIXED("N_G 4, after decoder")),),
    ),
    Claim(
        "ema-below-single",
        "Table 2, section 4.2",
        "A teacher by EMA with a decay of 0.999 is below Single.",
        (above(TAUGHT("[19] + Single"), TAUGHT("[19] + EMA 0.999")),),
    ),
    Claim(
        "smaller-decay-helps-ema",
        "Table 2, section 4.2",
        "With a decay of 0.6 EMA is better than with 0.999.",
        (above(TAUGHT("[19] + EMA 0.6"), TAUGHT("[19] + EMA 0.999")),),
    ),
    Claim(
        "ema-0.6-below-single",
        "Table 2, section 4.2",
        "With a decay of 0.6 EMA is still below Single.",
        (above(TAUGHT("[19] + Single"), TAUGHT("[19] + EMA 0.6")),),
    ),
    Claim(
        "eman-above-single",
        "Table 2, section 4.2",
        "EMAN is slightly better than Single.",
        (above(TAUGHT("[19] + EMAN 0.6"), TAUGHT("[19] + Single")),),
    ),
    Claim(
        "eman-above-ema",
        "Section 3.3, Table 2, Figure 3",
        "EMAN is better than EMA with the same decay.",
        (above(TAUGHT("[19] + EMAN 0.6"), TAUGHT("[19] + EMA 0.6")),),
    ),
    Claim(
        "cutout-above-affine",
        "Table 3, section 4.3",
        "Joint Cutout improves Single.",
        (above(JC, AFFINE),),
    ),
    Claim(
        "mum-above-affine",
        "Table 3",
        "Mixing tiles (MUM) improves Single far.",
        (above(MUM, AFFINE, NOTABLY),),
    ),
    Claim(
        "mum-above-cutout",
        "Table 3, section 4.3",
        "MUM alone is better than Joint Cutout.",
        (above(MUM, JC),),
    ),
    Claim(
        "mum-adds-nothing-to-cutout",
        "Table 3, section 4.3",
        "MUM on top of Joint Cutout is close to Joint Cutout (41.9 AP and 42.1).",
        close(ABLATION("MUM-JC"), JC),
    ),
    Claim(
        "mum-best-alone",
        "Table 3, section 4.3",
        "MUM alone is better than with Joint Cutout or RandAugment.",
        best(MUM, ABLATION("MUM-JC"), ABLATION("MUM-RA")),
    ),
    Claim(
        "pose-mum-above-mum",
        "Table 3, section 4.3",
        "Mixing features too (Pose-MUM) is better than MUM.",
        (above(POSE_MUM_AFFINE, MUM),),
    ),
    Claim(
        "pose-mum-best-without-affine",
        "Table 3, section 4.3",
        "Pose-MUM without affine views is better than with them.",
        (above(POSE_MUM, POSE_MUM_AFFINE),),
    ),
    Claim(
        "pose-mum-best-of-all",
        "Table 3, section 4.3",
        "Pose-MUM is the best row of the ablation.",
        best(POSE_MUM, POSE_MUM_AFFINE, MUM, *map(ABLATION, ("MUM-RA", "MUM-JC")), JC, AFFINE),
    ),
    Claim(
        "pose-mum-above-supervised",
        "Table 3, section 4.3",
        "Pose-MUM is far above supervised training (46.48 AP and 31.5).",
        (above(POSE_MUM, ABLATION("Supervised Baseline"), NOTABLY),),
    ),
    Claim(
        "pose-mum-above-cutout",
        "Table 3, section 4.3",
        "Pose-MUM is far above Joint Cutout with one network (46.48 AP and 42.1).",
        (above(POSE_MUM, JC, NOTABLY),),
    ),
    _large_decay(SMALL),
    _large_decay(LARGE),
    _best_decay(SMALL, "0.6"),
    _best_decay(LARGE, "0.9"),
    Claim(
        "plus-above-pose-mum",
        "Tables 3 and 4, section 4.4",
        "EMAN improves Pose-MUM (46.9 AP and 46.48).",
        (above(DECAY(f"0.6, {SMALL}"), POSE_MUM),),
    ),
    Claim(
        "plus-larger-network",
        "Table 4, section 4.4",
        "A larger network improves Pose-MUM+, each at its best decay.",
        (above(DECAY(f"0.9, {LARGE}"), DECAY(f"0.6, {SMALL}")),),
    ),
    *(_plus(network, labels) for network in (SMALL, LARGE) for labels in LABELS),
)
