"""What Xie et al., ICCV 2021, claim, by the rows of `tables.py`."""

from __future__ import annotations

from functools import partial

from semipose.papers.claims import NOTABLY, Claim, Side, above, best, close, collapses, falling, gains_more, keeps
from semipose.papers.scale import LABELS

FEW, SOME, MANY = LABELS
TABLE_1, TABLE_2 = "Table 1, section 6.2", "Table 2, section 6.2"
SUPERVISED, PSEUDOPOSE, DATADISTILL = "Supervised, A", "PseudoPose, A", "DataDistill, A"
SINGLE, DUAL = "Ours (Single), A", "Ours (Dual), A"
SINGLE_JC, DUAL_RA, DUAL_JC = "Ours (Single), A+JC", "Ours (Dual), A+RA", "Ours (Dual), A+JC"
PAIR = ("Dual of two ResNet18, first", "Dual of two ResNet18, second")
LARGE = "Dual of two HRNet w48, first"
MIXED, MIXED_LARGE = "Dual of ResNet18 and HRNet w48, ResNet18", "Dual of ResNet18 and HRNet w48, HRNet w48"


def at(label: str, labels: str, table: str = "table1") -> Side:
    """A row with so many labels."""
    return Side(table, f"{label}, {labels.upper()}")


VIEW, PAIRS, FAILED = (partial(Side, table) for table in ("figure5", "figure7", "figure8"))
LAMBDA, HARD = (partial(Side, table) for table in ("section3", "section6"))
MANY_LABELS, TEST, MPII = (partial(Side, table) for table in ("table3", "table4", "table5"))
ADAPT, TUNED, TUNED_3D = (partial(Side, table) for table in ("table6", "table7", "table8"))
DASHED = FAILED("supervised (dashed line)")

