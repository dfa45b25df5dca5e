"""Splits: which samples are labelled, unlabelled and for validation, as a file that can be checked and repeated."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from semipose.data.packed import grouped
from semipose.data.sample import PoseData
from semipose.errors import UserError, reason_of
from semipose.files import read_json, real, write_atomically
from semipose.options import refuse_negative

Protocol = Literal["random", "first", "images"]


USES = ("labeled", "unlabeled", "val")


def is_split(path: Path) -> bool:
    """Whether a file is what `Split.save` writes."""
    try:
        content = read_json(path)
    except UserError:
        return False
    return isinstance(content, dict) and {*USES, "protocol", "hash"} <= content.keys()


@dataclass(frozen=True)
class Split:
    """Sample ids of one data set by use. `hash` is a SHA-256 over them; equal hashes are equal splits."""

    data: str
    labeled: tuple[str, ...]
    unlabeled: tuple[str, ...]
    val: tuple[str, ...]
    seed: int
    protocol: str

    @property
    def hash(self) -> str:
        ids = json.dumps([self.labeled, self.unlabeled, self.val])
        return hashlib.sha256(ids.encode()).hexdigest()

    def save(self, path: str | Path) -> None:
        """Write JSON; the file is there whole or not at all. UserError where a file stands there that is no split."""
        path = Path(path)
        if path.exists() and not is_split(path):
            raise UserError(f"{path} is there and is no split; name another file")
        content = {**self.__dict__, "hash": self.hash}
        write_atomically(path, json.dumps(content, indent=1).encode())

    @classmethod
    def load(cls, path: str | Path) -> Split:
        """Read what `save` wrote; UserError where the ids do not match their hash."""
        path = Path(path)
        content = read_json(path, once=True)
        if not isinstance(content, dict):
            raise UserError(f"{path} is not a split file: it holds no names with values; make it again")
        try:
            lists = {use: content[use] for use in USES}
            words = [content[key] for key in ("data", "protocol", "hash")]
            if not all(isinstance(ids, list) and all(isinstance(i, str) for i in ids) for ids in lists.values()):
                raise ValueError("ids must be texts")
            if not all(isinstance(word, str) for word in words) or type(content["seed"]) is not int:
                raise ValueError("data, protocol and hash must be texts and seed a number")
        except (KeyError, ValueError) as e:
            raise UserError(f"{path} is not a split file ({reason_of(e)}); make it again") from None
        ids = {use: tuple(lists[use]) for use in USES}
        split = cls(data=words[0], seed=content["seed"], protocol=words[1], **ids)
        expected = words[2]
        if split.hash != expected:
            raise UserError(f"the ids in {path} do not match its hash: it was edited or damaged; make the split again")
        for use, own in ids.items():
            twice = [i for i, count in Counter(own).items() if count > 1]
            if twice:
                raise UserError(f"{path}: {use} has {twice[0][:200]!r} more than once; make the split again")
        return split

    def apply(self, data: PoseData) -> tuple[PoseData, PoseData, PoseData]:
        """(labeled, unlabeled, val) of `data`; the unlabelled without keypoints. UserError where they overlap."""
        parts = data.subset(self.labeled), data.subset(self.unlabeled).unlabeled(), data.subset(self.val)
        check_overlap(*parts)
        return parts


def make_split(
    data: PoseData,
    labeled: int | None,
    val: int = 0,
    unlabeled: int | None = None,
    seed: int = 0,
    protocol: Protocol = "random",
    keep_labeled_in_unlabeled: bool = False,
    by: Literal["image", "session"] = "image",
) -> Split:
    """Divide one data set.

    Validation is taken by image: no image has one person there and another in training. "random" labels random
    instances, as Xie et al. (ICCV 2021) do, and validates on random images; with one seed, a smaller labelled set is
    part of a larger one, and the validation set does not depend on it. "first" labels the first instances in file
    order and validates on the last images. "images" labels everyone in random images, and leaves these images out of
    the unlabelled set.

    Args:
        labeled, val: how many labelled samples each, of labelled images where the protocol is "images"; `labeled` None
            for all that validation leaves.
        unlabeled: how many unlabelled ones, None for all that remain (unlabelled samples of `data` included).
        keep_labeled_in_unlabeled: whether the labelled samples are seen in the unlabelled stream too.
        by: what validation is taken by; whole sessions (videos), which come near to `val` samples: half to twice as
            many, and at most half of all.

    Raises:
        UserError: `data` has fewer samples than asked for, or no sessions of about as many.
    """
    refuse_negative(seed)
    if protocol not in ("random", "first", "images"):
        raise UserError(f"split protocol {protocol!r} is not known; choose random, first or images")
    if (labeled is not None and labeled < 1) or val < 0 or (unlabeled is not None and unlabeled < 0):
        raise UserError(
            "a split needs at least 1 labelled sample, and no negative counts;"
            f" got labeled {labeled}, val {val}, unlabeled {unlabeled}"
        )
    usable = data.labeled_rows()
    image = data.samples.images.grouped()[1]
    chosen, held = _validation(data, usable, image, val, seed, protocol, by)
    shown_in_val = np.zeros(len(data), bool)
    shown_in_val[image[held]] = True
    train = usable[~shown_in_val[image[usable]]]
    unit = grouped(image[train])[1] if protocol == "images" else np.arange(len(train))
    units = int(unit.max(initial=-1)) + 1
    labeled = units if labeled is None else labeled
    if len(chosen) < (val if by == "image" else val / 2) or units < max(1, labeled):
        what = f"{units} labelled images" if protocol == "images" else f"{len(usable)} labelled samples"
        raise UserError(
            f"{data.name} has {what}: too few for {max(1, labeled)} labelled and {val} for validation from other"
            f" {by}s; ask for fewer"
        )
    taught = _of_groups(train, unit, _order(units, seed, 1, protocol)[:labeled])
    left = ~data.crowds() & ~shown_in_val[image]
    if not keep_labeled_in_unlabeled:
        left[taught] = False
        left &= ~np.isin(image, image[taught]) if protocol == "images" else True
    pool = np.flatnonzero(left)
    if unlabeled is not None:
        if len(pool) < unlabeled:
            raise UserError(
                f"{data.name} leaves {len(pool)} samples for the unlabelled set, {unlabeled} were asked for"
            )
        pool = pool[_order(len(pool), seed, 2, protocol)[:unlabeled]]
    labels, others, held_out = (tuple(data.samples.ids.take(rows)) for rows in (taught, pool, chosen))
    return Split(data.name, labels, others, held_out, seed, protocol)


def check_overlap(
    labeled: PoseData | None = None, unlabeled: PoseData | None = None, val: PoseData | None = None
) -> None:
    """Refuse validation samples, or other instances in their images, among what is trained on.

    Images are the same when their files are (links and relative paths resolved). Ids are not compared: they are unique
    within one data set only. Copies of a file under another name are found by `check`, which reads them all.

    Raises:
        UserError: naming examples. Labelled and unlabelled sets may overlap.
    """
    held_out = set() if val is None else set(_files(val))
    for what, train in (("labeled", labeled), ("unlabeled", unlabeled)):
        shared = sorted({image for image in _files(train) if image in held_out}) if held_out and train else []
        if shared:
            examples = ", ".join(shared[:3])
            raise UserError(
                f"{len(shared)} images are in both the {what} and the val data (leakage): {examples};"
                " remove them from one"
            )


def _validation(
    data: PoseData, usable: np.ndarray, image: np.ndarray, count: int, seed: int, protocol: str, by: str
) -> tuple[np.ndarray, np.ndarray]:
    """The places of `count` samples (whole sessions: near to it), and of all in the images that they come from (where
    others may be left over).

    Args:
        usable: the places of those that are labelled.
        image: (N,) which image each sample is in.
    """
    keys = image
    if by == "session":
        known: dict[str | None, int] = {}
        keys = np.array([known.setdefault(session, len(known)) for session in data.samples.rows("session")])
    group = grouped(keys[usable])[1]
    sizes = np.bincount(group)
    order = _order(len(sizes), seed, 0, protocol)
    order = order[::-1] if protocol == "first" else order
    if by == "session":
        whole = _of_groups(usable, group, _sessions(sizes, order, count, len(usable)))
        return whole, whole
    enough = int(np.searchsorted(np.cumsum(sizes[order]), count)) + 1 if count else 0
    held = _of_groups(usable, group, order[:enough])
    return held[:count], held


def _sessions(sizes: np.ndarray, order: np.ndarray, count: int, usable: int) -> list[int]:
    """Which sessions come near to `count` samples; large ones first: small ones fill what they leave."""
    chosen, have = list[int](), 0
    for i in sorted(order.tolist(), key=lambda i: int(sizes[i]), reverse=True):
        total = have + int(sizes[i])
        if abs(total - count) <= count - have and 2 * total <= usable:
            chosen, have = [*chosen, i], total
    return chosen


def _of_groups(rows: np.ndarray, group: np.ndarray, chosen: Sequence[int] | np.ndarray) -> np.ndarray:
    """Of (N,) rows, which are each in a `group` (N,), those of the `chosen` groups, group after group."""
    together, ends = rows[np.argsort(group, kind="stable")], np.cumsum(np.bincount(group))
    starts = ends - np.bincount(group)
    return np.concatenate([rows[:0], *(together[starts[i] : ends[i]] for i in chosen)])


def _order(n: int, seed: int, purpose: int, protocol: str) -> np.ndarray:
    return np.arange(n) if protocol == "first" else np.random.default_rng([seed, purpose]).permutation(n)


def _files(data: PoseData) -> Iterator[str]:
    """The image of each sample, links resolved."""
    return (real(image) if os.path.isabs(image) else image for image in data.samples.images)
