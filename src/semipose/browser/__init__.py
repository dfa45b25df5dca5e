"""The loop in a browser: what `semipose ui` serves."""
