"""Recipes: functions that hold a paper's constants and return a full configuration, listed by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from semipose.config import Config
from semipose.errors import UserError
from semipose.papers import mini
from semipose.papers.pose_mum import recipes as pose_mum
from semipose.papers.xie2021 import recipes as xie2021
from semipose.papers.yu2024 import recipes as yu2024

__all__ = ["RECIPES", "Recipe", "recipe"]


@dataclass(frozen=True)
class Recipe:
    """A named configuration.

    Attributes:
        config: makes it.
        row: which row of which table it is, or what it is for.
        number: the paper's result there, with its unit; empty where the paper gives none.
    """

    config: Callable[[], Config]
    row: str
    number: str = ""

    @property
    def source(self) -> str:
        """The function's documentation: where its constants come from."""
        return " ".join((self.config.__doc__ or "").split())


RECIPES: dict[str, Recipe] = {
    "supervised": Recipe(xie2021.supervised, "Xie 2021, Table 1: Supervised, A, 1K labels", "31.5 AP"),
    "supervised-hard": Recipe(
        xie2021.supervised_hard, "Xie 2021, section 6.2: Supervised, hard augmentation, 10K labels", "52.1 AP"
    ),
    "pseudopose": Recipe(xie2021.pseudopose, "Xie 2021, Table 1: PseudoPose, A, 1K labels", "37.2 AP"),
    "datadistill": Recipe(xie2021.datadistill, "Xie 2021, Table 1: DataDistill, A, 1K labels", "37.6 AP"),
    "naive": Recipe(xie2021.naive, "Xie 2021, Figure 3 top: both sides learn; collapses", "0.9 AP"),
    "naive-lambda0.1": Recipe(xie2021.naive_tenth, "Xie 2021, section 3.2: naive, lambda 0.1; collapses later"),
    "naive-lambda0.01": Recipe(xie2021.naive_hundredth, "Xie 2021, section 3.2: naive, lambda 0.01; collapses later"),
    "single": Recipe(xie2021.single, "Xie 2021, Table 1: Ours (Single), A, 1K labels", "38.5 AP"),
    "single-jc": Recipe(xie2021.single_jc, "Xie 2021, Table 1: Ours (Single), A+JC, 1K labels", "42.1 AP"),
    "dual-a": Recipe(xie2021.dual_a, "Xie 2021, Table 1: Ours (Dual), A, 1K labels", "41.5 AP"),
    "dual-ra": Recipe(xie2021.dual_ra, "Xie 2021, Table 1: Ours (Dual), A+RA, 1K labels", "43.7 AP"),
    "dual": Recipe(xie2021.dual, "Xie 2021, Table 1: Ours (Dual), A+JC, 1K labels", "44.6 AP"),
    "dual-hrnet": Recipe(
        xie2021.dual_hrnet, "Xie 2021, Table 2: Ours (Dual), ResNet18 beside HRNet w48 (50.9), 1K labels", "48.7 AP"
    ),
    "undetached": Recipe(xie2021.undetached, "Xie 2021, section 3.3: single without the detach; collapses"),
    "confident0.2": Recipe(xie2021.confident_20, "Xie 2021, Figure 8 (A1): threshold 0.2; much below supervised"),
    "confident0.4": Recipe(xie2021.confident_40, "Xie 2021, Figure 8 (A2): threshold 0.4"),
    "confident0.6": Recipe(xie2021.confident_60, "Xie 2021, Figure 8 (A3): threshold 0.6"),
    "confident0.8": Recipe(xie2021.confident_80, "Xie 2021, Figure 8 (A4): threshold 0.8; about supervised"),
    "mean-teacher0.99": Recipe(xie2021.mean_teacher_99, "Xie 2021, Figure 8 (B1): decay 0.99; below supervised"),
    "mean-teacher0.999": Recipe(xie2021.mean_teacher_999, "Xie 2021, Figure 8 (B2): decay 0.999; below supervised"),
    "foreground": Recipe(xie2021.foreground, "Xie 2021, Figure 8 (C): re-weighted pixels; collapses"),
    "easy-easy": Recipe(xie2021.easy_easy, "Xie 2021, Figures 7 (a) and 8 (D1): collapses"),
    "hard-hard": Recipe(xie2021.hard_hard, "Xie 2021, Figures 7 and 8 (D2): degenerates"),
    "hard-easy": Recipe(xie2021.hard_easy, "Xie 2021, Figures 7 and 8 (D3): degenerates"),
    "released-single": Recipe(xie2021.released_single, "as single-jc, with the released code's settings"),
    "released-dual": Recipe(xie2021.released_dual, "as dual, with the released code's settings"),
    "mum": Recipe(pose_mum.mum, "Kim, Table 3: MUM, 1K labels", "45.5 AP"),
    "pose_mum": Recipe(pose_mum.pose_mum, "Kim, Table 3: Pose-MUM, 1K labels", "46.48 AP"),
    "pose_mum-affine": Recipe(pose_mum.pose_mum_affine, "Kim, Table 3: Pose-MUM-AT, 1K labels", "46.12 AP"),
    "pose_mum_plus": Recipe(pose_mum.pose_mum_plus, "Kim, Table 4: Pose-MUM+, decay 0.6, 1K labels", "46.9 AP"),
    "ema0.6": Recipe(pose_mum.ema, "Kim, Table 2: [19] + EMA, decay 0.6, 1K labels", "36.31 AP"),
    "eman0.6": Recipe(pose_mum.eman, "Kim, Table 2: [19] + EMAN, decay 0.6, 1K labels", "38.63 AP"),
    "unbiased-teacher": Recipe(
        yu2024.unbiased_teacher, "Yu 2024, suppl. Table 2: Teacher-Student, 1K images", "32.83 AP"
    ),
    "unbiased-teacher-refine": Recipe(
        yu2024.unbiased_teacher_refine, "Yu 2024, suppl. Table 2: Teacher-Student, Threshold-and-Refine", "36.53 AP"
    ),
    "dual-refine": Recipe(
        yu2024.dual_refine, "Yu 2024, suppl. Table 2: Dual-Student, Threshold-and-Refine, 1K images", "44.13 AP"
    ),
    "denoise-select": Recipe(yu2024.denoise_select, "Yu 2024, suppl. Algorithm 1: the whole method"),
    "mini-supervised": Recipe(mini.supervised, "synthetic people, a small network, minutes on a CPU"),
    "mini-naive": Recipe(mini.naive, "as mini-supervised: both sides learn"),
    "mini-single": Recipe(mini.single, "as mini-supervised, Single"),
    "mini-dual": Recipe(mini.dual, "as mini-supervised, Dual; what the demo trains"),
    "mini-mum": Recipe(mini.mum, "as mini-supervised, MUM"),
    "mini-pose_mum": Recipe(mini.pose_mum_only, "as mini-supervised, Pose-MUM"),
    "mini-pose_mum_plus": Recipe(mini.pose_mum_plus, "as mini-supervised, Pose-MUM+"),
    "mini-dual-refine": Recipe(mini.dual_refine, "as mini-dual, threshold-and-refine"),
    "mini-denoise-select": Recipe(mini.denoise_select, "as mini-dual, denoise and select"),
}


def recipe(name: str) -> Config:
    """The configuration that a recipe's name stands for."""
    if name not in RECIPES:
        raise UserError(f"there is no recipe {name!r}; semipose recipes lists them: {', '.join(RECIPES)}")
    return RECIPES[name].config()
