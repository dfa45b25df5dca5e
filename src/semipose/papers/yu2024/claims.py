"""What the supplement of Yu et al., WACV 2024, claims, by the rows of `tables.py`. The main paper was not at hand."""

from __future__ import annotations

from functools import partial

from semipose.papers.claims import NOTABLY, Claim, Side, above, best

POOL, FRAME = partial(Side, "table1"), partial(Side, "table2")
TEACHER, DUAL = FRAME("Teacher-Student"), FRAME("Dual-Student")
TEACHER_REFINE, DUAL_REFINE = (FRAME(f"{name}-Student, Threshold-and-Refine") for name in ("Teacher", "Dual"))
POOLING, FRAMES = "Supplement, Table 1, section 1.1", "Supplement, Table 2, section 1.2"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "maximum-above-average",
        POOLING,
        "The maximum over views gives far more accurate pseudo-heatmaps than their average (66.0 and 63.9).",
        (above(POOL("Maximum"), POOL("Average"), NOTABLY),),
    ),
    Claim(
        "maximum-most-accurate",
        POOLING,
        "The maximum over views gives the most accurate pseudo-heatmaps.",
        best(POOL("Maximum"), POOL("Average"), POOL("None")),
    ),
    Claim(
        "average-above-one-view",
        "Supplement, Table 1",
        "The average over views gives more accurate pseudo-heatmaps than one view (63.9 and 63.5).",
        (above(POOL("Average"), POOL("None")),),
    ),
    Claim(
        "dual-above-teacher-student",
        FRAMES,
        "Dual-student is significantly better than teacher-student.",
        (above(DUAL, TEACHER, NOTABLY),),
    ),
    Claim(
        "dual-above-teacher-student-refined",
        FRAMES,
        "Dual-student is better than teacher-student with threshold-and-refine too.",
        (above(DUAL_REFINE, TEACHER_REFINE),),
    ),
    Claim(
        "refine-helps-teacher-student",
        FRAMES,
        "Threshold-and-refine improves teacher-student.",
        (above(TEACHER_REFINE, TEACHER),),
    ),
    Claim(
        "refine-helps-dual",
        FRAMES,
        "Threshold-and-refine improves dual-student.",
        (above(DUAL_REFINE, DUAL),),
    ),
)
