"""The papers, a folder each: the constants of its methods, its recipes, and its tables as rows for `reproduce`.

A new paper is a folder with a `PAPER`, and its name in `PAPERS`.
"""

PAPERS = ("xie2021", "pose_mum", "yu2024", "sspcm", "multiaugs")
OURS = "ours"
"""Recipes of ours, laid out as a paper."""
