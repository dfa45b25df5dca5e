"""Anatomy of the synthetic people: a sampled pose and build become 14 joints and some 25 solid parts in the world.

The body's own frame is x forward, y to the person's left, z up (mm, right-handed). A part is an
elliptic rounded cone: spheres of radius r0 to r1 swept along an axis, then stretched across it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from semipose.data.synthetic.pose import CHEST, HEAD, LUMBAR, NECK, ROOT, SIDES, frames, rotations, sample_pose, walking

SKIN, HAIR, TOP, BOTTOM, SHOE, DARK, WHITE, MOUTH, SOCK, EXTRA, SHIRT = range(1, 12)
MATERIALS = 16  # of one person; the next person's start here
PLAIN, FACE, OPEN = range(3)  # what a part's front shows: nothing else, a face, the shirt under an open jacket


@dataclass(frozen=True)
class Parts:
    """P solids in world mm: axis ends (P, 2, 3), the lateral direction (P, 3), radii (P, 2), stretch along the lateral
    and the third direction (P, 2), how each is painted (P, 5), and the joints it belongs to (P, 14) bool."""

    ends: np.ndarray
    lateral: np.ndarray
    radii: np.ndarray
    stretch: np.ndarray
    # material before `cut`, material after, cut (fraction of the axis), pattern start mm, PLAIN, FACE or OPEN
    paint: np.ndarray
    owner: np.ndarray

    def joined(self, other: Parts) -> Parts:
        """Both persons' parts; the other's materials are moved up by `MATERIALS` and its joints forgotten."""
        paint = other.paint + np.array([MATERIALS, MATERIALS, 0, 0, 0]) * (1 + int(self.paint[:, 0].max()) // MATERIALS)
        paint = np.concatenate([self.paint, paint])
        owner = np.concatenate([self.owner, np.zeros_like(other.owner)])
        ends, lateral = np.concatenate([self.ends, other.ends]), np.concatenate([self.lateral, other.lateral])
        radii, stretch = np.concatenate([self.radii, other.radii]), np.concatenate([self.stretch, other.stretch])
        return Parts(ends, lateral, radii, stretch, paint, owner)

    def moved(self, offset: np.ndarray) -> Parts:
        return Parts(self.ends + offset, self.lateral, self.radii, self.stretch, self.paint, self.owner)

    def turned(self, spin: np.ndarray, offset: np.ndarray) -> Parts:
        """Turned by (3, 3), then moved."""
        ends, lateral = self.ends @ spin.T + offset, self.lateral @ spin.T
        return Parts(ends, lateral, self.radii, self.stretch, self.paint, self.owner)


@dataclass(frozen=True)
class Body:
    """14 joints (world mm, `skeleton.LSP` order), each joint's tolerated depth below its own surface, the parts."""

    joints: np.ndarray
    depth: np.ndarray
    parts: Parts
    action: str


@dataclass
class _Builder:
    """Collects parts one at a time."""

    rows: list = field(default_factory=list)

    def add(self, start: np.ndarray, end: np.ndarray, lateral: np.ndarray, radii: Sequence[float], *,
            stretch: Sequence[float] = (1.0, 1.0), material: int = SKIN, after: int = 0, cut: float = 2.0,
            offset: float = 0.0, front: int = PLAIN, owner: Sequence[int] = ()) -> None:  # fmt: skip
        owned = np.zeros(14, bool)
        owned[list(owner)] = True
        paint = (material, after or material, cut, offset, float(front))
        self.rows.append((start, end, lateral, radii, stretch, paint, owned))

    def parts(self) -> Parts:
        start, end, lateral, radii, stretch, paint, owner = (
            np.array(column) for column in zip(*self.rows, strict=True)
        )
        return Parts(np.stack([start, end], 1), lateral, radii, stretch, paint, owner)


def about(radians: float) -> np.ndarray:
    """(3, 3): a turn about the vertical."""
    return np.array([(np.cos(radians), -np.sin(radians), 0), (np.sin(radians), np.cos(radians), 0), (0, 0, 1)])


