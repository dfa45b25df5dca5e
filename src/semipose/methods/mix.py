"""Tiles mixed across the images of a group, and unmixed (Pose-MUM, section 3): a Tap for the student's forward pass.

A tile keeps its place and changes its image. MUM mixes the images; Pose-MUM mixes also what some stages of the encoder
give, drawn anew each step. All of it is undone at one place, by one gather: the permutations are composed. Mixing only
moves numbers, so that nothing is lost: unmixed, every cell is bit for bit what it was.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import Size
from semipose.models.taps import grids
from semipose.options import at_least, every, option

IMAGE, LEVEL = "image", "encoder/"
"""Where MUM mixes: the normalised images; how the names begin under which a tap sees what a pyramid reads beside the
encoder's output."""


@dataclass(frozen=True)
class Mix:
    """One step's mixing, as a tap.

    It keeps no count of its calls, so an HRNet, which calls a tap once a branch, has each branch mixed on its own grid
    in the same way.

    Attributes:
        moves: stage -> its permutation and that one's inverse, (B, th, tw) each: which image of the batch the tile at a
            place of an image is taken from. The last one unmixes.
        origins: stage -> (B, th, tw): of which image the tiles are after it; none after unmixing.
    """

    moves: Mapping[str, tuple[Tensor, Tensor]]
    origins: Mapping[str, Tensor]

    def __call__(self, name: str, x: Tensor) -> Tensor:
        return move_tiles(x, *self.moves[name]) if name in self.moves else x


