"""Prediction: a network from a run or a model file, on images with boxes or as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from semipose.data.cropping import CropSpec, crop_matrices, cut
from semipose.data.images import read_image
from semipose.errors import UserError
from semipose.geometry import View, invert, move
from semipose.heatmap import DECODERS, decode, predicted
from semipose.models.pose import SimpleBaseline
from semipose.models.weights import load_model
from semipose.skeleton import Skeleton

Boxes = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Pose:
    """One predicted person (or animal, or thing).

    Attributes:
        xy: (K, 2) joints in image pixels.
        score: (K,) heatmap peaks, about 0 to 1.
        box: (x, y, w, h) it was predicted in.
    """

    xy: np.ndarray
    score: np.ndarray
    box: tuple[float, float, float, float]

    @property
    def keypoints(self) -> np.ndarray:
        """(K, 3) x, y, score."""
        return np.concatenate([self.xy, self.score[:, None]], -1)


class Predictor:
    """A trained network that predicts poses; holds no state beside it."""

    def __init__(
        self,
        network: SimpleBaseline,
        skeleton: Skeleton,
        padding: float = 1.25,
        device: str = "auto",
        decode: str = "quarter",
        flip_test: str = "none",
    ) -> None:
        wanted = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.device = torch.device(wanted)
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.skeleton, self.padding = skeleton, padding
        self.refine, self.flip_test = DECODERS[decode], flip_test

    @classmethod
    def load(
        cls, path: str | Path, device: str = "auto", decode: str = "quarter", flip_test: str = "none"
    ) -> Predictor:
        """From a run folder or a `model.safetensors`; `decode` is argmax, quarter or dark, `flip_test` none, plain or
        shift (see `semipose.heatmap.predicted`)."""
        loaded = load_model(Path(path))
        return cls(loaded.network, loaded.skeleton, loaded.config.padding, device, decode, flip_test)

    def __call__(self, image: str | Path | np.ndarray, boxes: Boxes | None = None) -> list[Pose]:
        """One pose a box (x, y, w, h) of an image, given as a path or RGB uint8 (H, W, 3); without boxes, one pose for
        the whole image."""
        pixels = image if isinstance(image, np.ndarray) else read_image(image)
        whole = [(0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))]
        areas = np.array(whole if boxes is None else boxes, np.float64).reshape(-1, 4)
        if not len(areas):
            return []
        if not (np.isfinite(areas).all() and (areas[:, 2:] > 0).all()):
            raise UserError(
                f"a box of {'this image' if isinstance(image, np.ndarray) else image} has no area: {areas.tolist()}"
            )
        size = self.network.size
        matrices = crop_matrices(areas, CropSpec(size, size, self.padding))
        crops = np.stack([cut(pixels, matrix, size) for matrix in matrices])
        xy, score = self._predict(torch.from_numpy(crops))
        xy = move(invert(torch.from_numpy(matrices)), xy.double())
        return [
            Pose(p.numpy(), s.numpy(), (box[0], box[1], box[2], box[3]))
            for p, s, box in zip(xy, score, areas.tolist(), strict=True)
        ]

    @torch.inference_mode()
    def _predict(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        net, found = self.network, []
        for part in crops.split(64):
            image = View.of(part.to(self.device), net.size).image
            heatmaps = predicted(net, image, self.skeleton.flip, self.flip_test)
            found.append(decode(heatmaps, net.stride, self.refine, net.first_cell))
        return torch.cat([xy.cpu() for xy, _ in found]), torch.cat([score.cpu() for _, score in found])


def predict(
    model: str | Path,
    images: str | Path,
    out: str | Path,
    boxes: str | Path | None = None,
    overlay: bool = True,
    device: str = "auto",
    decode: str = "quarter",
    flip_test: str = "none",
    submit: str | None = None,
) -> list[Path]:
    """Predict on an image, a folder or a pattern, and write `keypoints.json` (COCO results) and overlay pictures.

    Args:
        model: a run folder or a model.safetensors.
        images: what to predict on; with `boxes`, the folder that the JSON's file names are relative to.
        out: the folder to write to.
        boxes: a JSON of boxes (see `semipose.data.boxes.read_boxes`); without, each image is one box. Where they have
            scores, poses are rescored by them and doubles left out (`detection_results`).
        decode, flip_test: as of `Predictor.load`.
        submit: a method's name: also write the file that COCO's server takes for TEST-DEV (`write_submission`).

    Returns: the files written: keypoints.json first, the submission last.
    """
    from rich.console import Console
    from rich.progress import track

    from semipose.data.boxes import read_boxes
    from semipose.data.folder import read_folder
    from semipose.metrics.detections import best_poses, write_submission

    predictor = Predictor.load(model, device, decode, flip_test)
    data = read_boxes(boxes, images) if boxes else read_folder(images)
    groups: dict[str, list] = {}
    for sample in data:
        groups.setdefault(sample.image, []).append(sample)
    folder = Path(out)
    _writable(folder)
    results: list[dict] = []
    written: list[Path] = []
    for image, samples in track(groups.items(), "predicting", console=Console(stderr=True), disable=len(groups) < 20):
        pixels = read_image(image)
        poses = predictor(pixels, [s.box for s in samples])
        scores = [float(pose.score.mean()) for pose in poses]
        if all(sample.score is not None for sample in samples):
            points = np.stack([pose.keypoints for pose in poses])
            kept, best = best_poses(samples, points, predictor.skeleton, predictor.network.size, predictor.padding)
            poses, scores = [poses[i] for i in kept], best.tolist()
        # Boxes of one image have its id in common.
        image_id = samples[0].image_id if samples[0].image_id is not None else Path(image).name
        results += [_coco_result(image_id, pose, score) for pose, score in zip(poses, scores, strict=True)]
        if overlay:
            written.append(_overlay(pixels, poses, predictor.skeleton, folder / f"{Path(image).stem}.jpg", written))
    file = folder / "keypoints.json"
    file.write_text(json.dumps(results))
    if submit is not None:
        written.append(write_submission(results, folder, submit, predictor.skeleton))
    return [file, *written]


def _writable(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror or error}); choose another with --out") from None


def _coco_result(image_id: int | str, pose: Pose, score: float) -> dict:
    return {
        "image_id": image_id,
        "category_id": 1,
        "keypoints": pose.keypoints.round(3).ravel().tolist(),
        "score": round(score, 5),
        "bbox": [round(v, 3) for v in pose.box],
    }


def _overlay(pixels: np.ndarray, poses: Iterable[Pose], skeleton: Skeleton, path: Path, taken: Sequence[Path]) -> Path:
    import cv2

    from semipose.reports.overlay import draw_pose

    for pose in poses:
        pixels = draw_pose(pixels, pose.keypoints, skeleton)
    number = 2
    while path in taken:
        path = path.with_name(f"{path.stem.removesuffix(f'-{number - 1}')}-{number}.jpg")
        number += 1
    cv2.imwrite(str(path), pixels[..., ::-1])
    return path
