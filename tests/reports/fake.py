"""Run directories made of generated data: two networks and their ensemble on painted photographs."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

from semipose.metrics.summary import evaluate_predictions
from semipose.skeleton import LSP

STANCE = np.array(
    [[42, 95], [43, 75], [44, 55], [56, 55], [58, 75], [60, 95], [28, 52], [30, 38], [40, 25], [60, 25], [70, 38],
     [74, 52], [50, 20], [50, 5]], dtype=float
)  # fmt: skip


def make_run(
    path: Path, method: str = "dual", noise: float = 6.0, n: int = 16, seed: int = 0, **summary: object
) -> Path:
    """A complete run directory; larger `noise` predicts worse."""
    rng = np.random.default_rng(seed)
    (path / "predictions").mkdir(parents=True)
    names = ("a", "b") if method == "dual" else ("a",)
    data = np.random.default_rng(99)
    samples, truths = [], []
    for i in range(n):
        size = int(data.integers(150, 420))
        image = cv2.resize(
            data.integers(60, 200, (6, 6, 3), dtype=np.uint8), (size, size), interpolation=cv2.INTER_CUBIC
        )
        truth = np.column_stack([STANCE * size / 100 + data.normal(0, size / 80, (14, 2)), data.integers(0, 3, 14)])
        file = path.parent / f"photo{i:02d}.png"
        cv2.imwrite(str(file), image)
        samples.append({"id": f"photo{i:02d}.png#1", "image": str(file), "box": [0, 0, size, size]})
        truths.append(truth)
    truth = np.stack(truths)
    scale = np.array([s["box"][2] for s in samples])[:, None, None] / 100 * np.linspace(0.2, 2.5, n)[:, None, None]
    pred = {m: truth + rng.normal(0, noise, truth.shape) * scale * [1, 1, 0] for m in names}
    for p in pred.values():
        p[..., 2] = rng.uniform(0.05, 0.95, (n, 14))
    if len(names) == 2:
        pred["ensemble"] = (pred["a"] + pred["b"]) / 2
    area = np.array([s["box"][2] ** 2 * 0.53 for s in samples])
    document = {
        "skeleton": LSP.to_dict(),
        "networks": list(pred),
        "samples": [
            {**s, "truth": truth[i].tolist(), "pred": {m: p[i].tolist() for m, p in pred.items()}}
            for i, s in enumerate(samples)
        ],
    }
    (path / "predictions" / "val.json").write_text(json.dumps(document))
    scores = evaluate_predictions(pred, truth, LSP, area=area)
    facts = {"method": method, "steps": 2000, "seconds": 4321.0, "labels": 100, "unlabeled": 4000 * (len(names) - 1),
             "val_images": n, "seed": seed, "commit": "0123abc", "machine": "2 cores", "val": scores}  # fmt: skip
    (path / "summary.json").write_text(json.dumps({**facts, **summary}))
    (path / "config.yaml").write_text(
        f"method: {method}\nmodel:\n  backbone: resnet18\noptim:\n  lr: 0.001\nseed: {seed}\n"
    )
    write_metrics(path / "metrics.csv", names, scores["mean"]["pck"], rng)
    return path


def write_metrics(file: Path, names: tuple[str, ...], final: float, rng: np.random.Generator) -> None:
    steps = np.arange(0, 2001, 5)
    rise = 1 - np.exp(-steps / 500)
    losses = ["supervised"] if len(names) == 1 else ["supervised", "consistency"]
    columns: dict[str, np.ndarray] = {"step": steps, "seconds": steps * 2.1, "lr": np.full(len(steps), 1e-3)}
    for i, name in enumerate(losses):
        columns[f"loss/{name}"] = (0.02 / (i + 1) * (1.05 - rise)) * rng.lognormal(0, 0.2, len(steps))
    levels = {"labeled": 0.9, "teacher": 0.7, "student": 0.62, "background": 0.04}
    for name, level in levels.items() if len(names) == 2 else list(levels.items())[:1]:
        columns[f"response/{name}"] = level * rise * rng.normal(1, 0.02, len(steps))
    columns["val/pck"] = np.where(steps % 200 == 0, final * rise, np.nan)
    for i, name in enumerate([*names, "ensemble"] if len(names) == 2 else names):
        columns[f"val/pck_{name}"] = np.where(steps % 200 == 0, final * rise + 0.02 * i - 0.02, np.nan)
    rows = [",".join("" if np.isnan(v) else f"{v:g}" for v in row) for row in zip(*columns.values(), strict=True)]
    file.write_text("\n".join([",".join(columns), *rows]) + "\n")
