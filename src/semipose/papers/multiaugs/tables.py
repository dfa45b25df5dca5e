"""The results of Zhou et al., MultiAugs, as rows for `semipose reproduce`; the numbers of its ablations were not at
hand."""

from __future__ import annotations

from semipose.papers.multiaugs.methods import ALONE, DIFFERENT
from semipose.papers.multiaugs.plans import COUNTS
from semipose.papers.scale import LABELS
from semipose.papers.tables import Row, Table

NUMBERS = {"single": (45.5, 56.2, 59.9), "dual": (49.7, 58.8, 61.8)}


def _different(count: int) -> str:
    return "single-1k" if count == len(DIFFERENT) else f"different-{count}"


TABLES: dict[str, Table] = {
    "labels": Table(
        "AP by labels (ResNet18)",
        tuple(
            Row(f"MultiAugs ({kind.title()}), {name.upper()}", f"{kind}-{name}", number)
            for kind, numbers in NUMBERS.items()
            for name, number in zip(LABELS, numbers, strict=True)
        ),
        "Paths at 5K and 10K labels are those of 1K. At mini scale five and ten times the protocol's labels stand for"
        " 5K and 10K.",
    ),
    "wild": Table(
        "COCO VAL with all of TRAIN labelled and WILD unlabelled (Dual)",
        (
            Row("ResNet50", "wild-resnet50", 74.6),
            Row("HRNet w48, 384x288", "wild-hrnet_w48", 79.5),
        ),
        "The paper's boxes, flip test and length were not at hand; these rows: true boxes, no flip test, 100 epochs."
        " At mini scale the unlabelled people's labels stand for TRAIN, as many further people for WILD, and twice the"
        " channels for HRNet w48.",
    ),
    "augmentations": Table(
        "One path (Single, 1K labels)",
        tuple(Row(path, f"alone-{name}") for name, path in ALONE.items()),
        "The paper has TrivialAugment and YOCO too. Its numbers were not at hand.",
    ),
    "paths": Table(
        "One path repeated beside different ones (Single, 1K labels)",
        (
            Row("joco", "alone-joco"),
            *(Row(f"{count} times joco", f"repeated-{count}") for count in COUNTS),
            *(Row(f"{count} different: {', '.join(DIFFERENT[:count])}", _different(count)) for count in COUNTS),
        ),
        "Paper: different ones win. Its numbers were not at hand.",
    ),
}
