"""Networks: backbones as stages, heads, sizes, weights on disk and public weights."""
