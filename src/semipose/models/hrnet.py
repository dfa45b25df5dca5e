"""HRNet for poses (Sun et al., CVPR 2019): a branch of stride 4 kept throughout, and coarser ones beside it."""

from __future__ import annotations

from typing import Any

import timm
from torch import Tensor, nn

from semipose.errors import UserError
from semipose.models.stages import Staged, unavailable
from semipose.models.taps import Tap, no_tap


class HRNet(Staged):
    """The stages of timm's HRNet: "stem" and "layer1" with one branch, then "layer2", "layer3" and "layer4" with two,
    three and four, of which the first, of stride 4, is the output.

    A tap is called once a branch, finest first, under the stage's name: what moves images about has to move them alike
    at each call of one name. The last exchange makes the first branch alone, as the paper's pose network does.

    Args:
        name: `hrnet_w32`, `hrnet_w48` or another of timm's.
        options: timm's, such as `stage2={...}`.

    Attributes:
        channels: of the output.
        reduction: pixels a cell of the output.
        multiple: what the sizes of images divide by: the pixels a cell of the coarsest branch.
    """

    def __init__(self, name: str, **options: Any) -> None:
        super().__init__()
        try:
            net: Any = timm.create_model(name, features_only=True, feature_location="", **options)
        except Exception as error:  # timm, of options that do not fit, raises nearly anything
            raise unavailable(name, error) from error
        if not hasattr(net, "stage4"):
            raise UserError(f"backbone {name!r} is not an HRNet")
        last = net.stage4[-1]
        last.fuse_layers = last.fuse_layers[:1]
        self.stages = nn.ModuleDict(
            {
                "stem": nn.Sequential(net.conv1, net.bn1, net.act1, net.conv2, net.bn2, net.act2),
                "layer1": net.layer1,
                "layer2": Exchange(net.transition1, net.stage2),
                "layer3": Exchange(net.transition2, net.stage3),
                "layer4": Exchange(net.transition3, net.stage4),
            }
        )
        self.channels = int(net.stage4_cfg["num_channels"][0])
        self.reduction, self.multiple = 4, 32

    def forward(self, x: Tensor, tap: Tap = no_tap) -> Tensor:
        """(B, 3, H, W) normalised -> (B, channels, H / 4, W / 4)."""
        branches = [x]
        for name, stage in self.stages.items():
            branches = stage(branches) if isinstance(stage, Exchange) else [stage(branches[0])]
            branches = [tap(name, branch) for branch in branches]
        return branches[0]


class Exchange(nn.Module):
    """A stage with one branch more than the stage before, made from the coarsest of that."""

    def __init__(self, transition: nn.ModuleList, stage: nn.Module) -> None:
        super().__init__()
        self.transition, self.stage = transition, stage

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        """The branches of the stage before -> those of this one."""
        steps = enumerate(self.transition)
        return self.stage([branches[i] if isinstance(t, nn.Identity) else t(branches[-1]) for i, t in steps])
