"""SimpleBaseline (Xiao et al., ECCV 2018): a backbone, deconvolutions, and a 1x1 head that draws a heatmap a joint.
HRNet's pose network is the same without deconvolutions; other decoders can take their place."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from semipose.errors import UserError
from semipose.geometry import MEAN_COLOR, Size, pixel_row
from semipose.models.decoders import Pyramid, build_decoder
from semipose.models.stages import Staged
from semipose.models.taps import Tap, no_tap

DEVIATION = (0.229, 0.224, 0.225)


class SimpleBaseline(nn.Module):
    """Images in [0, 1] to heatmaps.

    Args:
        backbone: yields stages.
        joints: K.
        size: (H, W) of the images.
        deconv: channels of each stride-2 deconvolution; (256, 256, 256) in the paper.
        decoder, sigma: see `semipose.models.decoders.build_decoder`.
        mean, deviation: of the normalisation, of the channels in the order the backbone sees them.
        bgr: the backbone sees blue first.

    Attributes:
        stride: pixels a cell of the heatmaps.
        first_cell: at which pixel the first cell lies, along either axis, for whoever decodes: the middle of the pixels
            it covers, unless the weights were trained to another convention.
    """

    def __init__(
        self,
        backbone: Staged,
        joints: int,
        size: Size,
        deconv: Sequence[int] = (256, 256, 256),
        mean: Sequence[float] = MEAN_COLOR,
        deviation: Sequence[float] = DEVIATION,
        bgr: bool = False,
        decoder: str = "deconv",
        sigma: float = 2.0,
    ) -> None:
        super().__init__()
        self.size = (int(size[0]), int(size[1]))
        parts = build_decoder(decoder, backbone.channels, backbone.reduction, deconv, joints, sigma, backbone.levels)
        multiple = math.lcm(backbone.multiple, parts.stride)
        if self.size[0] % multiple or self.size[1] % multiple:
            nearest = tuple(max(1, round(s / multiple)) * multiple for s in self.size)
            raise UserError(
                f"model.size {list(self.size)} does not divide by the backbone's stride {multiple};"
                f" the nearest that does is {list(nearest)}"
            )
        self.backbone, self.bgr = backbone, bgr
        self.mean: Tensor
        self.deviation: Tensor
        self.decoder, self.head, self.stride = parts
        self.first_cell = (self.stride - 1) / 2
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation)[:, None, None], persistent=False)
        for module in (*self.decoder.modules(), self.head):
            _initialise_head(module)

    def forward(self, image: Tensor, tap: Tap = no_tap) -> Tensor:
        """(B, 3, H, W) RGB in [0, 1] -> heatmaps (B, K, H / stride, W / stride), 32 bits under mixed precision too."""
        image = image.flip(1) if self.bgr else image
        x = tap("image", (image - pixel_row(self.mean, image)).div_(pixel_row(self.deviation, image)))
        if isinstance(self.decoder, Pyramid):
            names = [*(f"encoder/{name}" for name in self.backbone.levels)][:-1]
            levels = zip([*names, "encoder"], self.backbone.pyramid(x, tap), strict=True)
            x = self.decoder(*(tap(name, level) for name, level in levels))
        else:
            x = self.decoder(tap("encoder", self.backbone(x, tap)))
        return self.head(tap("decoder", x)).float()


def _initialise_head(module: nn.Module) -> None:
    """N(0, 0.001), as SimpleBaseline."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=0.001)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