METHODS = (
    Claim(
        "headline",
        "Abstract, section 1, Table 1",
        "With 1K labels Dual with Joint Cutout is far above supervised training (44.6 AP and 31.5).",
        (above(at(DUAL_JC, FEW), at(SUPERVISED, FEW), NOTABLY),),
    ),
    Claim(
        "headline-pseudo-labels",
        "Section 1, Table 1",
        "With 1K labels Dual with Joint Cutout is far above both pseudo-labelling methods.",
        best(at(DUAL_JC, FEW), at(PSEUDOPOSE, FEW), at(DATADISTILL, FEW), by=NOTABLY),
    ),
    Claim(
        "best-of-all",
        TABLE_1,
        "With 1K labels Dual with Joint Cutout is the best row of the table.",
        best(*(at(one, FEW) for one in (DUAL_JC, DUAL_RA, SINGLE_JC, DUAL, SINGLE, DATADISTILL, PSEUDOPOSE))),
    ),
    *(
        Claim(
            f"unlabelled-help-{labels}",
            TABLE_1,
            f"With {labels.upper()} labels supervised training is the worst: every method gains by unlabelled images.",
            tuple(above(at(one, labels), at(SUPERVISED, labels)) for one in (PSEUDOPOSE, DATADISTILL, SINGLE, DUAL)),
        )
        for labels in LABELS
    ),
    Claim(
        "gain-with-fewer-labels",
        TABLE_1,
        "The fewer labels, the larger Dual's gain over supervised training.",
        tuple(
            one
            for few, more in ((FEW, SOME), (SOME, MANY))
            for one in gains_more(at(DUAL, few), at(SUPERVISED, few), at(DUAL, more), at(SUPERVISED, more))
        ),
    ),
    Claim(
        "datadistill-above-pseudopose",
        TABLE_1,
        "DataDistill is better than PseudoPose with any number of labels, as it teaches with several views.",
        tuple(above(at(DATADISTILL, labels), at(PSEUDOPOSE, labels)) for labels in LABELS),
    ),
    *(
        Claim(
            f"dual-above-pseudo-labels-{labels}",
            TABLE_1,
            f"With {labels.upper()} labels Dual is better than both pseudo-labelling methods.",
            best(at(DUAL, labels), at(PSEUDOPOSE, labels), at(DATADISTILL, labels)),
        )
        for labels in LABELS
    ),
    Claim(
        "single-above-pseudo-labels",
        "Table 1",
        "With 1K labels Single is better than both pseudo-labelling methods.",
        best(at(SINGLE, FEW), at(PSEUDOPOSE, FEW), at(DATADISTILL, FEW)),
    ),
    Claim(
        "single-below-pseudo-labels",
        "Table 1",
        "With 5K and 10K labels Single is below both pseudo-labelling methods.",
        tuple(
            above(at(one, labels), at(SINGLE, labels)) for labels in (SOME, MANY) for one in (PSEUDOPOSE, DATADISTILL)
        ),
    ),
    Claim(
        "dual-above-single",
        "Table 1, section 4.2",
        "Two networks that teach each other are better than one, with any number of labels.",
        tuple(above(at(DUAL, labels), at(SINGLE, labels)) for labels in LABELS),
    ),
    Claim(
        "dual-above-single-jc",
        "Table 1, section 4.2",
        "With Joint Cutout too, two networks are better than one.",
        tuple(above(at(DUAL_JC, labels), at(SINGLE_JC, labels)) for labels in LABELS),
    ),
    Claim(
        "randaugment-helps-dual",
        TABLE_1,
        "RandAugment in the hard view improves Dual with any number of labels.",
        tuple(above(at(DUAL_RA, labels), at(DUAL, labels)) for labels in LABELS),
    ),
    Claim(
        "cutout-helps-dual",
        TABLE_1,
        "Joint Cutout in the hard view improves Dual with any number of labels.",
        tuple(above(at(DUAL_JC, labels), at(DUAL, labels)) for labels in LABELS),
    ),
    Claim(
        "cutout-helps-single",
        TABLE_1,
        "Joint Cutout in the hard view improves Single with any number of labels.",
        tuple(above(at(SINGLE_JC, labels), at(SINGLE, labels)) for labels in LABELS),
    ),
    Claim(
        "cutout-notable-with-few",
        "Section 4.1, Table 1",
        "With 1K labels Joint Cutout improves Single and Dual by a notable margin.",
        (above(at(SINGLE_JC, FEW), at(SINGLE, FEW), NOTABLY), above(at(DUAL_JC, FEW), at(DUAL, FEW), NOTABLY)),
    ),
    Claim(
        "cutout-gains-with-few",
        TABLE_1,
        "Joint Cutout gains more with 1K labels than with 10K.",
        tuple(
            one
            for cutout, plain in ((SINGLE_JC, SINGLE), (DUAL_JC, DUAL))
            for one in gains_more(at(cutout, FEW), at(plain, FEW), at(cutout, MANY), at(plain, MANY))
        ),
    ),
    Claim(
        "cutout-above-randaugment",
        TABLE_1,
        "Joint Cutout is better than RandAugment in Dual with any number of labels.",
        tuple(above(at(DUAL_JC, labels), at(DUAL_RA, labels)) for labels in LABELS),
    ),
    Claim(
        "labels-help",
        "Table 1",
        "Supervised training gets better with every step from 1K to all labels.",
        falling(Side("table1", f"{SUPERVISED}, all"), *(at(SUPERVISED, labels) for labels in (MANY, SOME, FEW))),
    ),
    Claim(
        "all-labels-above",
        "Table 1",
        "Supervised training with all labels is above the best method with 10K.",
        (above(Side("table1", f"{SUPERVISED}, all"), at(DUAL_JC, MANY)),),
    ),
)

NETWORKS = (
    *(
        Claim(
            f"networks-close-{labels}",
            "Section 4.2, Table 2",
            f"With {labels.upper()} labels Dual's two networks end close to each other.",
            close(at(PAIR[0], labels, "table2"), at(PAIR[1], labels, "table2")),
        )
        for labels in LABELS
    ),
    Claim(
        "large-network-above",
        "Table 2",
        "Supervised, the large network is better than the small one with any number of labels.",
        tuple(
            above(at("Supervised, HRNet w48", labels, "table2"), at("Supervised, ResNet18", labels, "table2"))
            for labels in LABELS
        ),
    ),
    Claim(
        "large-peer-helps",
        TABLE_2,
        "With 1K labels the small network gains by a large margin where its peer is the large one (48.7 AP and 41.5).",
        (above(at(MIXED, FEW, "table2"), at(PAIR[0], FEW, "table2"), NOTABLY),),
    ),
    Claim(
        "large-peer-helps-more-labels",
        TABLE_2,
        "With 5K and 10K labels too, the small network gains where its peer is the large one.",
        tuple(above(at(MIXED, labels, "table2"), at(PAIR[0], labels, "table2")) for labels in (SOME, MANY)),
    ),
    Claim(
        "dual-helps-large-network",
        "Table 2",
        "Two large networks as Dual are far above the large network alone with any number of labels.",
        tuple(
            above(at(LARGE, labels, "table2"), at("Supervised, HRNet w48", labels, "table2"), NOTABLY)
            for labels in LABELS
        ),
    ),
    Claim(
        "small-peer-costs-large-network",
        "Table 2",
        "With 5K and 10K labels the large network is better beside its like than beside the small one.",
        tuple(above(at(LARGE, labels, "table2"), at(MIXED_LARGE, labels, "table2")) for labels in (SOME, MANY)),
    ),
)

