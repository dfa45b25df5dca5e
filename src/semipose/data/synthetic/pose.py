"""Poses of the synthetic people: joint angles within human limits, drawn by action.

Seventeen rotations: pelvis, two of the spine, neck and head; hip, knee and ankle, shoulder, elbow and wrist of either
side. Angles are about x (abduction, to the left positive), y (bending forward positive, so a limb's flexion is
negative) and z (twist), in degrees in the tables and radians outside.
"""

from __future__ import annotations

import numpy as np

ROOT, LUMBAR, CHEST, NECK, HEAD = range(5)
RIGHT_LEG, LEFT_LEG, RIGHT_ARM, LEFT_ARM = 5, 8, 11, 14  # each the first of three rotations
SIDES = ((RIGHT_LEG, RIGHT_ARM, -1.0), (LEFT_LEG, LEFT_ARM, 1.0))

# Ranges in degrees of (flexion, abduction, inward twist) of the first joint, then flexion of the second.
ARMS = {
    "hang": ((-20, 22), (4, 20), (-10, 40), (3, 40)),
    "hips": ((-25, -5), (35, 55), (40, 70), (80, 105)),
    "forward": ((45, 100), (-5, 30), (-20, 40), (5, 70)),
    "up": ((130, 175), (0, 30), (-30, 40), (0, 70)),
    "side": ((-15, 25), (55, 110), (-60, 40), (0, 80)),
    "raise": ((-10, 40), (110, 160), (-40, 20), (0, 80)),
    "fold": ((15, 40), (0, 20), (45, 75), (85, 115)),
    "face": ((20, 75), (5, 40), (10, 50), (110, 145)),
    "back": ((-55, -25), (5, 30), (0, 40), (10, 60)),
    "any": ((-45, 165), (0, 100), (-50, 60), (0, 135)),
}
LEGS = {
    "stand": ((-8, 12), (1, 14), (-18, 5), (0, 12)),
    "wide": ((-10, 25), (14, 35), (-25, 5), (0, 35)),
    "sit": ((70, 100), (0, 25), (-15, 15), (55, 110)),
    "crouch": ((85, 120), (5, 35), (-25, 5), (100, 140)),
    "half": ((30, 75), (4, 22), (-20, 5), (45, 95)),
    "kick": ((30, 110), (0, 30), (-20, 10), (0, 60)),
    "back": ((-30, -5), (0, 12), (-15, 10), (5, 90)),
    "kneel": ((-5, 25), (2, 18), (-10, 10), (85, 120)),
    "any": ((-25, 110), (0, 45), (-30, 15), (0, 120)),
}
# action: (weight in studio, in wild), right leg, left leg, pelvis pitch, spine flexion; arms are drawn on their own.
ACTIONS: dict[str, tuple[tuple[float, float], str, str, tuple[float, float], tuple[float, float]]] = {
    "stand": ((5, 2.5), "stand", "stand", (-5, 6), (-8, 12)),
    "walk": ((4, 2.5), "gait", "gait", (-2, 8), (-4, 12)),
    "run": ((1.5, 2.5), "gait", "gait", (4, 18), (0, 20)),
    "wide": ((1.5, 1.5), "wide", "wide", (-8, 25), (-10, 25)),
    "sit": ((1.5, 1.5), "sit", "sit", (-15, 20), (-5, 30)),
    "crouch": ((1, 1.5), "crouch", "crouch", (5, 40), (5, 45)),
    "half": ((1, 1.5), "half", "half", (10, 45), (0, 35)),
    "kick": ((1, 1.5), "stand", "kick", (-25, 10), (-10, 20)),
    "lunge": ((1, 1.5), "half", "back", (0, 30), (-5, 20)),
    "kneel": ((0.5, 1), "half", "kneel", (-5, 25), (-5, 25)),
    "bend": ((1, 1.5), "stand", "stand", (30, 80), (10, 50)),
    "jump": ((0.5, 1.5), "half", "half", (-10, 30), (-20, 25)),
    "star": ((0.5, 1), "wide", "wide", (-8, 8), (-15, 10)),
    "dance": ((0.5, 2), "any", "stand", (-15, 30), (-20, 30)),
    "air": ((0, 1.2), "any", "any", (-40, 60), (-25, 35)),
    "handstand": ((0.1, 0.8), "wide", "wide", (165, 195), (-15, 10)),
    "lie": ((0.2, 0.8), "any", "stand", (75, 100), (-5, 15)),
}