def build(rng: np.random.Generator, domain: str, phase: float | None = None) -> Body:
    """Sample a person: pose, proportions, clothes' cut. Stands at the origin facing +x with its lowest point on z = 0
    (above it in a jump).

    Args:
        phase: of the gait of one who walks, in radians; the same generator gives the same person at any.
    """
    angles, action = sample_pose(rng, domain) if phase is None else (walking(rng, phase), "walk")
    child = rng.random() < 0.08
    height = rng.uniform(1150, 1500) if child else rng.normal(1710, 90)
    girth = float(np.clip(rng.normal(1.0, 0.12), 0.78, 1.4)) * (height / 1710) ** 0.5
    size = dict(zip(("thigh", "shank", "upper", "fore", "trunk", "shoulder", "hip"),
                    height * np.array([0.243, 0.242, 0.175, 0.148, 0.288, 0.108, 0.055]) * rng.normal(1, 0.035, 7),
                    strict=True))  # fmt: skip
    size["head"] = height * (0.145 if child else 0.133) * rng.normal(1, 0.03)
    turned = frames(rotations(angles))
    make = _Builder()
    joints = np.zeros((14, 3))
    outfit = _Outfit.sample(rng, girth, action)
    _trunk(make, joints, turned, size, outfit)
    for leg, arm, side in SIDES:
        _leg(make, joints, turned[leg : leg + 3], turned[ROOT], size, outfit, side)
        _arm(make, joints, turned[arm : arm + 3], turned[CHEST], size, outfit, side)
    parts = make.parts()
    floor = np.min(parts.ends[..., 2] - parts.radii)
    lift = rng.uniform(120, 600) if action in ("jump", "star", "air") else 0.0
    offset = np.array([0, 0, lift - floor])
    depth = np.array([105, 85, 165, 165, 85, 105, 60, 70, 130, 130, 70, 60, 155, 130]) * girth
    return Body(joints + offset, depth, parts.moved(offset), action)


@dataclass(frozen=True)
class _Outfit:
    """Build and cut of the clothes: where sleeves and legs end (fractions of upper+lower limb), what is worn."""

    girth: float
    belly: float
    sleeve: float
    leg: float
    skirt: bool
    hair: int  # 0 short, 1 long, 2 bun, 3 cap
    loose: float
    pack: bool
    front: int

    @classmethod
    def sample(cls, rng: np.random.Generator, girth: float, action: str) -> _Outfit:
        r = rng.random(9)
        sleeve = (0.0, 0.55, 0.62, 1.85, 1.95)[int(r[0] * 5)] + 0.08 * r[1]
        leg = (0.35, 0.8, 1.4, 1.88, 1.9, 1.92)[int(r[2] * 6)]
        skirt = bool(r[3] < 0.25) and action in ("stand", "walk")
        return cls(girth, float(0.9 + 0.28 * r[4]), sleeve, 0.0 if skirt else leg, skirt, int(r[5] * 4 * 0.999),
                   float(1 + 0.22 * r[6] ** 2), bool(r[7] < 0.06), OPEN if r[8] < 0.6 else PLAIN)  # fmt: skip


