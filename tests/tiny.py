"""Tiny networks and batches for tests of methods, augmentations and equations."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from semipose.geometry import Size, View
from semipose.methods.target import Codec, Labeled
from semipose.models.stages import Tap, no_tap

SIZE: Size = (64, 48)
STRIDE = 4
SIGMA = 1.5
FLIP = torch.tensor([0, 2, 1])
CODEC = Codec(STRIDE, SIGMA, FLIP)
K = len(FLIP)


class Tiny(nn.Module):
    """A convolution, batch norm and a head: heatmaps of stride 4. It records what it was shown, and whether it was to
    learn from it. For a tap, its "layer1" to "encoder" are at one place."""

    size = SIZE

    def __init__(self, seed: int = 0, joints: int = K) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.stem = nn.Conv2d(3, 6, STRIDE, STRIDE)
            self.norm = nn.BatchNorm2d(6)
            self.head = nn.Conv2d(6, joints, 3, padding=1)
        self.shown: list[Tensor] = []
        self.learns: list[bool] = []

    def forward(self, image: Tensor, tap: Tap = no_tap) -> Tensor:
        x = self.norm(self.stem(tap("image", image))).relu()
        for name in ("layer1", "layer2", "layer3", "encoder"):
            x = tap(name, x)
        out = self.head(x).float()
        if not image.is_meta:  # where only its shapes are asked for
            self.shown.append(image.detach())
            self.learns.append(out.requires_grad)
        return out


class Says(nn.Module):
    """A network that predicts the same heatmaps (K, h, w) whatever it sees, and records what it saw."""

    def __init__(self, heatmaps: Tensor) -> None:
        super().__init__()
        self.heatmaps = nn.Parameter(heatmaps)
        self.shown: list[Tensor] = []

    def forward(self, image: Tensor) -> Tensor:
        self.shown.append(image.detach())
        return self.heatmaps.repeat(len(image), 1, 1, 1)  # no view: one of a leaf keeps its gradient under no_grad


def crops(n: int = 4, seed: int = 0, source: Size = (84, 66)) -> Tensor:
    """(n, 3, *source) noise, nowhere the mean colour."""
    return torch.rand(n, 3, *source, generator=torch.Generator().manual_seed(seed))


def view(n: int = 4, seed: int = 0, size: Size = SIZE, source: Size = (84, 66)) -> View:
    """A plain view of noise."""
    return View.of(crops(n, seed, source), size)


def labeled(n: int = 4, seed: int = 1, joints: int = K) -> Labeled:
    """Noise with keypoints well inside the view."""
    rng = torch.Generator().manual_seed(seed)
    xy = torch.rand(n, joints, 2, generator=rng) * torch.tensor([30.0, 46.0]) + 9
    return Labeled(view(n, seed), torch.cat([xy, torch.full((n, joints, 1), 2.0)], -1))


def gradients(loss: Tensor, net: nn.Module) -> list[Tensor]:
    """Of a loss with respect to a network's parameters; zeros where they do not enter."""
    found = torch.autograd.grad(loss, list(net.parameters()), retain_graph=True, allow_unused=True)
    return [torch.zeros_like(p) if g is None else g for g, p in zip(found, net.parameters(), strict=True)]


def norm(tensors: list[Tensor]) -> float:
    """The Euclidean norm of all of them together."""
    return float(torch.cat([t.flatten() for t in tensors]).norm())


def frame_points(view: View, frame: View) -> np.ndarray:
    """(B, H, W, 2) float64: each of the view's pixel centres in the pixels of `frame`, straight from the definition."""
    h, w = view.size
    x, y = np.meshgrid(np.arange(w), np.arange(h))
    points = np.stack([x, y, np.ones_like(x)], -1).reshape(-1, 3).T.astype(float)
    steps = frame.matrix.double().numpy() @ np.linalg.inv(view.matrix.double().numpy())
    return (steps @ points)[:, :2].transpose(0, 2, 1).reshape(len(view), h, w, 2)


def blanked(view: View, image: Tensor | None = None) -> np.ndarray:
    """(B, H, W) bool: where an image of a view shows the fill colour."""
    image = view.image if image is None else image
    return (image - view.fill).abs().amax(1).lt(1e-6).numpy()
