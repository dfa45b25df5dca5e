"""What a policy is."""

from __future__ import annotations

from typing import Protocol

from semipose.draws import Draws
from semipose.geometry import View
from semipose.target import Target


class Policy(Protocol):
    """Draws a view from a view."""

    def __call__(self, view: View, draws: Draws, target: Target | None = None) -> View: ...