def rotations(angles: np.ndarray) -> np.ndarray:
    """(N, 3) radians about x, y, z -> (N, 3, 3), Ry Rx Rz: twist first, then abduction, then flexion."""
    (sx, sy, sz), (cx, cy, cz) = np.sin(angles).T, np.cos(angles).T
    rows = [cy * cz + sy * sx * sz, -cy * sz + sy * sx * cz, sy * cx, cx * sz, cx * cz, -sx]
    rows += [-sy * cz + cy * sx * sz, sy * sz + cy * sx * cz, cy * cx]
    return np.stack(rows, -1).reshape(-1, 3, 3)


def sample_pose(rng: np.random.Generator, domain: str) -> tuple[np.ndarray, str]:
    """Joint angles (17, 3) in radians about x, y, z, and the action's name."""
    wild = domain == "wild"
    weights = np.array([row[0][wild] for row in ACTIONS.values()])
    action = list(ACTIONS)[int(np.searchsorted(np.cumsum(weights), rng.random() * weights.sum()))]
    _, right, left, pitch, spine = ACTIONS[action]
    angles = np.zeros((17, 3))
    lean = rng.uniform(*pitch)
    bend = rng.uniform(*spine)
    spread = 1.0 if wild else 0.6
    angles[ROOT, :2] = rng.normal(0, 4 * spread), lean
    angles[LUMBAR] = rng.normal(0, 5 * spread), bend * 0.5, rng.normal(0, 7 * spread)
    angles[CHEST] = rng.normal(0, 4 * spread), bend * 0.5, rng.normal(0, 9 * spread)
    angles[NECK] = rng.normal(0, 4), rng.uniform(-8, 16) - 0.3 * (bend > 30) * bend, rng.normal(0, 12 * spread)
    angles[HEAD] = rng.normal(0, 5), rng.uniform(-12, 14), rng.normal(0, 18 * spread)
    _legs(rng, angles, action, (left, right) if rng.random() < 0.5 else (right, left), lean)
    _arms(rng, angles, action, wild)
    if action == "lie":
        angles[ROOT] = rng.normal(0, 8), 90.0 * rng.choice((-1, 1)), 0.0
        angles[ROOT, 1] += rng.normal(0, 6)
    if wild and action in ("air", "star", "handstand", "kick") and rng.random() < 0.4:
        angles[ROOT, 0] += rng.uniform(-70, 70)
    return np.radians(angles), action


def walking(rng: np.random.Generator, phase: float) -> np.ndarray:
    """Joint angles (17, 3) in radians of one who walks, at a phase of the gait in radians; what is drawn at random does
    not hang on the phase."""
    stride, knee, swing, elbow, lean = (
        rng.uniform(*limits) for limits in ((22, 30), (4, 10), (0.6, 1.1), (10, 45), (0, 5))
    )
    abduction, nod, bend = rng.uniform((1, 4), (5, 12)), rng.uniform(-8, 10), rng.uniform(-3, 6)
    angles = np.zeros((17, 3))
    angles[ROOT, 1], angles[HEAD, 1] = lean, nod
    angles[[LUMBAR, CHEST], 1] = bend / 2
    angles[CHEST, 2], angles[ROOT, 2] = 4 * np.sin(phase), -4 * np.sin(phase)  # shoulders against hips
    for (leg, arm, side), turn in zip(SIDES, (phase, phase + np.pi), strict=True):
        flexion = stride * np.sin(turn)
        lifted = knee + max(0.0, np.cos(turn)) * 1.5 * stride
        angles[leg] = side * abduction[0], -(flexion + lean), 0
        angles[leg + 1, 1] = lifted
        angles[leg + 2, 1] = np.clip(flexion - lifted, -35, 30)
        angles[arm] = side * abduction[1], swing * flexion, 0
        angles[arm + 1, 1] = -elbow
    return np.radians(angles)