def _trunk(make: _Builder, joints: np.ndarray, turned: np.ndarray, size: dict, outfit: _Outfit) -> None:
    """Pelvis to head; sets hips, shoulders, neck and head top."""
    g, trunk, hip, wide = outfit.girth, size["trunk"], size["hip"], size["shoulder"]
    x, y, z = (np.swapaxes(turned, 1, 2)[:, i] for i in range(3))
    waist = trunk * 0.30 * z[ROOT]
    ribs = waist + trunk * 0.30 * z[LUMBAR]
    top = ribs + trunk * 0.40 * z[CHEST]
    neck = top + 0.05 * trunk * z[CHEST]
    for side, hips, shoulder in ((-1, 2, 8), (1, 3, 9)):
        joints[hips], joints[shoulder] = side * hip * y[ROOT], top + side * wide * y[CHEST]
    loose = outfit.loose
    low, mid, high = 99 * g, 92 * g * outfit.belly * loose, 104 * g * loose  # one radius where two parts meet
    make.add(0.0 * waist, waist, y[ROOT], (low, mid), stretch=(1.5, 1.02), material=BOTTOM, after=TOP, cut=0.72,
             owner=(2, 3))  # fmt: skip
    make.add(waist, ribs, y[LUMBAR], (mid, high), offset=0.3 * trunk, owner=(2, 3), stretch=(1.5, 1.02), material=TOP,
             front=outfit.front)  # fmt: skip
    make.add(ribs, top - 70 * g * z[CHEST], y[CHEST], (high, 97 * g * loose), offset=0.6 * trunk, owner=(8, 9, 12),
             stretch=(1.5, 1.02), material=TOP, front=outfit.front)  # fmt: skip
    for shoulder in (8, 9):
        make.add(neck - 30 * z[CHEST], joints[shoulder] - 10 * z[CHEST], z[CHEST], (50 * g, 50 * g * loose),
                 material=TOP, offset=0.9 * trunk, owner=(shoulder, 12))  # fmt: skip
    head = size["head"] / 222  # the head is built 222 mm high
    base = neck + 0.045 * trunk * z[NECK] + 12 * head * x[NECK]
    jaw = base + (58 * z[HEAD] + 14 * x[HEAD]) * head
    crown = jaw + 75 * head * z[HEAD]
    make.add(neck - 20 * z[CHEST], base + 60 * head * z[HEAD], y[NECK], (54 * g**0.5, 50 * head), owner=(12,))
    make.add(jaw, crown, y[HEAD], (62 * head, 85 * head), stretch=(0.9, 1.1), front=FACE, owner=(12, 13))
    joints[12], joints[13] = neck, crown + 85 * head * z[HEAD]
    bridge = jaw + (42 * z[HEAD] + 82 * x[HEAD]) * head
    make.add(bridge, bridge + (12 * x[HEAD] - 24 * z[HEAD]) * head, y[HEAD], (9 * head, 15 * head), owner=(12, 13))
    ear, apart = jaw + (46 * z[HEAD] - 4 * x[HEAD]) * head, 71 * head * y[HEAD]
    make.add(ear - apart, ear + apart, x[HEAD], (16 * head, 16 * head), owner=(12, 13))
    _headgear(make, crown, jaw, turned[HEAD], turned[CHEST], head, outfit.hair)
    if outfit.pack:
        make.add(ribs - 40 * x[LUMBAR] - 105 * g * x[CHEST], top - (95 * g + 60) * x[CHEST] - 90 * z[CHEST], y[CHEST],
                 (95, 85), stretch=(1.4, 0.9), material=EXTRA)  # fmt: skip
    if outfit.skirt:
        make.add(waist * 0.35, -0.9 * size["thigh"] * z[ROOT], y[ROOT], (112 * g, 165 * g),
                 stretch=(1.5, 1.1), material=BOTTOM, owner=(1, 2, 3, 4))  # fmt: skip


def _headgear(make: _Builder, crown: np.ndarray, jaw: np.ndarray, frame: np.ndarray, chest: np.ndarray, head: float,
              style: int) -> None:  # fmt: skip
    x, y, z = frame.T
    back = crown - 22 * head * x
    if style == 1:
        make.add(back, jaw - 62 * head * x - 60 * head * chest[:, 2], y, (76 * head, 52 * head), stretch=(1.15, 0.7),
                 material=HAIR, owner=(12,))  # fmt: skip
    elif style == 2:
        knot = crown + (40 * z - 92 * x) * head
        make.add(knot, knot + 10 * z, y, (34 * head, 34 * head), material=HAIR)
    elif style == 3:
        make.add(crown + (12 * z - 2 * x) * head, crown + (20 * z - 4 * x) * head, y, (85 * head, 80 * head),
                 stretch=(0.95, 1.12), material=EXTRA, owner=(13,))  # fmt: skip
        make.add(crown + (14 * z + 60 * x) * head, crown + (6 * z + 128 * x) * head, z, (42 * head, 40 * head),
                 stretch=(0.25, 1.4), material=EXTRA)  # fmt: skip


