"""The tables and figures of Xie et al., ICCV 2021, as rows for `semipose reproduce`.

The paper gives Figures 3, 7 and 8 as curves and bars: their rows have the numbers that its text prints, most have none.
"""

from __future__ import annotations

from semipose.metrics.pckh import GROUPS
from semipose.papers.scale import LABELS
from semipose.papers.tables import AP_DETECTED, MPJPE, Row, Table


def _by_labels(label: str, plan: str, numbers: tuple[float | None, ...], network: str | None = None) -> list[Row]:
    return [
        Row(f"{label}, {name.upper()}", f"{plan}-{name}", number, network=network)
        for name, number in zip(LABELS, numbers, strict=True)
    ]


AT_VAL = ("AP50", "AR", "AR50")
AT_TEST = ("AP50", "AP75", "APM", "APL", "AR")
ARMS = ("Shoulder", "Elbow", "Wrist")
LIMBS = ("Knee", "Ankle", "Elbow", "Wrist")


def _of_coco(label: str, plan: str, parts: tuple[str, ...], numbers: tuple[float, ...], metric: str = "AP") -> Row:
    return Row(label, plan, numbers[0], metric, parts=dict(zip(parts, numbers[1:], strict=True)))


def _at_test(label: str, plan: str, numbers: tuple[float, ...]) -> Row:
    return _of_coco(label, plan, AT_TEST, numbers, AP_DETECTED)


def _of_mpii(label: str, plan: str, numbers: tuple[float, ...], total: float) -> Row:
    return Row(label, plan, total, "PCKh@0.5", parts=dict(zip(GROUPS, numbers, strict=True)))


def _of_arms(label: str, plan: str, numbers: tuple[float, ...], mean: float) -> Row:
    return Row(f"{label}, mean", plan, mean, MPJPE, parts=dict(zip(ARMS, numbers, strict=True)))


def _of_limbs(label: str, plan: str, metric: str, numbers: tuple[float, ...], average: float) -> Row:
    return Row(f"{label}, average", plan, average, metric, parts=dict(zip(LIMBS, numbers, strict=True)))