def _legs(rng: np.random.Generator, angles: np.ndarray, action: str, styles: tuple[str, str], lean: float) -> None:
    phase, stride = rng.uniform(0, 2 * np.pi), (rng.uniform(14, 32) if action == "walk" else rng.uniform(30, 58))
    lean = lean if action in ("stand", "walk", "run", "bend", "half", "crouch", "wide", "kick") else 0.0
    for (leg, arm, side), style, turn in zip(SIDES, styles, (phase, phase + np.pi), strict=True):
        if style == "gait":
            flexion = stride * np.sin(turn) + lean
            swing = max(0.0, np.cos(turn)) * (1.9 if action == "run" else 1.5) * stride
            twist, abduction, knee = rng.uniform(-12, 4), rng.uniform(0, 7), 6 + 0.5 * rng.random() * stride + swing
            angles[arm, 1] = stride * np.sin(turn) * rng.uniform(0.5, 1.1)
        else:
            (flexion, abduction, twist, knee) = (rng.uniform(*limits) for limits in LEGS[style])
            flexion += lean
        angles[leg] = side * abduction, -min(flexion, 128.0), -side * twist
        angles[leg + 1, 1] = min(knee, 150.0)
        angles[leg + 2] = 0.0, rng.uniform(-8, 12), -side * rng.uniform(-12, 4)
        if action in ("jump", "star", "air", "handstand") or style in ("kneel", "back"):
            angles[leg + 2, 1] = rng.uniform(10, 50)
        elif style != "gait":  # a sole on the ground
            angles[leg + 2, 1] += np.clip(flexion - lean - knee, -35, 30)


def _arms(rng: np.random.Generator, angles: np.ndarray, action: str, wild: bool) -> None:
    odds = np.array([3, 1, 1, 0.8, 0.8, 0.6, 0.7, 1, 0.5, 3.0 if wild else 0.8])
    if action in ("jump", "star", "dance", "kick", "air"):
        odds = odds * np.array([0.4, 0.3, 1, 2, 2, 2, 0.3, 0.5, 1, 2])
    names = list(ARMS)
    pick = np.searchsorted(np.cumsum(odds), rng.random(2) * odds.sum())
    same = rng.random() < 0.6
    for (_, arm, side), style in zip(SIDES, (names[pick[0]], names[pick[0 if same else 1]]), strict=True):
        flexion, abduction, twist, elbow = (rng.uniform(*limits) for limits in ARMS[style])
        if action in ("walk", "run") and (style == "hang" or rng.random() < 0.5):
            flexion, abduction = -angles[arm, 1], rng.uniform(4, 20)
            twist, elbow = rng.uniform(0, 35), rng.uniform(60, 110) if action == "run" else rng.uniform(8, 45)
        if action == "handstand":
            flexion, abduction, twist, elbow = rng.uniform(160, 178), rng.uniform(0, 18), 0.0, rng.uniform(0, 15)
        angles[arm] = side * abduction, -flexion, -side * twist
        angles[arm + 1, 1] = -elbow
        angles[arm + 2] = rng.uniform(-12, 12), rng.uniform(-25, 15), 0.0


def frames(local: np.ndarray) -> np.ndarray:
    """Chain 17 local rotations from the root."""
    out = local.copy()
    for child, parent in ((LUMBAR, ROOT), (CHEST, LUMBAR), (NECK, CHEST), (HEAD, NECK)):
        out[child] = out[parent] @ local[child]
    for leg, arm, _ in SIDES:
        for first, parent in ((leg, ROOT), (arm, CHEST)):
            out[first] = out[parent] @ local[first]
            out[first + 1] = out[first] @ local[first + 1]
            out[first + 2] = out[first + 1] @ local[first + 2]
    return out
