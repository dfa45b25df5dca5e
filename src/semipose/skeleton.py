"""Skeletons: joint names, left/right pairs, limbs and OKS sigmas, and maps between skeletons by joint name.

A skeleton is data. Everything that depends on which joints there are (mirroring, drawing, OKS, joining two data sets)
reads it from here; nothing else in the package knows a joint's name.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from types import NoneType
from typing import Any

from semipose.errors import CONTROL, UserError
from semipose.limits import JOINTS
from semipose.sides import find_sides, guesses
from semipose.sides import words as words_of

DEFAULT_SIGMA = 0.05
"""OKS sigma of a joint whose data set publishes none (COCO's range is 0.025 to 0.107)."""


@dataclass(frozen=True)
class Skeleton:
    """The joints of one kind of thing.

    Attributes:
        name: what the skeleton is called in messages and files.
        joints: K joint names, in the order of every (K, ...) array.
        pairs: index pairs (left, right) that swap under a mirror.
        limbs: index pairs to draw, 0-based.
        sigmas: K OKS sigmas (COCO keypoint evaluation); empty means `DEFAULT_SIGMA` for each.
    """

    name: str
    joints: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...] = ()
    limbs: tuple[tuple[int, int], ...] = ()
    sigmas: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        k = len(self.joints)
        if k == 0:
            raise ValueError(f"skeleton {self.name!r} has no joints")
        if k > JOINTS:
            raise ValueError(f"skeleton {self.name!r} has {k} joints, more than {JOINTS}")
        if not all(isinstance(name, str) and name.strip() for name in self.joints):
            raise ValueError(f"skeleton {self.name!r} has a joint without a name")
        odd = next((name for name in self.joints if CONTROL.search(name)), None)
        if odd is not None:
            raise ValueError(f"joint {odd[:60]!r} has a line break or control character in its name; rename it")
        twice = sorted({j for j in self.joints if self.joints.count(j) > 1})
        if twice:
            raise ValueError(f"skeleton {self.name!r} names {', '.join(twice)} more than once; joint names must differ")
        for what, rows in (("pair", self.pairs), ("limb", self.limbs)):
            for row in rows:
                if len(row) != 2 or row[0] == row[1] or not all(isinstance(i, Integral) and 0 <= i < k for i in row):
                    raise ValueError(
                        f"skeleton {self.name!r}: {what} {tuple(row)} is not two different joints of 0..{k - 1}"
                    )
        paired = [i for pair in self.pairs for i in pair]
        if len(paired) != len(set(paired)):
            raise ValueError(f"skeleton {self.name!r}: a joint stands in two left/right pairs: {self.pairs}")
        if not self.sigmas:
            object.__setattr__(self, "sigmas", (DEFAULT_SIGMA,) * k)
        if len(self.sigmas) != k or not all(0 < sigma < 10 for sigma in self.sigmas):
            raise ValueError(f"skeleton {self.name!r} needs {k} positive OKS sigmas, got {self.sigmas}")

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def flip(self) -> tuple[int, ...]:
        """The permutation of K joints under a mirror: mirrored[k] = original[flip[k]]."""
        order = list(range(len(self)))
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return tuple(order)

    @property
    def paired(self) -> set[int]:
        """The joints that stand in a pair."""
        return {i for pair in self.pairs for i in pair}

    def index(self, *names: str) -> int | None:
        """The first joint whose name is one of `names`, or None. Case and separators do not matter, but where nothing
        else tells two joints apart, as with "a+x" and "a-x"."""
        plain = [_plain(joint) for joint in self.joints]
        for name in names:
            if name in self.joints:
                return self.joints.index(name)
            if plain.count(_plain(name)) == 1:
                return plain.index(_plain(name))
        return None

    def to_dict(self) -> dict:
        """Plain values for JSON and YAML; `from_dict` reads them back."""
        return {
            "name": self.name,
            "joints": list(self.joints),
            "pairs": [list(p) for p in self.pairs],
            "limbs": [list(b) for b in self.limbs],
            "sigmas": list(self.sigmas),
        }

    @classmethod
    def from_dict(cls, data: dict) -> Skeleton:
        """Read `to_dict`'s form; without `pairs` they are inferred from the names."""
        pairs, lists = data.get("pairs"), [data["joints"], *(data.get(key, ()) for key in ("limbs", "sigmas"))]
        if not all(isinstance(each, list | tuple) for each in (*lists, pairs or [])):
            raise ValueError("its joints, pairs, limbs and sigmas are no lists")
        if not all(isinstance(sigma, int | float) for sigma in lists[2]):
            raise ValueError("its sigmas are no numbers")
        joints = tuple(data["joints"])
        cls("custom", joints)  # names first: those of a damaged file may be none
        return cls(
            name=str(data.get("name", "custom")),
            joints=joints,
            pairs=infer_pairs(joints) if pairs is None else tuple((a, b) for a, b in pairs),
            limbs=tuple((a, b) for a, b in data.get("limbs", ())),
            sigmas=tuple(float(s) for s in data.get("sigmas", ())),
        )

    @classmethod
    def from_coco(cls, category: dict) -> Skeleton:
        """Read a COCO category: `keypoints` (names) and `skeleton` (limbs, 1-based; 0-based where a 0 occurs)."""
        joints = tuple(category["keypoints"])
        edges = [tuple(int(i) for i in edge) for edge in category.get("skeleton", ())]
        base = 0 if any(0 in edge for edge in edges) else 1
        limbs = tuple((a - base, b - base) for a, b in edges if min(a, b) >= base and max(a, b) - base < len(joints))
        known = next((s for s in SKELETONS.values() if _same(s.joints, joints)), None)
        sigmas = known.sigmas if known else ()
        return cls(str(category.get("name", "custom")), joints, infer_pairs(joints), limbs, sigmas)


