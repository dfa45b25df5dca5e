"""Figures of the studies (matplotlib)."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import matplotlib
import numpy as np

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from records import curve
from semipose.data.images import read_image
from semipose.drawing.poses import contact_sheet, draw_pose
from semipose.metrics.pck import box_norm, normalized_distance
from semipose.skeleton import Skeleton

RESPONSES = {
    "response/labeled": ("labelled", "tab:blue"),
    "response/teacher": ("unlabelled, teacher", "tab:red"),
    "response/student": ("unlabelled, student", "tab:green"),
}


SVG = {"svg.fonttype": "none", "svg.hashsalt": "semipose", "font.sans-serif": ["DejaVu Sans"]}


def save_figure(figure: Figure, path: Path) -> None:
    """The same bytes each time, text as text, and coordinates to a tenth of a point."""
    text = io.StringIO()
    with matplotlib.rc_context(SVG):
        figure.savefig(text, metadata={"Date": None, "Creator": None})
    plt.close(figure)

    def rounded(attribute: re.Match[str]) -> str:
        return re.sub(r"-?\d+\.\d{2,}", lambda number: f"{round(float(number[0]), 1):g}", attribute[0])

    short = re.sub(r"\s*\n(?=[LMz]|\")", " ", re.sub(r'"[^"]*"', rounded, text.getvalue()))
    short = re.sub(r' d="M [^CQz"]*"', lambda line: line[0].replace(" L ", " "), short)  # L is what follows M anyway
    path.write_text(re.sub(r"\n\s*", "\n", short))


def response_figure(naive: Mapping[str, Any], single: Mapping[str, Any], path: Path) -> None:
    """Responses and validation PCK of naive (top) and easy-hard training (below), as Xie et al. 2021, Figure 3."""
    figure, axes = plt.subplots(2, 2, figsize=(8, 5), sharex=True, layout="constrained")
    for row, (title, run) in zip(axes, {"naive": naive, "easy-hard Single": single}.items(), strict=True):
        for column, (label, color) in RESPONSES.items():
            row[0].plot(*curve(run, column), label=label, color=color)
        steps, pck = curve(run, "val/pck")
        row[1].plot(steps, [100 * value for value in pck], color="black", marker="o", markersize=3)
        row[0].set(title=f"{title}: response", ylim=(0, 1))
        row[1].set(title=f"{title}: validation PCK, %", ylim=(0, 60))
    axes[0][0].legend(fontsize=8)
    for axis in axes[1]:
        axis.set_xlabel("step")
    save_figure(figure, path)


def responses_figure(runs: Mapping[str, Mapping[str, Any]], path: Path, columns: int = 4) -> None:
    """Responses to labelled and unlabelled images over the steps, a panel a run that has unlabelled ones."""
    shown = {name: run for name, run in runs.items() if curve(run, "response/student")[0]}
    rows = -(-len(shown) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(2.2 * columns, 1.7 * rows),
        sharex=True,
        sharey=True,
        layout="constrained",
        squeeze=False,
    )
    for axis in axes.flat[len(shown) :]:
        axis.axis("off")
    for axis, (name, run) in zip(axes.flat, shown.items(), strict=False):
        for column, (label, color) in RESPONSES.items():
            axis.plot(*curve(run, column), label=label, color=color, linewidth=1)
        axis.set_title(name, fontsize=8)
        axis.set_ylim(0, 1.05)
        axis.grid(axis="y", alpha=0.3)
        axis.tick_params(bottom=False, left=False)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0][0].legend(fontsize=6)
    save_figure(figure, path)


def learning_figure(
    runs: Mapping[str, Mapping[str, Any]], path: Path, column: str = "val/pck", label: str = "validation PCK, %"
) -> None:
    """A share of several runs over their steps."""
    figure, axis = plt.subplots(figsize=(6, 4), layout="constrained")
    for name, run in runs.items():
        steps, pck = curve(run, column)
        axis.plot(steps, [100 * value for value in pck], marker="o", markersize=3, label=name)
    axis.set(xlabel="step", ylabel=label)
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    save_figure(figure, path)


def student_figure(runs: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Validation PCK and training loss over the steps, as Figures 3 and 4 of Pose-MUM."""
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for name, run in runs.items():
        steps, pck = curve(run, "val/pck")
        axes[0].plot(steps, [100 * value for value in pck], marker="o", markersize=2, label=name)
        (table,) = run["losses"]
        losses = [1000 * (a + b) for a, b in zip(table["loss/supervised"], table["loss/unsupervised"], strict=True)]
        axes[1].plot(table["step"], losses, label=name, linewidth=1)
    axes[0].set(xlabel="step", ylabel="validation PCK, %", title="as Figure 3")
    axes[1].set(xlabel="step", ylabel="training loss, x 1000", yscale="log", title="as Figure 4")
    axes[0].legend(fontsize=8)
    for axis in axes:
        axis.grid(alpha=0.3)
    save_figure(figure, path)


def comparison_picture(supervised: Path, dual: Path, path: Path, count: int = 7, height: int = 240) -> None:
    """Rows of truth, supervised and Dual prediction, of validation images spread evenly over the gain in correct joints
    (from the most lost to the most won), so that none is picked by hand."""
    documents = [json.loads((run / "predictions" / "val.json").read_text()) for run in (supervised, dual)]
    skeleton = Skeleton.from_dict(documents[0]["skeleton"])
    samples = [document["samples"] for document in documents]
    truth = np.array([sample["truth"] for sample in samples[0]])
    poses = [np.array([next(iter(sample["pred"].values())) for sample in each]) for each in samples]
    right = [(normalized_distance(pose, truth, box_norm(truth)) <= 0.1).sum(1) for pose in poses]
    order = np.argsort(right[1].astype(int) - right[0], kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, count).round().astype(int)]
    rows: list[list[np.ndarray]] = [[], [], []]
    for number in chosen:
        image = read_image(samples[0][number]["image"])
        scale = height / image.shape[0]
        large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        scaled = [keypoints[number] * [scale, scale, 1] for keypoints in (truth, *poses)]
        rows[0].append(draw_pose(large, scaled[0], skeleton, "truth"))
        for row, pose in zip(rows[1:], scaled[1:], strict=True):
            row.append(draw_pose(large, pose, skeleton, fade=(0, 0.01)))
    sheet = contact_sheet([image for row in rows for image in row], count)
    cv2.imwrite(str(path), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
