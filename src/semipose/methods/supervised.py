"""Supervised training: the baseline (Xie et al. 2021, Eq. 1)."""

from __future__ import annotations

from semipose.methods.base import Method


class Supervised(Method):
    """One network on the labelled images alone: what every method does without unlabelled ones."""
