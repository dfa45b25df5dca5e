"""A trained network that predicts: on images, boxes in them, and frames without end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import numpy as np
import torch

from semipose.data.crops.cropping import CropSpec, crop_matrices, cut
from semipose.data.images import read_image
from semipose.errors import UserError
from semipose.geometry import View, invert, move
from semipose.heatmap import decode, decoder, peaks, predicted, spread
from semipose.inference import views as looking
from semipose.models.error_bars import ErrorBars
from semipose.models.fold import fold
from semipose.models.graph import ENDING, load_graph
from semipose.models.pose import SimpleBaseline
from semipose.models.precision import AUTO, FP32, PRECISIONS, autocast, predict_pass, shortest, sooner
from semipose.models.weights import load_model
from semipose.outputs.pose import Pose
from semipose.skeleton import Skeleton

__all__ = ["Boxes", "Pose", "Predictor", "device_of"]

Boxes = Sequence[Sequence[float]]
TIMED = 8
"""Images of a pass by which `auto` chooses a precision."""
HELD = 1 << 28
"""Bytes of pixels above which fewer images go through the network together."""


def device_of(name: str) -> torch.device:
    """A device by torch's name of it; `auto` is a GPU where there is one.

    Raises:
        UserError: there is no such device.
    """
    try:
        device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ImportError, NotImplementedError) as error:
        reason = " ".join(str(error).split()).split(". ")[0][:150]
        raise UserError(f"device {name!r} cannot be used ({reason}); take auto, cpu, cuda or cuda:1") from None
    return device


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
        sigma: float = 2.0,
        views: str = looking.NONE,
        error_bars: ErrorBars | None = None,
        precision: str = FP32,
    ) -> None:
        if precision not in PRECISIONS:
            raise UserError(f"precision is {precision!r}; it can be {', '.join(PRECISIONS)}")
        self.error_bars = error_bars
        self.looks = looking.parse(views)
        self.device = device_of(device)
        self.network = network.to(self.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.skeleton, self.padding = skeleton, padding
        size = self.network.size
        self._plain = CropSpec(size, size, padding)
        self._spec = replace(self._plain, cover=looking.cover(self.looks, size))
        self.refine, self.flip_test, self.precision = decoder(decode, sigma), flip_test, precision
        if precision == AUTO:
            self.precision = sooner(shortest(predict_pass, self.network, TIMED, self.device))

    @classmethod
    def load(
        cls,
        path: str | Path,
        device: str = "auto",
        decode: str | None = None,
        flip_test: str = "none",
        views: str = looking.NONE,
        precision: str = FP32,
    ) -> Predictor:
        """From a run folder or a `model.safetensors`, its batch norm folded into the convolutions; or from the .onnx
        that `semipose export` wrote, which onnxruntime runs on the processor.

        Args:
            decode: argmax, quarter or dark, the run's by default.
            flip_test: none, plain or shift (see `semipose.heatmap.predicted`).
            views: those whose heatmaps are averaged, such as `flip+turn15` (see `semipose.inference.views`).
            precision: 32-true; bf16-mixed, where positions differ by hundredths of a heatmap's cell; or auto, the
                sooner of both here.
        """
        looking.parse(views)  # a wrong word is said before anything is read
        file = Path(path)
        exported = file.suffix == ENDING and file.is_file()
        if exported and precision != FP32:
            raise UserError(f"precision is {precision}, and {file} computes as it was exported: leave it out")
        loaded = load_graph(file) if exported else load_model(file)
        network, config, how = fold(loaded.network), loaded.config, decode or loaded.decode
        bars = loaded.error_bars
        return cls(
            network, loaded.skeleton, config.padding, device, how, flip_test, config.sigma, views, bars, precision
        )

    def __call__(self, image: str | Path | np.ndarray, boxes: Boxes | None = None) -> list[Pose]:
        """One pose a box (x, y, w, h) of an image, given as a path or RGB uint8 (H, W, 3); without boxes, one pose for
        the whole image."""
        return next(self.pairs([(image, boxes)]))

    def stream(
        self,
        images: Iterable[str | Path | np.ndarray],
        boxes: Iterable[Boxes | None] | None = None,
        batch: int = 16,
    ) -> Iterator[list[Pose]]:
        """The poses of each image in turn, for images without end, such as a camera's: see `pairs`.

        Args:
            images, boxes: as of `__call__`, one of each; without boxes, whole images.
        """
        matched = zip(images, boxes, strict=True) if boxes is not None else ((image, None) for image in images)
        return self.pairs(matched, batch)

    def pairs(
        self, pairs: Iterable[tuple[str | Path | np.ndarray, Boxes | None]], batch: int = 16
    ) -> Iterator[list[Pose]]:
        """The poses of each image with its boxes. Crops of several images go through the network together, and at most
        `batch` images are taken before the poses of the first of them are given."""
        source = iter(pairs)
        while part := some(source, batch):
            cuts = [self._cut(image, areas) for image, areas in part]
            crops = np.concatenate([crops for _, _, crops in cuts])
            matrices = np.concatenate([matrices for _, matrices, _ in cuts])
            xy, score, wide = self._predict(torch.from_numpy(crops))
            xy = move(invert(torch.from_numpy(matrices)), xy.double())
            found = zip(xy.numpy(), score.numpy(), strict=True)
            more = self._doubts(score.numpy(), wide.numpy(), matrices)
            for areas, _, _ in cuts:
                boxes = areas.tolist()
                yield [
                    Pose(*next(found), (x, y, w, h), error90, unlike)
                    for (x, y, w, h), (error90, unlike) in zip(boxes, more, strict=False)
                ]

    @torch.inference_mode()
    def whole(self, images: Sequence[np.ndarray]) -> tuple[torch.Tensor, np.ndarray]:
        """Heatmaps (B, K, h, w) of whole images, RGB uint8 (H, W, 3), and (B, 3, 3): image pixel -> the network's."""
        cuts = [self._cut(image, None) for image in images]
        crops = torch.from_numpy(np.concatenate([crops for _, _, crops in cuts]))
        heatmaps = torch.cat([self._heatmaps(part.to(self.device)) for part in crops.split(64)])
        return _finite(heatmaps), np.concatenate([matrices for _, matrices, _ in cuts])

    def _doubts(
        self, score: np.ndarray, wide: np.ndarray, matrices: np.ndarray
    ) -> Iterator[tuple[np.ndarray | None, bool]]:
        """Of each pose its joints' radii (K,) in image pixels, and whether it is unlike what the model has seen."""
        if self.error_bars is None:
            return repeat((None, False))
        magnified = np.sqrt(np.abs(np.linalg.det(matrices[:, :2, :2])))
        radius = self.error_bars.radius(score, wide) / magnified[:, None]
        return zip(radius, self.error_bars.unlike(score, wide).tolist(), strict=True)

    def _cut(self, image: str | Path | np.ndarray, boxes: Boxes | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(N, 4) boxes, (N, 3, 3) image pixel -> plain view's pixel, (N, Hs, Ws, 3) crops with room for all views."""
        pixels = image if isinstance(image, np.ndarray) else read_image(image)
        if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype != np.uint8:
            raise UserError(f"an image is {pixels.dtype} {pixels.shape}; give RGB as uint8 (H, W, 3)")
        whole = [(0.0, 0.0, float(pixels.shape[1]), float(pixels.shape[0]))]
        areas = np.array(whole if boxes is None else boxes, np.float64).reshape(-1, 4)
        if not (np.isfinite(areas).all() and (areas[:, 2:] > 0).all()):
            raise UserError(
                f"a box of {'this image' if isinstance(image, np.ndarray) else image} has no area: {areas.tolist()}"
            )
        cover = self._spec.cover
        crops = np.empty((len(areas), *cover, 3), np.uint8)
        for crop, matrix in zip(crops, crop_matrices(areas, self._spec), strict=True):
            crop[:] = cut(pixels, matrix, cover)
        return areas, crop_matrices(areas, self._plain), crops

    @torch.inference_mode()
    def _predict(self, crops: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Positions (N, K, 2) in pixels of the plain view, scores (N, K), and, where there are error bars, spreads of
        heatmaps (N, K) in cells, of uint8 crops (N, Hs, Ws, 3)."""
        net, joints = self.network, len(self.skeleton)
        found = [(torch.empty(0, joints, 2), torch.empty(0, joints), torch.empty(0, joints))]
        for part in crops.split(max(1, 64 // len(self.looks))):
            if not len(part):
                continue
            with autocast(self.precision, self.device):
                heatmaps = self._heatmaps(part.to(self.device))
            xy, score = decode(heatmaps, net.stride, self.refine, net.first_cell)
            _finite(torch.cat([xy, score[..., None]], -1))
            wide = score if self.error_bars is None else spread(heatmaps, peaks(heatmaps)[0])
            found.append((xy.cpu(), score.cpu(), wide.cpu()))
        xy, score, wide = (torch.cat(parts) for parts in zip(*found, strict=True))
        return xy, score, wide

    def _heatmaps(self, crops: torch.Tensor) -> torch.Tensor:
        """(N, K, h, w) in the frame of the plain view, of uint8 crops (N, Hs, Ws, 3)."""
        net, flip = self.network, self.skeleton.flip
        if len(self.looks) > 1:
            crop = View.of(crops, net.size)
            return looking.averaged(net, crop, self.looks, flip, self.flip_test, net.first_cell)
        # What was cut at the network's size needs no resampling; pixels last is the layout networks here have.
        return predicted(net, crops.permute(0, 3, 1, 2).float().div_(255), flip, self.flip_test)


def _finite(values: torch.Tensor) -> torch.Tensor:
    """The same; UserError where one is not finite."""
    if not values.isfinite().all():
        raise UserError(
            "the network gives values that are not finite: its weights are damaged, or its training diverged; take"
            " another checkpoint, or train it again"
        )
    return values


def some(source: Iterator[tuple[str | Path | np.ndarray, Boxes | None]], count: int) -> list:
    """The next `count`, or fewer where their pixels take more than `HELD` bytes."""
    part: list[tuple[str | Path | np.ndarray, Boxes | None]] = []
    held = 0
    while len(part) < count and held <= HELD and (pair := next(source, None)) is not None:
        part.append(pair)
        held += pair[0].nbytes if isinstance(pair[0], np.ndarray) else 0
    return part