COLLAPSE = (
    Claim(
        "naive-collapses",
        "Section 3.2, Figure 3",
        "With standard consistency the response to unlabelled images falls while the labelled images are learnt.",
        (collapses(Side("figure3", "Standard consistency")),),
    ),
    Claim(
        "naive-below-supervised",
        "Sections 1 and 3.2, Figure 3",
        "Standard consistency ends below supervised training.",
        (above(at(SUPERVISED, FEW), Side("figure3", "Standard consistency")),),
    ),
    Claim(
        "easy-hard-keeps",
        "Section 3.3, Figures 3 and 7",
        "Easy-hard training (Single) does not collapse.",
        (keeps(Side("figure3", "Easy-hard (Single, A)")),),
    ),
    Claim(
        "lambda-slows",
        "Section 3.2",
        "A smaller lambda slows the collapse: the smaller, the higher the response to unlabelled images.",
        falling(
            *(
                Side("section3", label, response="student")
                for label in ("lambda 0.01", "lambda 0.1", "Standard consistency, lambda 1")
            )
        ),
    ),
    Claim(
        "lambda-no-cure",
        "Section 3.2",
        "A smaller lambda does not prevent the collapse.",
        (collapses(LAMBDA("lambda 0.1")), collapses(LAMBDA("lambda 0.01"))),
    ),
    Claim(
        "more-labels-better",
        "Section 3.2",
        "With all labels standard consistency is better than with 1K.",
        (above(LAMBDA("all labels, WILD unlabelled"), LAMBDA("Standard consistency, lambda 1")),),
    ),
    Claim(
        "more-labels-no-cure",
        "Section 3.2",
        "With all labels standard consistency is still below supervised training.",
        (above(Side("table1", f"{SUPERVISED}, all"), LAMBDA("all labels, WILD unlabelled")),),
    ),
    Claim(
        "undetached-collapses",
        "Section 3.3",
        "Without detach it collapses, whatever the views.",
        (collapses(LAMBDA("easy-hard without detach")),),
    ),
    *(
        Claim(
            f"{label}-collapses",
            f"Section 6.2, Figure 7 {figure}",
            f"With {label} views the response to unlabelled images falls.",
            (collapses(PAIRS(f"(a) {label}" if figure == "(a)" else label)),),
        )
        for label, figure in (("easy-easy", "(a)"), ("hard-hard", "(c, d)"), ("hard-easy", "(c, d)"))
    ),
    *(
        Claim(
            f"{label}-below-supervised",
            f"Section 6.2, Figure 8 {bar}",
            f"With {label} views the result is below supervised training.",
            (above(DASHED, FAILED(f"{bar}: {label}")),),
        )
        for label, bar in (("easy-easy", "D1"), ("hard-hard", "D2"), ("hard-easy", "D3"))
    ),
    Claim(
        "low-confidence-worse",
        "Section 6.3, Figure 8 A1",
        "Teaching with predictions above a small threshold is much worse than supervised training.",
        (above(DASHED, FAILED("A1: confidence 0.2"), NOTABLY),),
    ),
    Claim(
        "high-confidence-barely",
        "Section 6.3, Figure 8 A4",
        "Teaching with predictions above a large threshold barely improves on supervised training.",
        close(FAILED("A4: confidence 0.8"), DASHED),
    ),
    Claim(
        "mean-teacher-below-supervised",
        "Section 6.3, Figure 8 B1 and B2",
        "Mean teacher with either decay is below supervised training.",
        (above(DASHED, FAILED("B1: mean teacher 0.99")), above(DASHED, FAILED("B2: mean teacher 0.999"))),
    ),
    Claim(
        "mean-teacher-collapses",
        "Section 2",
        "An average of the student as the teacher does not prevent the collapse.",
        (collapses(FAILED("B1: mean teacher 0.99")), collapses(FAILED("B2: mean teacher 0.999"))),
    ),
    Claim(
        "reweighting-collapses",
        "Section 6.3, Figure 8 C",
        "Larger weights for pixels with larger predictions do not prevent the collapse.",
        (collapses(FAILED("C: re-weighting")),),
    ),
)

