"""Few labelled images and many unlabelled ones into a better 2D pose model."""

from __future__ import annotations

__version__ = "0.1.0"