def infer_pairs(joints: Sequence[str]) -> tuple[tuple[int, int], ...]:
    """(left, right) index pairs read from names; see `find_sides`, which also says what is unclear."""
    return find_sides(joints).pairs


def stated_pairs(joints: Sequence[str], rows: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Pairs that a file states, each once whichever joint it has first: the left one, where names say or may say which
    that is, else the one that is first of the joints."""
    likely = [(guess.i, guess.j) for guess in guesses(joints)]
    named = {frozenset(pair): pair for pair in (*likely, *infer_pairs(joints))}
    return tuple(named.get(frozenset(pair), pair) for pair in dict.fromkeys((min(row), max(row)) for row in rows))


def named_skeleton(
    name: str,
    joints: Sequence[str],
    where: object,
    limbs: Sequence[tuple[str, str]] = (),
    pairs: Sequence[tuple[str, str]] = (),
) -> Skeleton:
    """A skeleton of joint names, and limbs and pairs by name; of joints that are in none of these pairs, those that the
    names say. UserError where a name stands twice, or in two pairs."""
    names = list(joints)
    try:
        edges, rows = ([(names.index(a), names.index(b)) for a, b in each] for each in (limbs, pairs))
        stated = stated_pairs(names, rows)
        taken = {i for pair in stated for i in pair}
        others = [pair for pair in infer_pairs(names) if not taken & {*pair}]
        return Skeleton(name, tuple(names), (*stated, *others), tuple(edges))
    except ValueError as e:
        raise UserError(f"{where}: {e}") from None


def described(skeleton: Skeleton, words: Mapping[str, Any]) -> Skeleton:
    """`skeleton` with what a data.yaml says of it, all by joint name: `joints` (which of them, in which order), `pairs`
    ([left, right] each; [] for none), `limbs`, `sigmas` (a number a joint).

    Raises:
        UserError: a name that the data has not (the nearest is suggested), or pairs that contradict each other.
    """
    unknown = sorted(set(words) - {"name", "joints", "pairs", "limbs", "sigmas"})
    if unknown:
        raise UserError(f"data.skeleton has {unknown[0]!r}; it can have joints, pairs, limbs and sigmas")
    for key in ("joints", "pairs", "limbs", "sigmas"):
        if not isinstance(words.get(key), list | NoneType):
            raise UserError(f"data.skeleton.{key} is {str(words[key])[:60]}, not a list; mend it")
    joints = [skeleton.joints[_at(name, skeleton, "joints")] for name in words.get("joints") or skeleton.joints]
    chosen = Skeleton(skeleton.name, tuple(joints)) if len(set(joints)) == len(joints) else skeleton
    kept = {name: i for i, name in enumerate(chosen.joints)}
    own = {
        key: tuple(
            (kept[skeleton.joints[a]], kept[skeleton.joints[b]])
            for a, b in getattr(skeleton, key)
            if {skeleton.joints[a], skeleton.joints[b]} <= kept.keys()
        )
        for key in ("pairs", "limbs")
    }
    for key in own:
        rows = words.get(key)
        if rows is not None and not all(isinstance(row, list) and len(row) == 2 for row in rows):
            raise UserError(f"data.skeleton.{key} is a list of [name, name]; got {str(rows)[:60]}")
        own[key] = own[key] if rows is None else tuple((_at(a, chosen, key), _at(b, chosen, key)) for a, b in rows)
    sigmas = words.get("sigmas") or [skeleton.sigmas[skeleton.joints.index(name)] for name in chosen.joints]
    try:
        return Skeleton(str(words.get("name", skeleton.name)), tuple(joints), own["pairs"], own["limbs"], tuple(sigmas))
    except (ValueError, TypeError) as e:
        raise UserError(f"data.skeleton: {e}") from None


def _at(name: Any, skeleton: Skeleton, key: str) -> int:
    found = skeleton.index(str(name))
    if found is None:
        near = difflib.get_close_matches(str(name), skeleton.joints, 1, 0.5)
        hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(skeleton.joints)}"
        raise UserError(f"data.skeleton.{key} names {name!r}, a joint that the data does not have{hint}")
    return found


def joint_map(source: Skeleton, target: Skeleton) -> list[int | None]:
    """For each joint of `target`, the index in `source` of the joint of the same name, or None where it has none."""
    found = [source.index(name) for name in target.joints]
    # "A1" stands for "a1" where it is not itself among the targets.
    other = set(source.joints) & set(target.joints)
    return [
        None if i is not None and source.joints[i] in other - {name} else i
        for i, name in zip(found, target.joints, strict=True)
    ]


SYNONYMS = (
    ("nose", "snout", "nose_tip", "nosetip", "tip_of_nose"),
    ("tail_base", "tailbase", "tail_root", "tailroot", "base_of_tail", "tail_start", "start_of_tail"),
    ("tail_end", "tail_tip", "tailtip", "tailend", "end_of_tail", "tip_of_tail"),
    ("mouse_center", "body_center", "body_centre", "center", "centre", "centroid", "mid_body", "body_middle"),
    ("head_midpoint", "head_center", "head_centre", "mid_head"),
    ("thigh", "thai"),
    ("ear_base", "earbase"),
    ("ear_tip", "ear_end", "earend"),
    ("head_top", "top_of_head", "top_head"),
    ("pelvis", "mid_hip", "hip_center", "hip_centre"),
    ("left", "l"),
    ("right", "r"),
)
"""Words of joints' names that mean the same in different data sets."""


def likened(source: Skeleton, target: Skeleton) -> list[int | None]:
    """`joint_map`, and for joints that it leaves out, the joint whose name differs by `SYNONYMS` alone. No joint of
    `source` is given to two."""
    found = joint_map(source, target)
    by_word: dict[str, list[int]] = {}
    for i, joint in enumerate(source.joints):
        by_word.setdefault(_likened(joint), []).append(i)
    for k, name in enumerate(target.joints):
        same = by_word.get(_likened(name), [])
        if found[k] is None and len(same) == 1 and same[0] not in found:
            found[k] = same[0]
    return found


def _likened(name: str) -> str:
    """With the first of its synonyms in place of each."""
    word = _MEANT.sub(lambda part: _FIRST[part[0]], _plain(name))
    return "_".join(sorted(word.split("_")))


_FIRST = {word: words[0] for words in SYNONYMS for word in words}
_MEANT = re.compile(rf"(?<![^_])({'|'.join(sorted(_FIRST, key=len, reverse=True))})(?![^_])")


def joined(skeletons: Sequence[Skeleton]) -> Skeleton:
    """One skeleton with every joint of several, each name once, in order of first occurrence; a skeleton that has all
    joints already is returned as it is. A joint's sigma and its pair are those of the first skeleton that has it.

    Names are compared as they are: one data set's "neck" and another's "upper_neck" stay two joints. Case and
    separators do not matter, but where one skeleton has two joints that they alone tell apart.
    """
    twice = {word for s in skeletons for word, n in Counter(map(_plain, s.joints)).items() if n > 1}

    def key(joint: str) -> str:
        return joint if _plain(joint) in twice else _plain(joint)

    names: dict[str, str] = {}
    sigmas: dict[str, float] = {}
    limbs: dict[tuple[str, str], None] = {}
    for skeleton in skeletons:
        plain = [key(joint) for joint in skeleton.joints]
        for joint, word, sigma in zip(skeleton.joints, plain, skeleton.sigmas, strict=True):
            names.setdefault(word, joint)
            sigmas.setdefault(word, sigma)
        limbs |= dict.fromkeys((plain[a], plain[b]) for a, b in skeleton.limbs if (plain[b], plain[a]) not in limbs)
    if len(names) == len(skeletons[0]):
        return skeletons[0]
    at = {word: i for i, word in enumerate(names)}
    pairs: list[tuple[int, int]] = []
    for skeleton in skeletons:
        found = [(at[key(skeleton.joints[a])], at[key(skeleton.joints[b])]) for a, b in skeleton.pairs]
        pairs += [pair for pair in found if not {*pair} & {i for known in pairs for i in known}]
    edges = tuple((at[a], at[b]) for a, b in limbs)
    name = "+".join(dict.fromkeys(skeleton.name for skeleton in skeletons))
    return Skeleton(name, tuple(names.values()), tuple(pairs), edges, tuple(sigmas.values()))


def _plain(name: str) -> str:
    return "_".join(words_of(name))


def _same(a: Sequence[str], b: Sequence[str]) -> bool:
    return [_plain(x) for x in a] == [_plain(x) for x in b]


def _named(name: str, joints: str, limbs: str, sigmas: Sequence[float] = ()) -> Skeleton:
    names = tuple(joints.split())
    edges = tuple((names.index(a), names.index(b)) for a, b in (edge.split("-") for edge in limbs.split()))
    return Skeleton(name, names, infer_pairs(names), edges, tuple(sigmas))


COCO = _named(
    "coco",
    "nose left_eye right_eye left_ear right_ear left_shoulder right_shoulder left_elbow right_elbow left_wrist"
    " right_wrist left_hip right_hip left_knee right_knee left_ankle right_ankle",
    "left_ankle-left_knee left_knee-left_hip right_ankle-right_knee right_knee-right_hip left_hip-right_hip"
    " left_shoulder-left_hip right_shoulder-right_hip left_shoulder-right_shoulder left_shoulder-left_elbow"
    " right_shoulder-right_elbow left_elbow-left_wrist right_elbow-right_wrist left_eye-right_eye nose-left_eye"
    " nose-right_eye left_eye-left_ear right_eye-right_ear left_ear-left_shoulder right_ear-right_shoulder",
    (.026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089),
)  # fmt: skip

LSP = _named(
    "lsp",
    "right_ankle right_knee right_hip left_hip left_knee left_ankle right_wrist right_elbow right_shoulder"
    " left_shoulder left_elbow left_wrist neck head_top",
    "right_ankle-right_knee right_knee-right_hip left_hip-left_knee left_knee-left_ankle right_hip-left_hip"
    " right_wrist-right_elbow right_elbow-right_shoulder left_shoulder-left_elbow left_elbow-left_wrist"
    " right_shoulder-neck left_shoulder-neck neck-head_top right_shoulder-right_hip left_shoulder-left_hip",
    (.089, .087, .107, .107, .087, .089, .062, .072, .079, .079, .072, .062, .079, .079),
)  # fmt: skip
"""LSP's 14 joints. It publishes no OKS sigmas: COCO's where both have the joint, the shoulders' for neck and head
top."""

MPII = _named(
    "mpii",
    "right_ankle right_knee right_hip left_hip left_knee left_ankle pelvis thorax upper_neck head_top right_wrist"
    " right_elbow right_shoulder left_shoulder left_elbow left_wrist",
    "right_ankle-right_knee right_knee-right_hip right_hip-pelvis pelvis-left_hip left_hip-left_knee"
    " left_knee-left_ankle pelvis-thorax thorax-upper_neck upper_neck-head_top right_wrist-right_elbow"
    " right_elbow-right_shoulder right_shoulder-thorax thorax-left_shoulder left_shoulder-left_elbow"
    " left_elbow-left_wrist",
    (.089, .087, .107, .107, .087, .089, .107, .079, .079, .079, .062, .072, .079, .079, .072, .062),
)  # fmt: skip
"""MPII's 16 joints. It is scored by PCKh and publishes no OKS sigmas: COCO's where both have the joint, the hips' for
the pelvis, the shoulders' for the rest."""

AIC = _named(
    "aic",
    "right_shoulder right_elbow right_wrist left_shoulder left_elbow left_wrist right_hip right_knee right_ankle"
    " left_hip left_knee left_ankle head_top neck",
    "right_shoulder-right_elbow right_elbow-right_wrist left_shoulder-left_elbow left_elbow-left_wrist"
    " right_hip-right_knee right_knee-right_ankle left_hip-left_knee left_knee-left_ankle head_top-neck"
    " right_shoulder-neck left_shoulder-neck right_shoulder-right_hip left_shoulder-left_hip",
    (.01388152, .01515228, .01057665, .01417709, .01497891, .01402144, .03909642, .03686941, .01981803, .03843971,
     .03412318, .02415081, .01291456, .01236173),
)  # fmt: skip
"""AI Challenger's 14 joints, with the sigmas of its own evaluation."""

H36M = _named(
    "h36m",
    "pelvis left_hip left_knee left_ankle right_hip right_knee right_ankle spine thorax neck_base head left_shoulder"
    " left_elbow left_wrist right_shoulder right_elbow right_wrist",
    "pelvis-left_hip left_hip-left_knee left_knee-left_ankle pelvis-right_hip right_hip-right_knee"
    " right_knee-right_ankle pelvis-spine spine-thorax thorax-neck_base neck_base-head thorax-left_shoulder"
    " left_shoulder-left_elbow left_elbow-left_wrist thorax-right_shoulder right_shoulder-right_elbow"
    " right_elbow-right_wrist",
)
"""Human3.6M's 17 joints as pose repositories order them, its root and feet under the names that other data sets have
for them: pelvis and ankles."""

SKELETONS = {skeleton.name: skeleton for skeleton in (COCO, LSP, MPII, AIC, H36M)}