@dataclass(frozen=True)
class Mixing:
    """Draws a step's `Mix`. Which stages mix is the same for the whole batch, on every device; permutations are a
    group's own.

    Attributes:
        group: images that exchange tiles, N_G; neighbours in the batch.
        tiles: rows and columns of tiles, N_T,h and N_T,w.
        after: the stages that may mix as well as the images, in their order.
        chance: of each of them, a step.
        anew: each stage has a permutation of its own; otherwise all have the images'.
        unmix: the stage whose output is unmixed.
        beside: what else the decoder reads of stages before that one (`fpn`), unmixed as well: name -> how many stages
            of `after` it has passed. `fitted` finds it.
    """

    group: int = 4
    tiles: Size = (4, 3)
    after: tuple[str, ...] = ()
    chance: float = 0.5
    anew: bool = True
    unmix: str = "encoder"
    beside: Mapping[str, int] = field(default_factory=dict)

    def __call__(self, count: int, draws: Draws) -> Mix:
        """For `count` images.

        Raises:
            UserError: they do not divide into groups.
        """
        check_groups(self.group, count)
        draws = draws.again("mix")
        chosen = [True, *(draws.shared(len(self.after)) < self.chance).tolist()]
        noise = draws.uniform(count // self.group, len(chosen), self.group, *self.tiles)
        orders = noise.argsort(2).unbind(1)
        total, moves, origins, totals = None, {}, {}, []
        for i, name in enumerate((IMAGE, *self.after)):
            if chosen[i]:
                order = orders[i if self.anew else 0]
                total = order if total is None else total.gather(1, order)
                moves[name] = _of_batch(order), _of_batch(order.argsort(1))
                origins[name] = _of_batch(total)
            assert total is not None
            totals.append(total)
        for name, passed in ((self.unmix, len(self.after)), *self.beside.items()):
            moves[name] = _of_batch(totals[passed].argsort(1)), _of_batch(totals[passed])
        return Mix(moves, origins)


def _of_batch(order: Tensor) -> Tensor:
    """(G, N, th, tw) places within groups -> (G N, th, tw) places in the batch."""
    first = torch.arange(0, order.shape[0] * order.shape[1], order.shape[1], device=order.device)
    return (order + first[:, None, None, None]).flatten(0, 1)


def move_tiles(x: Tensor, source: Tensor, inverse: Tensor | None = None) -> Tensor:
    """x (B, C, H, W) with each tile taken from the same place of another image.

    Args:
        source: (B, th, tw), the images the tiles come from, a permutation of the batch at each place.
        inverse: its inverse, by which gradients go back.
    """
    inverse = source.argsort(0) if inverse is None else inverse
    return _Moved.apply(x, source, inverse)


class _Moved(torch.autograd.Function):
    """A permutation's gradient is its inverse; torch's own would add up into zeros instead of moving."""

    @staticmethod
    def forward(ctx, x: Tensor, source: Tensor, inverse: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(inverse)
        return _gather(x, source)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[no-untyped-def]
        return _gather(grad, *ctx.saved_tensors), None, None


def _gather(x: Tensor, source: Tensor) -> Tensor:
    """One copy: in channels-last memory, a row of a tile is one stretch of numbers."""
    b, c, h, w = x.shape
    _, rows, columns = source.shape
    y = torch.arange(h, device=x.device)[:, None]
    place = (source.repeat_interleave(h // rows, 1) * h + y) * columns + torch.arange(columns, device=x.device)
    stretches = x.permute(0, 2, 3, 1).reshape(b * h * columns, w // columns * c)
    return stretches.index_select(0, place.flatten()).view(b, h, w, c).permute(0, 3, 1, 2)


TILES = "Kim, Figure 1 and section 4.2"


@dataclass
class TileOptions:
    """What mixing images reads.

    Attributes:
        mix_group: images that exchange tiles, N_G.
        mix_tiles: rows and columns of tiles.
        unmix: the stage after which tiles are put back: encoder, decoder, layer2, ....
    """

    mix_group: int = option(4, at_least(1, "it can be 1 (nothing is mixed) or more"), TILES)
    mix_tiles: list[int] = option(
        [4, 3], every(at_least(1, "give two numbers, rows and columns, as in [4, 3]"), 2), TILES
    )
    unmix: str = option("encoder", source=TILES)

    @property
    def group(self) -> int:
        """Images that exchange tiles; 1 where nothing is mixed."""
        return self.mix_group

    def mixing(self, network: nn.Module) -> Mixing:
        """How tiles are mixed, checked against the network."""
        return fitted(Mixing(self.group, (self.mix_tiles[0], self.mix_tiles[1]), unmix=self.unmix), network)


def mixing_of(options: TileOptions, networks: Sequence[nn.Module]) -> Mixing:
    """How tiles are mixed for networks that see the same ones.

    Raises:
        UserError: they do not fit one of the networks, or would be put back in other ways.
    """
    first, *others = (options.mixing(network) for network in networks)
    if any(other != first for other in others):
        raise UserError(
            "method.mix_group: the peer's decoder reads other stages than the model's, so that tiles cannot be put back"
            " alike; set peer.decoder as model.decoder, or method.mix_group=1 (nothing is mixed)"
        )
    return first


def check_groups(group: int, batch: int, world: int = 1) -> None:
    """Whether each of `world` devices' part of a batch of unlabelled images divides into groups.

    Raises:
        UserError: it does not.
    """
    if group < 1:
        raise UserError(f"method.mix_group is {group}; it can be 1 (nothing is mixed) or more")
    if batch % (group * world):
        low = batch // (group * world) * group * world
        fits = f"{low} or {low + group * world}" if low else f"{group * world}"
        raise UserError(
            f"{batch} unlabelled images a step on {world} device{'s' * (world > 1)} do not divide into groups of"
            f" {group} (method.mix_group); set optim.unlabeled_batch to {fits}"
        )


def fitted(mixing: Mixing, network: nn.Module) -> Mixing:
    """The same for a network: all that its decoder reads is unmixed.

    Raises:
        UserError: what is mixed or unmixed does not divide into tiles, or is not unmixed after it is mixed; names sizes
            and tiles that would do.
    """
    check_groups(mixing.group, mixing.group)
    if not 0 <= mixing.chance <= 1:
        raise UserError(f"method.mix_chance is {mixing.chance:g}; it can be 0 to 1")
    if len(mixing.tiles) != 2 or min(mixing.tiles) < 1:
        raise UserError(f"method.mix_tiles is {list(mixing.tiles)}; give two numbers, rows and columns, as in [4, 3]")
    found = grids(network)
    order = list(found)
    stages = [name for name in order[1:] if not name.startswith(LEVEL)]
    known = f"; its stages are {', '.join(stages)}"
    for key, name in (*(("mix_after", each) for each in mixing.after), ("unmix", mixing.unmix)):
        if name not in stages:
            raise UserError(f"method.{key} is {name!r}, which the network does not have{known}")
    places = [order.index(name) for name in (*mixing.after, mixing.unmix)]
    if sorted(set(places)) != places:
        raise UserError(
            f"method.mix_after {list(mixing.after)} and, last, method.unmix {mixing.unmix!r} are not in the network's"
            f" order{known}"
        )
    beside = _beside(mixing, order)
    used = [(size, name) for name in (IMAGE, *mixing.after, mixing.unmix, *beside) for size in found[name]]
    bad = [each for each in used if each[0][0] % mixing.tiles[0] or each[0][1] % mixing.tiles[1]]
    if bad:
        raise UserError(_what_fits(mixing.tiles, *min(bad), [size for size, _ in used], network))
    return replace(mixing, beside=beside)


def _beside(mixing: Mixing, order: Sequence[str]) -> dict[str, int]:
    """`Mixing.beside` of a network whose stages are in this order.

    Raises:
        UserError: what its decoder reads would be mixed in several ways.
    """
    levels = {name: name.removeprefix(LEVEL) for name in order if name.startswith(LEVEL)}
    last = order.index(mixing.unmix)
    if levels and mixing.after and last > order.index("encoder"):
        raise UserError(
            f"method.unmix is {mixing.unmix!r}, but model.decoder fpn reads stages that are mixed in other ways; set it"
            " to encoder"
        )
    after = [order.index(name) for name in mixing.after]
    return {
        name: sum(place <= order.index(stage) for place in after)
        for name, stage in levels.items()
        if order.index(stage) < last <= order.index("encoder")
    }


def tiles_of(network: nn.Module, unmix: str = "encoder", most: int = 4) -> Size:
    """The most rows and columns of tiles, up to `most`, into which images and what `unmix` gives divide."""
    sizes = [size for name, sizes in grids(network).items() if name in (IMAGE, unmix) for size in sizes]
    whole = [math.gcd(*(size[axis] for size in sizes)) for axis in (0, 1)]
    rows, columns = (max(count for count in range(1, most + 1) if not side % count) for side in whole)
    return rows, columns


def _what_fits(tiles: Size, size: Size, name: str, used: list[Size], network: nn.Module) -> str:
    """Of sizes at the stages in use, the first the image's: one does not divide into tiles."""
    multiple = getattr(getattr(network, "backbone", None), "multiple", 1)
    fits, divisors = [], []
    for axis, side in enumerate(used[0]):
        step = math.lcm(multiple, *(side // each[axis] * tiles[axis] for each in used))
        fits.append(max(1, round(side / step)) * step)
        divisors.append(math.gcd(*(each[axis] for each in used)))
    return (
        f"model.size {list(used[0])} makes {size[0]}x{size[1]} cells at {name!r}, which do not divide into"
        f" method.mix_tiles {list(tiles)}; model.size={fits} would fit, or tiles that divide {divisors}"
    )
