"""What triangulation does to exact, noisy and wrong 2D: python benchmarks/triangulation.py

Synthetic people are drawn at 256x256 from 4 cameras before them. `--formats FOLDER` adds Human3.6M's and Campus's
cameras, from a folder that holds `h36m/` and `campus/`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat

from common import write
from semipose.cameras.camera import Camera
from semipose.cameras.files import read_cameras
from semipose.cameras.triangulation import OF_BOX, triangulate
from semipose.data import people
from semipose.metrics.mpjpe import mpjpe

PEOPLE, VIEWS, NOISE = 20, 4, (0.5, 1.0, 2.0, 4.0)
Case = tuple[list[Camera], np.ndarray, np.ndarray, float]
"""Cameras, true points (K, 3) mm, labels (V, K, 2) px as stored, and the tolerance in px."""


def embedded(domain: str) -> list[Case]:
    cases = []
    for index in range(PEOPLE):
        views = people.scene(0, index, domain, (256, 256), VIEWS)
        labels = np.stack([view.keypoints[:, :2] for view in views])
        within = OF_BOX * float(np.mean([max(view.box[2:]) for view in views]))
        cases.append(([view.camera for view in views], views[0].keypoints3d, labels, within))
    return cases


def human36m(folder: Path) -> list[Case]:
    """The published points through all four lenses of their subject; there are labels for one of them only."""
    cameras, data = read_cameras(folder / "cameras.pkl"), np.load(folder / "test_h36m_body3d.npz")
    cases = []
    for name, points in zip(data["imgname"], data["S"], strict=True):
        subject, own = str(name).split("/")[0], str(name).split("/")[-1].split(".")[1].split("_")[0]
        rig = [camera for key, camera in cameras.items() if key.startswith(f"{subject}/")]
        camera = cameras[f"{subject}/{own}"]
        truth = (1000 * points[:, :3] - camera.t) @ camera.R
        cases.append((rig, truth, np.float32(project(truth, rig)), 30.0))
    return cases


def campus(folder: Path) -> list[Case]:
    rig = list(read_cameras(folder / "calibration_campus.json").values())
    actors = loadmat(folder / "actorsGT.mat")
    points = [1000 * np.asarray(p, np.float64) for p in actors["actor3D"][0, 0][:, 0]]
    marks = [np.stack([np.asarray(v, np.float64) for v in frame[0]]) for frame in actors["actor2D"][0, 0][:, 0]]
    return [(rig, truth, marked, 13.0) for truth, marked in zip(points, marks, strict=True)]


def project(points: np.ndarray, cameras: list[Camera]) -> np.ndarray:
    return np.stack([camera.project(points) for camera in cameras])


def error(cases: list[Case], see: Any, robust: bool = True) -> float:
    """Mean distance in mm; `see(case)` gives (V, K, 2) px."""
    found = [triangulate(see(case), case[0], tolerance=case[3] if robust else 1e9).points for case in cases]
    return float(f"{mpjpe(np.stack(found), np.stack([case[1] for case in cases])).mean:.4g}")


def rows(cases: list[Case]) -> dict[str, float]:
    def exact(case: Case) -> np.ndarray:
        return project(case[1], case[0])

    def noisy(pixels: float, wrong: bool = False) -> Any:
        rng = np.random.default_rng(0)

        def see(case: Case) -> np.ndarray:
            xy = exact(case) + rng.normal(0, pixels, case[2].shape)
            if wrong:  # in one view, each joint is taken for another
                view = rng.integers(len(xy))
                xy[view] = rng.permutation(xy[view])
            return xy

        return see

    return {
        "exact": error(cases, exact),
        "labels as stored": error(cases, lambda case: case[2]),
        **{f"noise {pixels:g} px": error(cases, noisy(pixels)) for pixels in NOISE},
        "noise 1 px, one view wrong": error(cases, noisy(1, wrong=True)),
        "noise 1 px, one view wrong, all views used": error(cases, noisy(1, wrong=True), robust=False),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--formats", type=Path, help="a folder that holds h36m/ and campus/")
    folder = parser.parse_args().formats
    sets = {domain: embedded(domain) for domain in people.DOMAINS}
    if folder:
        sets |= {"human3.6m": human36m(folder / "h36m"), "campus": campus(folder / "campus")}
    runs = {name: {"people": len(cases), "views": len(cases[0][0]), **rows(cases)} for name, cases in sets.items()}
    write("triangulation", {"clean_mpjpe_mm": max(run["exact"] for run in runs.values())}, runs, unit="mm")


if __name__ == "__main__":
    main()