VIEWS = (
    Claim(
        "affine-60-harder-than-30",
        "Section 4.1, Figure 5",
        "A network is far less accurate under Affine 60 than under Affine 30 (55.7 AP and 63.7).",
        (above(VIEW("affine30"), VIEW("affine60"), NOTABLY),),
    ),
    Claim(
        "stronger-affine-is-harder",
        "Section 4.1, Figure 5",
        "The stronger the affine views, the less accurate a network is.",
        falling(*(VIEW(f"affine{degrees}") for degrees in (10, 30, 60, 90))),
    ),
    Claim(
        "cutout-on-top-is-harder",
        "Section 4.1, Figure 5",
        "Affine 60 is easy beside Affine 60 with Joint Cutout or RandAugment on top.",
        best(VIEW("affine60"), VIEW("affine60+jc5"), VIEW("affine60+ra20")),
    ),
    Claim(
        "hard-labels-hurt-few",
        "Section 6.2",
        "Hard augmentation of the labelled images makes supervised training worse with 1K labels.",
        (above(HARD("A, 1K"), HARD("A+RA, 1K")),),
    ),
    Claim(
        "hard-labels-help-many",
        "Section 6.2",
        "Hard augmentation of the labelled images makes supervised training better with 10K labels (52.1 AP and 51.1).",
        (above(HARD("A+RA, 10K"), HARD("A, 10K")),),
    ),
)

APPLIED = (
    *(
        Claim(
            f"all-labels-{network.lower()}",
            "Table 3, section 6.4",
            f"With all labels too, unlabelled images improve {network}.",
            (above(MANY_LABELS(f"Ours, {network}"), MANY_LABELS(f"Supervised, {network}")),),
        )
        for network in ("ResNet50", "ResNet101", "ResNet152", "HRNetW48")
    ),
    Claim(
        "state-of-the-art-hrnet",
        "Table 4, section 6.4",
        "Unlabelled images improve the large HRNet with plain and with DARK decoding.",
        (
            above(TEST("Ours (+HRNet), HRNetW48, 384x288"), TEST("HRNet, HRNetW48, 384x288")),
            above(TEST("Ours (+DARK), HRNetW48, 384x288"), TEST("DARK, HRNetW48, 384x288")),
        ),
    ),
    Claim(
        "mpii-other-data",
        "Table 5, section 6.4",
        "Unlabelled images of another data set improve the result on MPII.",
        (above(MPII("Ours"), MPII("Sun et al.")),),
    ),
    Claim(
        "adaptation-less-error",
        "Table 6, section 6.5",
        "Unlabelled images of the new domain lower the 3D error there.",
        (above(ADAPT("Supervised, mean"), ADAPT("Ours, mean")),),
    ),
    Claim(
        "adaptation-pseudopose-less-error",
        "Table 6",
        "PseudoPose lowers the 3D error in the new domain too.",
        (above(ADAPT("Supervised, mean"), ADAPT("PseudoPose, mean")),),
    ),
    Claim(
        "adaptation-below-pseudopose",
        "Table 6, section 6.5",
        "Ours has a smaller 3D error in the new domain than PseudoPose.",
        (above(ADAPT("PseudoPose, mean"), ADAPT("Ours, mean")),),
    ),
    Claim(
        "adaptation-elbow-wrist",
        "Table 6, section 6.5",
        "The error of elbows and wrists falls by more than that of shoulders.",
        tuple(
            one
            for part in ("Elbow", "Wrist")
            for one in gains_more(
                ADAPT("Supervised, mean", part),
                ADAPT("Ours, mean", part),
                ADAPT("Supervised, mean", "Shoulder"),
                ADAPT("Ours, mean", "Shoulder"),
            )
        ),
    ),
    Claim(
        "pretraining-2d",
        "Table 7, section 6.5",
        "Pre-trained by ours, a fine-tuned network is more accurate in 2D than by supervised training or PseudoPose.",
        best(TUNED("Ours, average"), TUNED("Supervised, average"), TUNED("PseudoPose, average")),
    ),
    Claim(
        "pretraining-3d",
        "Table 8, section 6.5",
        "Pre-trained by ours, a fine-tuned network has less 3D error than by supervised training or PseudoPose.",
        tuple(
            above(TUNED_3D(other), TUNED_3D("Ours, average"))
            for other in ("Supervised, average", "PseudoPose, average")
        ),
    ),
)

CLAIMS: tuple[Claim, ...] = (*METHODS, *NETWORKS, *COLLAPSE, *VIEWS, *APPLIED)