TABLES: dict[str, Table] = {
    "table1": Table(
        "AP of different methods on COCO with 1K, 5K and 10K labels (ResNet18)",
        (
            *_by_labels("Supervised, A", "supervised", (31.5, 46.4, 51.1)),
            Row("Supervised, A, all", "supervised-all", 67.1),
            *_by_labels("PseudoPose, A", "pseudopose", (37.2, 50.9, 56.0)),
            *_by_labels("DataDistill, A", "datadistill", (37.6, 51.6, 56.6)),
            *_by_labels("Ours (Single), A", "single", (38.5, 50.5, 55.4)),
            *_by_labels("Ours (Dual), A", "dual-a", (41.5, 54.8, 58.7)),
            *_by_labels("Ours (Single), A+JC", "single-jc", (42.1, 52.3, 57.3)),
            *_by_labels("Ours (Dual), A+RA", "dual-ra", (43.7, 55.4, 59.3)),
            *_by_labels("Ours (Dual), A+JC", "dual-jc", (44.6, 55.6, 59.6)),
        ),
        "At mini scale the protocol's labels stand for 1K, five and ten times as many for 5K and 10K, and the"
        " unlabelled people's labels for all.",
    ),
    "table2": Table(
        "Different networks for the two models on COCO",
        (
            *_by_labels("Supervised, ResNet18", "supervised", (31.5, 46.4, 51.1)),
            *_by_labels("Supervised, HRNet w48", "supervised-hrnet", (39.2, 57.7, 63.7)),
            *_by_labels("Dual of two ResNet18, first", "dual-a", (41.5, 54.6, 58.6), "a"),
            *_by_labels("Dual of two ResNet18, second", "dual-a", (41.6, 54.9, 58.8), "b"),
            *_by_labels("Dual of two HRNet w48, first", "dual-hrnet", (50.9, 64.3, 67.9), "a"),
            *_by_labels("Dual of two HRNet w48, second", "dual-hrnet", (51.0, 64.2, 67.9), "b"),
            *_by_labels("Dual of ResNet18 and HRNet w48, ResNet18", "dual-mixed", (48.7, 59.4, 62.5), "a"),
            *_by_labels("Dual of ResNet18 and HRNet w48, HRNet w48", "dual-mixed", (50.9, 62.8, 66.8), "b"),
        ),
        "At mini scale a ResNet of twice the channels stands for HRNet w48.",
    ),
    "table3": Table(
        "COCO VAL with all of TRAIN labelled and WILD unlabelled",
        (
            _of_coco("Supervised, ResNet50", "supervised-all-resnet50", AT_VAL, (70.9, 91.4, 74.2, 92.3)),
            _of_coco("Ours, ResNet50", "dual-all-resnet50", AT_VAL, (73.9, 92.5, 77.0, 93.5)),
            _of_coco("Supervised, ResNet101", "supervised-all-resnet101", AT_VAL, (72.5, 92.5, 75.6, 93.1)),
            _of_coco("Ours, ResNet101", "dual-all-resnet101", AT_VAL, (75.3, 93.6, 78.2, 94.1)),
            _of_coco("Supervised, ResNet152", "supervised-all-resnet152", AT_VAL, (73.2, 92.5, 76.3, 93.2)),
            _of_coco("Ours, ResNet152", "dual-all-resnet152", AT_VAL, (75.5, 93.6, 78.5, 94.3)),
            _of_coco("Supervised, HRNetW48", "supervised-all-hrnet_w48", AT_VAL, (77.2, 93.5, 79.9, 94.1)),
            _of_coco("Ours, HRNetW48", "dual-all-hrnet_w48", AT_VAL, (79.2, 94.6, 81.7, 95.1)),
        ),
        "The released code trains 400 epochs (300, 350) here, HRNet 300 (220, 260); these rows have the paper's 100. At"
        " mini scale the unlabelled people's labels stand for TRAIN, as many further people for WILD, two and three"
        " blocks a stage for ResNet101 and 152, and twice the channels for HRNet w48.",
    ),
    "table4": Table(
        "COCO TEST-DEV",
        (
            _at_test("SB, ResNet50", "supervised-all-resnet50", (70.2, 90.9, 78.3, 67.1, 75.9, 75.8)),
            _at_test("SB, ResNet152", "supervised-all-resnet152", (71.9, 91.4, 80.1, 68.9, 77.4, 77.5)),
            _at_test("HRNet, HRNetW48, 384x288", "supervised-large-hrnet_w48", (75.5, 92.5, 83.3, 71.9, 81.5, 80.5)),
            _at_test("DARK, HRNetW48, 384x288", "supervised-dark-hrnet_w48", (76.2, 92.5, 83.6, 72.5, 82.4, 81.1)),
            _at_test("Ours (+SB), ResNet50", "dual-all-resnet50", (72.3, 91.8, 80.5, 69.3, 77.8, 77.7)),
            _at_test("Ours (+SB), ResNet152", "dual-all-resnet152", (73.7, 92.1, 82.1, 71.0, 79.0, 79.1)),
            _at_test("Ours (+HRNet), HRNetW48, 384x288", "dual-large-hrnet_w48", (76.7, 92.5, 84.3, 73.5, 82.5, 81.8)),
            _at_test("Ours (+DARK), HRNetW48, 384x288", "dual-dark-hrnet_w48", (77.2, 92.6, 84.5, 73.9, 82.9, 82.2)),
        ),
        "The paper's numbers are of TEST-DEV, from the benchmark's server; what is measured here is VAL, with flip test"
        " too, in SimpleBaseline's detected boxes, which have to be at"
        " ROOT/coco/person_detection_results/COCO_val2017_detections_AP_H_56_person.json. A submission for TEST-DEV is"
        " written by semipose predict --submit. At mini scale as Table 3, in true boxes and without flip test, the"
        " input no larger.",
    ),
    "table5": Table(
        "MPII with AI Challenger unlabelled (HRNetW32, 256x256)",
        (
            _of_mpii("Sun et al.", "supervised-mpii", (98.6, 96.9, 92.8, 89.0, 91.5, 89.0, 85.7), 92.3),
            _of_mpii("Ours", "dual-mpii", (98.7, 97.3, 93.7, 90.2, 92.0, 90.3, 86.5), 93.0),
        ),
        "The paper's numbers are of the test set, from the benchmark's server; what is measured here is validation. At"
        " mini scale wild people stand for both data sets, and a network of twice the channels for HRNet.",
    ),
    "table6": Table(
        "Domain adaptation: labels of MPII, unlabelled images of H36M, evaluated on H36M",
        (
            _of_arms("Supervised", "adapt-supervised", (40.3, 67.0, 89.3), 65.5),
            _of_arms("PseudoPose", "adapt-pseudopose", (39.6, 59.2, 76.8), 58.5),
            _of_arms("Ours", "adapt-dual", (35.8, 56.4, 77.6), 56.6),
        ),
        "MPJPE here is absolute, of joints that both data sets name, its mean that of the columns, as the paper's."
        " At mini scale 2,000 wild people with labels stand for MPII, studio ones for H36M.",
    ),
    "table7": Table(
        "Pre-trained models fine-tuned on H36M: 2D",
        (
            _of_limbs("Supervised", "finetune-supervised", "JDR", (92.5, 88.8, 88.2, 83.3), 88.2),
            _of_limbs("PseudoPose", "finetune-pseudopose", "JDR", (92.1, 88.5, 89.3, 84.1), 88.5),
            _of_limbs("Ours", "finetune-dual", "JDR", (93.5, 90.6, 89.9, 84.9), 89.7),
        ),
        "At mini scale wild people stand for MPII and AI Challenger, on which networks are pre-trained, and the"
        " protocol's labelled studio people for H36M, on which they are fine-tuned.",
    ),
    "table8": Table(
        "Pre-trained models fine-tuned on H36M: 3D",
        (
            _of_limbs("Supervised", "finetune-supervised", MPJPE, (38.2, 58.0, 39.7, 56.2), 48.0),
            _of_limbs("PseudoPose", "finetune-pseudopose", MPJPE, (37.5, 59.0, 39.4, 54.8), 47.7),
            _of_limbs("Ours", "finetune-dual", MPJPE, (35.3, 49.3, 36.2, 50.1), 42.7),
        ),
        "As Table 7; MPJPE here is absolute. The paper's average is the mean of its four columns, and so is this.",
    ),
    "figure3": Table(
        "Responses of standard consistency and of easy-hard training, 1K labels",
        (Row("Standard consistency", "naive", 0.9), Row("Easy-hard (Single, A)", "single-1k")),
    ),
    "figure5": Table(
        "A network's accuracy under different augmentation",
        (
            *(
                Row(each, "supervised-all", number, view=each)
                for each, number in (
                    ("none", None),
                    ("affine10", None),
                    ("affine30", 63.7),
                    ("affine60", 55.7),
                    ("affine90", None),
                    ("ra20", None),
                    ("jc5", None),
                    ("affine60+ra20", None),
                    ("affine60+jc5", None),
                )
            ),
        ),
        "Measured as PCK by semipose gap. The paper does not say which network its figure is of; it used 1K images.",
    ),
    "figure7": Table(
        "Responses by views, Single",
        (
            Row("(a) easy-easy", "easy-easy"),
            Row("easy-hard", "single-1k"),
            Row("hard-hard", "hard-hard"),
            Row("hard-easy", "hard-easy"),
        ),
        "Paper: the response to unlabelled images falls to zero without a gap from easy to hard.",
    ),
    "figure8": Table(
        "Failed attempts, 1K labels",
        (
            Row("supervised (dashed line)", "supervised-1k", 31.5),
            *(Row(f"A{i}: confidence {c}", f"confident-{c}") for i, c in enumerate(("0.2", "0.4", "0.6", "0.8"), 1)),
            Row("B1: mean teacher 0.99", "mean-teacher-0.99"),
            Row("B2: mean teacher 0.999", "mean-teacher-0.999"),
            Row("C: re-weighting", "foreground"),
            Row("D1: easy-easy", "easy-easy"),
            Row("D2: hard-hard", "hard-hard"),
            Row("D3: hard-easy", "hard-easy"),
        ),
        "Paper: all are worse than supervised but the highest threshold, which barely improves.",
    ),
    "section3": Table(
        "Attempts of section 3",
        (
            Row("Standard consistency, lambda 1", "naive", 0.9),
            Row("lambda 0.1", "naive-0.1"),
            Row("lambda 0.01", "naive-0.01"),
            Row("all labels, WILD unlabelled", "naive-all"),
            Row("easy-hard without detach", "undetached"),
        ),
        "Paper: a smaller lambda slows the collapse down; without detach it collapses with any views. The values of"
        " lambda are ours.",
    ),
    "section6": Table(
        "Hard augmentation in supervised training (section 6.2)",
        (
            *_by_labels("A", "supervised", (31.5, 46.4, 51.1)),
            *_by_labels("A+RA", "supervised-hard", (None, None, 52.1)),
        ),
        "Paper: a decrease with 1K labels. It does not say which hard augmentation.",
    ),
}