def _leg(make: _Builder, joints: np.ndarray, turned: np.ndarray, root: np.ndarray, size: dict, outfit: _Outfit,
         side: float) -> None:  # fmt: skip
    """Thigh, shank and foot."""
    hip, knee, ankle = (2, 1, 0) if side < 0 else (3, 4, 5)
    g, loose = outfit.girth, outfit.loose if outfit.leg > 0.3 else 1.0
    thigh, shank, foot = turned
    joints[knee] = joints[hip] - size["thigh"] * thigh[:, 2]
    joints[ankle] = joints[knee] - size["shank"] * shank[:, 2]
    lower = outfit.leg > 1
    make.add(joints[hip] + 10 * root[:, 2], joints[knee], thigh[:, 1],
             (88 * g * loose, 57 * g * (loose if lower else 1)), material=BOTTOM if outfit.leg else SKIN, after=SKIN,
             cut=min(outfit.leg, 2) if outfit.leg < 1 else 2, owner=(hip, knee))  # fmt: skip
    calf = joints[knee] - 0.30 * size["shank"] * shank[:, 2] - 14 * g * shank[:, 0]
    cut = 2 * max(outfit.leg - 1, 0)
    make.add(joints[knee], calf, shank[:, 1], (54 * g * (loose if lower else 1), 56 * g * (loose if lower else 1)),
             material=BOTTOM if lower else SKIN, offset=size["thigh"], owner=(knee,))  # fmt: skip
    make.add(calf, joints[ankle], shank[:, 1], (56 * g * (loose if lower else 1), 37 * (loose**2 if cut > 1.5 else 1)),
             material=BOTTOM if lower else SKIN, after=SOCK if cut > 1.5 else SKIN, cut=(cut - 0.6) / 1.4,
             offset=size["thigh"] + 0.3 * size["shank"], owner=(knee, ankle))  # fmt: skip
    scale = size["shank"] / 412
    sole = joints[ankle] - 42 * scale * foot[:, 2]
    make.add(sole - 42 * scale * foot[:, 0], sole + 142 * scale * foot[:, 0] - 8 * foot[:, 2], foot[:, 1],
             (41 * scale, 31 * scale), stretch=(1.12, 1.0), material=SHOE, owner=(ankle,))  # fmt: skip
    make.add(joints[ankle], sole + 70 * scale * foot[:, 0] + 6 * foot[:, 2], foot[:, 1], (38 * scale, 33 * scale),
             material=SHOE, owner=(ankle,))  # fmt: skip


def _arm(make: _Builder, joints: np.ndarray, turned: np.ndarray, chest: np.ndarray, size: dict, outfit: _Outfit,
         side: float) -> None:  # fmt: skip
    shoulder, elbow, wrist = (8, 7, 6) if side < 0 else (9, 10, 11)
    g = outfit.girth
    upper, fore, hand = turned
    # The shoulder blade follows a raised arm.
    lift = max(0.0, float(-upper[:, 2] @ chest[:, 2])) * 40
    joints[shoulder] += lift * chest[:, 2] - side * 0.5 * lift * chest[:, 1]
    joints[elbow] = joints[shoulder] - size["upper"] * upper[:, 2]
    joints[wrist] = joints[elbow] - size["fore"] * fore[:, 2]
    covered, both = outfit.sleeve > 0.3, outfit.sleeve > 1
    loose = outfit.loose
    make.add(joints[shoulder], joints[elbow], upper[:, 1], (51 * g * loose, 41 * g * (loose if both else 1)),
             material=TOP if covered else SKIN, after=SKIN, cut=2 if both else outfit.sleeve,
             owner=(shoulder, elbow))  # fmt: skip
    make.add(joints[elbow], joints[wrist], fore[:, 1], (41 * g * (loose if both else 1), 28 * g**0.5),
             material=TOP if both else SKIN, after=SKIN, cut=outfit.sleeve - 1, offset=size["upper"],
             owner=(elbow, wrist))  # fmt: skip
    scale = size["fore"] / 250
    palm = joints[wrist] - 62 * scale * hand[:, 2]
    make.add(joints[wrist] - 18 * scale * hand[:, 2], palm - 52 * scale * hand[:, 2], hand[:, 0],
             (37 * scale, 24 * scale), stretch=(1.0, 0.6), owner=(wrist,))  # fmt: skip
    make.add(joints[wrist] - 20 * scale * hand[:, 2], palm + 42 * scale * hand[:, 0], hand[:, 0],
             (16 * scale, 13 * scale), owner=(wrist,))  # fmt: skip
