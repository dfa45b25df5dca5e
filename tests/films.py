"""Videos for tests: frame n is of one grey that says n, with a bright dot that moves."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

STEP = 8


def film(path: Path, count: int = 12, size: tuple[int, int] = (64, 96), rate: int = 10, step: int = STEP) -> Path:
    """Frame n has grey 20 + step n, and a white 8x8 square with its centre at `dot(n)`, of n up to 15."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "10", "g": "5", "bf": "2"})
        stream.height, stream.width = size
        stream.pix_fmt = "yuv420p"
        for n in range(count):
            pixels = np.full((*size, 3), 20 + step * n, np.uint8)
            x, y = dot(n % 16)
            pixels[int(y - 3.5) : int(y + 4.5), int(x - 3.5) : int(x + 4.5)] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def dot(n: int) -> tuple[float, float]:
    """The square's centre, x and y."""
    return 19.5 + 4 * n, 31.5


def number(pixels: np.ndarray, step: int = STEP) -> float:
    """Which frame these pixels are of."""
    return float((np.median(pixels) - 20) / step)
