"""The results of Huang et al., SSPCM, as rows for `semipose reproduce`, and comparisons of ours without a number."""

from __future__ import annotations

from semipose.papers.scale import LABELS
from semipose.papers.tables import Row, Table

TABLES: dict[str, Table] = {
    "labels": Table(
        "AP by labels (ResNet18)",
        tuple(
            Row(f"SSPCM, {name.upper()}", f"sspcm-{name}", number)
            for name, number in zip(LABELS, (46.9, 57.5, 60.7), strict=True)
        ),
        "What is scored is the third network. At mini scale five and ten times the protocol's labels stand for 5K and"
        " 10K.",
    ),
    "parts": Table(
        "What the third network, its target and a larger network do (1K labels)",
        (
            Row("Dual, Joint Cutout", "dual-jc-1k"),
            Row("Dual, joint cut-occlude", "dual-1k"),
            Row("Third network, plain pair", "plain-1k"),
            Row("Third network, closest pair", "sspcm-1k", 46.9),
            Row("ResNet50 beside ResNet18", "mixed-1k"),
        ),
        "The comparison is ours, in one schedule. Dual's Joint Cutout is in Xie et al.'s views. At mini scale a network"
        " of twice the channels stands for ResNet50.",
    ),
}
