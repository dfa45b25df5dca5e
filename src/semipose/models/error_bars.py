"""How far a predicted joint may be off: a radius that holds the truth in nine of ten cases.

Split-conformal prediction (Vovk et al. 2005; Lei et al. 2018): residuals of labelled images that nothing was trained
on, each as a multiple of the error that the network's heatmap lets expect; their 90 % quantile, bin by bin of that
expected error, turns an expected error into a radius, and the same of each joint corrects it. Expected is what a
regression of the residuals' logarithm on the peak's height and the heatmap's spread says. Last, all radii are scaled
such that radii made from four fifths of the poses hold nine in ten of the others. Figures for the choice are in
docs/DECISIONS.md.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from itertools import chain, pairwise
from typing import Any, Self

import numpy as np

SHARE = 0.9
"""Of the cases, in which a radius is to hold the truth."""
FEWEST, A_BIN, MOST_BINS = 20, 100, 8
"""Residuals below which nothing is said, of one bin, and the most bins."""
FOLDS, SHARED = 5, 20
"""Parts, each judged by the others; and the residuals of a joint that give it half of the correction they ask for."""
FLOOR, THIN = 0.3, 0.1
"""Pixels and cells added before a logarithm is taken: what is smaller is noise of labels and cells."""
RARE = 0.99
"""The quantile of validation's poses above which a pose is unlike what the model has seen."""


@dataclass(frozen=True)
class ErrorBars:
    """Radii from heatmaps, in pixels of the network's input.

    Attributes:
        weights: of 1, c, c^2, log s and (log s)^2 in the logarithm of the expected error, c being the peak's height and
            s the heatmap's spread in cells.
        least, most: (c, log s) of the residuals it was made from; what lies outside counts as at the border.
        edges: of the bins, as expected errors; one fewer than `factors`.
        factors: a bin's radius over the expected error.
        joints: each joint's correction of it.
        rare: a pose whose joints' mean logarithm of the expected error is above it is unlike what the model has seen.
        residuals: how many it was made from.
    """

    weights: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]
    edges: tuple[float, ...]
    factors: tuple[float, ...]
    joints: tuple[float, ...]
    rare: float
    residuals: int

    @classmethod
    def fit(cls, score: np.ndarray, spread: np.ndarray, residual: np.ndarray, known: np.ndarray) -> Self | None:
        """From a validation set, or None where that has too few labelled joints.

        Args:
            score, spread, residual: (N, K) the peaks' heights, the heatmaps' spreads in cells, the errors in pixels of
                the network's input.
            known: (N, K) bool: the joints with a label.
        """
        known = known & np.isfinite(residual) & np.isfinite(score) & np.isfinite(spread)
        if known.sum() < FEWEST:
            return None
        whole = cls._fit(score, spread, residual, known)
        folds, over = np.arange(len(known)) % FOLDS, np.full(residual.shape, np.nan)
        for fold in range(FOLDS):
            here = folds == fold
            if (known & ~here[:, None]).any():
                rest = cls._fit(*(each[~here] for each in (score, spread, residual, known)))
                over[here] = residual[here] / rest.radius(score[here], spread[here])
        scale = _quantile(over[known & np.isfinite(over)])
        return replace(whole, factors=tuple(scale * factor for factor in whole.factors))

    @classmethod
    def _fit(cls, score: np.ndarray, spread: np.ndarray, residual: np.ndarray, known: np.ndarray) -> Self:
        """As they fit these residuals, for new ones a little too small."""
        seen = _seen(score, spread)
        inside = seen[known]
        least, most = inside.min(0), inside.max(0)
        terms = _terms(inside, least, most)
        square = terms.T @ terms + 0.1 * np.eye(terms.shape[1])
        weights = np.linalg.solve(square, terms.T @ np.log(residual[known] + FLOOR))
        expected = np.exp(terms @ weights)
        bins = int(np.clip(len(expected) // A_BIN, 1, MOST_BINS))
        edges = np.quantile(expected, np.linspace(0, 1, bins + 1)[1:-1])
        place, ratio = np.searchsorted(edges, expected), residual[known] / expected
        factors = np.array([_quantile(ratio[place == i] if (place == i).any() else ratio) for i in range(bins)])
        ratio = ratio / factors[place]
        joints, joint = np.ones(known.shape[1]), np.nonzero(known)[1]
        for i, count in enumerate(known.sum(0)):
            joints[i] = _quantile(ratio[joint == i]) ** (count / (count + SHARED)) if count else 1
        whole = known.any(1)
        poses = (_terms(seen[whole], least, most) @ weights).mean(-1)
        return cls.from_dict(
            {
                "weights": weights.tolist(),
                "least": least.tolist(),
                "most": most.tolist(),
                "edges": edges.tolist(),
                "factors": factors.tolist(),
                "joints": joints.tolist(),
                "rare": float(np.quantile(poses, RARE)),
                "residuals": int(known.sum()),
            }
        )

    def radius(self, score: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """(..., K) pixels of the network's input: within this the truth lies in nine of ten cases.

        Args:
            score, spread: (..., K) as of `fit`.
        """
        expected = np.exp(self._expected(score, spread))
        return expected * np.array(self.factors)[np.searchsorted(self.edges, expected)] * np.array(self.joints)

    def unlike(self, score: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """(...) bool: whether a pose of joints (..., K) is unlike what the model has seen: one in a hundred of
        validation's is."""
        return self._expected(score, spread).mean(-1) > self.rare

    def _expected(self, score: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """(..., K) the logarithm of the expected error."""
        terms = _terms(_seen(score, spread), np.array(self.least), np.array(self.most))
        return terms @ np.array(self.weights)

    def to_dict(self) -> dict[str, Any]:
        """As in model.json."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """What `to_dict` gave.

        Raises:
            ValueError: it is something else, a number is not finite, or a radius would be negative.
        """
        lists = {one.name: content[one.name] for one in fields(cls) if one.name not in ("rare", "residuals")}
        rare, residuals = content["rare"], content["residuals"]
        whole = type(residuals) is int and residuals >= 0
        if not whole or not all(isinstance(each, list | tuple) for each in lists.values()):
            raise ValueError(NONE)
        numbers = [rare, *chain.from_iterable(lists.values())]
        if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
            raise ValueError(NONE)
        made = cls(
            **{name: tuple(float(value) for value in values) for name, values in lists.items()},
            rare=float(rare),
            residuals=residuals,
        )
        lengths = [len(each) for each in (made.weights, made.least, made.most)]
        fits = lengths == [5, 2, 2] and len(made.factors) == len(made.edges) + 1
        ordered = all(low <= high for low, high in (*zip(made.least, made.most, strict=False), *pairwise(made.edges)))
        if not (fits and ordered and min((*made.factors, *made.joints)) >= 0):
            raise ValueError(NONE)
        return made


NONE = "error_bars are no error bars of this version"


def _quantile(ratios: np.ndarray) -> float:
    """The conformal one: the ceil(0.9 (n + 1))-th smallest of n, or the largest."""
    ordered = np.sort(ratios)
    return float(ordered[min(math.ceil(SHARE * (len(ordered) + 1)), len(ordered)) - 1])


def _seen(score: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """(..., 2) the peak's height and the logarithm of the spread."""
    return np.stack([score, np.log(np.maximum(spread, 0) + THIN)], -1).astype(float)


def _terms(seen: np.ndarray, least: np.ndarray, most: np.ndarray) -> np.ndarray:
    """(..., 5) what the weights are of."""
    score, spread = np.moveaxis(np.clip(seen, least, most), -1, 0)
    return np.stack([np.ones_like(score), score, score**2, spread, spread**2], -1)
