"""The supplement's tables of Yu et al., WACV 2024, and its abstract's setting, as rows for `semipose reproduce`."""

from __future__ import annotations

from semipose.papers.tables import PSEUDO, Row, Table

TABLES: dict[str, Table] = {
    "table1": Table(
        "Accuracy of pseudo-heatmaps with different aggregations",
        (
            Row("None", "pool-none", 63.5, PSEUDO),
            Row("Average", "pool-mean", 63.9, PSEUDO),
            Row("Maximum", "denoise-select", 66.0, PSEUDO),
        ),
        "Measured on unlabelled images whose labels are held back. The supplement does not say on which images, at what"
        " threshold, or when in training; here each row is the whole method, trained with its aggregation.",
    ),
    "table2": Table(
        "Teacher-student and dual-student, with and without threshold-and-refine (1K labelled images)",
        (
            Row("Teacher-Student", "teacher-student", 32.83),
            Row("Teacher-Student, Threshold-and-Refine", "teacher-student-refine", 36.53),
            Row("Dual-Student", "dual", 42.67),
            Row("Dual-Student, Threshold-and-Refine", "dual-refine", 44.13),
        ),
        "Threshold, burn-in and, at mini scale, decay are ours.",
    ),
    "selection": Table(
        "Who teaches a joint (Algorithm 1, lines 23 to 26)",
        (
            Row("The surer network, as printed", "denoise-select"),
            Row("The peer, no selection", "select-none"),
            Row("The peer unless the student is surer", "select-peer"),
        ),
        "The supplement gives no numbers.",
    ),
    "abstract": Table(
        "500 labelled images",
        (
            Row("Supervised", "supervised-500"),
            Row("Dual", "dual-500"),
            Row("Dual, Threshold-and-Refine", "dual-refine-500"),
            Row("Whole method", "denoise-select-500"),
        ),
        "At mini scale half of the protocol's labelled people. The main paper's numbers were not at hand.",
    ),
}
