"""Plain vision transformers as stages: DINOv2, DINOv3, SAM, MAE and what else timm has of that form."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import timm
import torch
from timm.layers import PatchEmbed, resample_abs_pos_embed_nhwc
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from timm.models.vision_transformer_sam import VisionTransformerSAM
from torch import Tensor, nn

from semipose.errors import UserError
from semipose.models.stages import Staged, unavailable
from semipose.models.taps import Tap, no_tap

NAMES = re.compile(r"(vit|samvit|deit|deit3|eva|eva02|flexivit)_")
"""How timm's names of plain vision transformers begin, and those of a few that are none and are refused."""
LAYERS = 4
"""Into how many stages the blocks are divided."""

Block = TypeVar("Block")


class ViT(Staged):
    """The stages of a plain vision transformer: "stem", the patches with their positions, then "layer1" to "layer4", a
    quarter of the blocks each (fewer where there are fewer blocks). The last norm, and SAM's neck, are the last one's.

    A tap sees the patches as (B, C, h, w); class and register tokens pass beside it. Learnt positions are interpolated
    to the grid of whatever image comes; rotary ones are computed for it.

    Args:
        name: timm's, such as `vit_small_patch14_dinov2`, with the name of its weights after a dot where it has several.
        patch_padding: pixels around the image before it is cut into patches, as ViTPose has two.
        options: timm's, such as `{depth: 6}`.

    Attributes:
        channels: of the output.
        reduction, multiple: the side of a patch, in pixels.
        mean, deviation: of the colours that its weights were trained with.
    """

    def __init__(self, name: str, patch_padding: int = 0, **options: Any) -> None:
        super().__init__()
        sized = {} if name.startswith("samvit") else {"dynamic_img_size": True}
        try:
            net: Any = timm.create_model(name, **{"num_classes": 0, **sized, **options})
        except Exception as error:  # timm, of options that do not fit, raises nearly anything
            raise unavailable(name, error) from error
        plain = isinstance(net, VisionTransformer | Eva | VisionTransformerSAM) and type(net.patch_embed) is PatchEmbed
        if not plain or getattr(net, "rope_mixed", False) or len(set(net.patch_embed.patch_size)) > 1:
            raise UserError(
                f"backbone {name!r} is not a plain vision transformer; choose one such as vit_small_patch14_dinov2,"
                " vit_small_patch16_dinov3 or vit_base_patch16_224.mae"
            )
        net.patch_embed.proj.padding = (patch_padding, patch_padding)
        self.mean, self.deviation = (tuple(net.pretrained_cfg[key]) for key in ("mean", "std"))
        self.channels = int(net.num_features)
        self.reduction = self.multiple = int(net.patch_embed.patch_size[0])
        groups = divided(list(net.blocks))
        last = _strip(net)
        self.stages = nn.ModuleDict({"stem": Stem(net)})
        for i, group in enumerate(groups, 1):
            self.stages[f"layer{i}"] = Blocks(group, last if i == len(groups) else nn.Identity(), net)

    def forward(self, x: Tensor, tap: Tap = no_tap) -> Tensor:
        """(B, 3, H, W) normalised -> (B, channels, H / reduction, W / reduction)."""
        beside: tuple[Tensor | None, Tensor | None] = (None, None)
        for name, stage in self.stages.items():
            x, *rest = stage(x, *beside)
            beside = (rest[0], rest[1])
            x = tap(name, x)
        return x


def divided(blocks: list[Block]) -> list[list[Block]]:
    """Blocks by stage."""
    ends = [round(len(blocks) * (i + 1) / LAYERS) for i in range(LAYERS)]
    return [blocks[start:end] for start, end in zip([0, *ends], ends, strict=False) if end > start]


def _strip(net: Any) -> nn.Module:
    """Takes blocks and head off a transformer, and gives what stands between them: the norm of each token (of networks
    that average first, the norm after that), or SAM's neck."""
    sam = isinstance(net, VisionTransformerSAM)
    last: nn.Module = net.neck if sam else net.fc_norm if isinstance(net.norm, nn.Identity) else net.norm
    for part in ("blocks", "norm", "fc_norm", "neck", "head", "head_dist", "attn_pool"):
        if getattr(net, part, None) is not None:
            setattr(net, part, nn.Identity())
    return last


class Stem(nn.Module):
    """Images to patches with their positions. `net`: timm's, without its blocks."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor, *_: None) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """(B, 3, H, W) -> patches (B, C, h, w), class and register tokens (B, P, C), rotary positions."""
        net: Any = self.net
        x = net.patch_embed(x)  # (B, h, w, C)
        h, w = x.shape[1:3]
        if isinstance(net, VisionTransformerSAM):
            if net.pos_embed is not None:
                x = x + resample_abs_pos_embed_nhwc(net.pos_embed, [h, w])
            return net.norm_pre(net.pos_drop(x)).permute(0, 3, 1, 2), None, None
        tokens, rotary = net._pos_embed(x) if isinstance(net, Eva) else (net._pos_embed(x), None)
        return *_apart(net.norm_pre(tokens), net.num_prefix_tokens, h, w), rotary


class Blocks(nn.Module):
    """Some blocks of a transformer, and what follows the last of them."""

    def __init__(self, blocks: list[nn.Module], last: nn.Module, net: Any) -> None:
        super().__init__()
        self.blocks, self.last = nn.ModuleList(blocks), last
        self.maps = isinstance(net, VisionTransformerSAM)

    def forward(
        self, patches: Tensor, prefix: Tensor | None, rotary: Tensor | None
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """What `Stem` gives, changed."""
        h, w = patches.shape[2:]
        x = patches.permute(0, 2, 3, 1)
        if not self.maps:
            x = x.flatten(1, 2)
            x = x if prefix is None else torch.cat([prefix, x], 1)
        for block in self.blocks:
            x = block(x) if rotary is None else block(x, rope=rotary)
        if self.maps:
            return self.last(x.permute(0, 3, 1, 2)), None, None
        return *_apart(self.last(x), 0 if prefix is None else prefix.shape[1], h, w), rotary


def _apart(tokens: Tensor, prefix: int, h: int, w: int) -> tuple[Tensor, Tensor | None]:
    """(B, prefix + h w, C) -> patches (B, C, h, w), and the others where there are some."""
    patches = tokens[:, prefix:].unflatten(1, (h, w)).permute(0, 3, 1, 2)
    return patches, tokens[:, :prefix] if prefix else None
