"""Near-duplicates: pictures that show the same, resized, compressed again, brightened, or a moment later.

Candidates have nearly the same perceptual hash: the signs, against their median, of the lowest frequencies of a small
grey picture. In front of a camera that stands still all frames have, so a candidate counts only where the small
pictures, blurred, differ nowhere by much, an animal that has moved changes a few cells, and little on the whole: so do
those of another animal, at the same place in the same box.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np

from semipose.data.video import thumbnail

SIDE = 32
BITS = 6
"""Hashes that differ in more of their 64 bits are of other pictures."""
LEVELS = 30.0
"""Grey levels of 255 by which small pictures of the same may differ in any cell, mean brightness aside. Frame after
frame of a running mouse differ by 14 to 25, frames five apart by 65."""
SPREAD = 2.4
"""Grey levels by which they may differ in the root mean square over all cells. Frame after frame of a running mouse
differ by 0.6 to 2.1, half-size copies of photographs by 1.3 to 2.2, and another mouse at the same place of the same
box, of which the fur and the light are others everywhere, by 2.8 and more."""
_COUNTS = np.array([bin(n).count("1") for n in range(256)], np.uint8)


class Print(NamedTuple):
    """What is kept of an image: (8,) uint8, 64 bits of hash, and (32, 32) uint8, the small grey picture."""

    bits: np.ndarray
    small: np.ndarray


def fingerprint(pixels: np.ndarray) -> Print:
    """Of an RGB uint8 (H, W, 3) image."""
    small = thumbnail(pixels, SIDE)
    low = cv2.dct(small)[:8, :8].ravel()
    return Print(np.packbits(low > np.median(low[1:])), small.astype(np.uint8))


def near_duplicates(these: Mapping[str, Print], those: Mapping[str, Print]) -> dict[str, str]:
    """Each of `these` that nearly is one of `those`, with the one that it is nearest to."""
    if not these or not those:
        return {}
    bits = np.stack([mark.bits for mark in those.values()])
    smalls = np.stack([_even(mark.small) for mark in those.values()])
    names = list(those)
    nearest = {}
    for name, mark in these.items():
        near = np.flatnonzero(_COUNTS[bits ^ mark.bits].sum(1) <= BITS)
        if not len(near):
            continue
        apart = smalls[near] - _even(mark.small)
        spread = np.sqrt((apart**2).mean((1, 2)))
        spread[np.abs(apart).max((1, 2)) > LEVELS] = np.inf
        if spread.min() <= SPREAD:
            nearest[name] = names[near[spread.argmin()]]
    return nearest


def _even(small: np.ndarray) -> np.ndarray:
    blurred = cv2.GaussianBlur(small.astype(np.float32), (3, 3), 0)
    return np.asarray(blurred - blurred.mean())
