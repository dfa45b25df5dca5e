"""Predicting a video with a run that finds, then refines, against onnxruntime on the same two networks.

    python benchmarks/openfield_find.py --row found --seeds 0
    python benchmarks/predict_found.py runs/openfield_find/found-seed0 project/videos/m3v1mp4.mp4

Both find a body in each frame, look where it is, and look twice more where its joints are, as `semipose predict` does
with its defaults, from the file to the JSON of joints. onnxruntime gets the frames from the same decoder, cut by the
same code in the same boxes, through both exported graphs, 16 frames a pass, on as many threads; the two take turns.
`frames_per_second` is semipose's median, `over_onnxruntime` that over onnxruntime's; `exported_per_second` and
`exported_over_onnxruntime` are of `semipose predict model.onnx`, which runs the same graphs.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common import write
from predict_video import ours, over
from semipose import export
from semipose.bodies import decode_bodies
from semipose.data.crops.cropping import CropSpec, crop_matrices, cut
from semipose.data.extent import whole
from semipose.data.video import probe, read_frames
from semipose.geometry import invert, move
from semipose.heatmap import decode
from semipose.inference.bodies import Search, body_box, in_image
from semipose.inference.boxes import around
from semipose.inference.found import AGAIN
from semipose.outputs.pose import Pose

BATCH = 16
Boxes = Sequence[Sequence[float]]


class Graph:
    """An exported network that looks in one box an image."""

    def __init__(self, file: Path, threads: int) -> None:
        import onnxruntime

        choice = onnxruntime.SessionOptions()
        choice.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(file), choice, providers=["CPUExecutionProvider"])
        self.about = json.loads(self.session.get_modelmeta().custom_metadata_map["semipose"])

    def __call__(self, images: Sequence[np.ndarray], boxes: Boxes) -> tuple[torch.Tensor, torch.Tensor]:
        """Heatmaps (B, K, h, w), and (B, 3, 3): image pixel -> the network's."""
        size = tuple(self.about["size"])
        matrices = crop_matrices(np.array(boxes, np.float64), CropSpec(size, size, self.about["padding"]))
        crops = np.stack([cut(image, matrix, size) for image, matrix in zip(images, matrices, strict=True)])
        tensor = np.ascontiguousarray((crops.astype(np.float32) / 255).transpose(0, 3, 1, 2))
        (maps,) = self.session.run(["heatmaps"], {"image": tensor})
        return torch.from_numpy(maps), torch.from_numpy(matrices)

    def poses(self, images: Sequence[np.ndarray], boxes: Boxes, refine: Callable) -> list[Pose]:
        """In a box of each image."""
        maps, matrices = self(images, boxes)
        xy, score = decode(maps, self.about["stride"], refine, self.about["first_cell"])
        placed = move(invert(matrices), xy.double()).numpy()
        rows = zip(placed, score.numpy(), boxes, strict=True)
        return [Pose(points, sure, (x, y, w, h)) for points, sure, (x, y, w, h) in rows]


def onnx(finder: Graph, second: Graph, search: Search, refine: Callable, video: Path) -> tuple[int, float]:
    """Frames and seconds of onnxruntime, one body a frame."""
    size = probe(video).size
    results: list[list[float]] = []
    images: list[np.ndarray] = []

    def run() -> None:
        maps, matrices = finder(images, [whole(size)] * len(images))
        rows, score = decode_bodies(maps, finder.about["stride"], 1)
        rows = in_image(rows.double(), matrices)[:, 0].numpy()
        here = [n for n, sure in enumerate(score[:, 0].tolist()) if sure >= search.threshold]
        if here:
            shown = [images[n] for n in here]
            poses = second.poses(shown, [body_box(rows[n], size, search.side) for n in here], refine)
            for room in AGAIN:
                longer = room * search.side * max(size)
                poses = second.poses(shown, [around(pose, size, longer) or pose.box for pose in poses], refine)
            results.extend(pose.keypoints.ravel().tolist() for pose in poses)
        images.clear()

    began, count = time.perf_counter(), 0
    for _, pixels in read_frames(video):
        images.append(pixels)
        count += 1
        if len(images) == BATCH:
            run()
    if images:
        run()
    json.dumps(results)
    return count, time.perf_counter() - began


def main() -> None:
    from semipose.heatmap import decoder
    from semipose.inference.bodies import search_of
    from semipose.inference.boxes import finder_file
    from semipose.models.weights import load_model

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("video", type=Path)
    parser.add_argument("--frames", type=int, default=480)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--dry", action="store_true", help="write no record")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    weights = finder_file(asked.run)
    if weights is None:
        raise SystemExit(f"{asked.run} has no finder")
    loaded, search = load_model(asked.run), search_of(weights)
    rates: dict[str, list[float]] = {"semipose": [], "exported": [], "onnxruntime": []}
    with tempfile.TemporaryDirectory() as name:
        from peers import clip

        folder = Path(name)
        video = clip(asked.video, asked.frames, folder / "video.mp4")
        file, *_ = export(asked.run, out=folder / "model.onnx")
        second, finder = Graph(Path(file), asked.threads), Graph(folder / "model-finder.onnx", asked.threads)
        refine = decoder(loaded.decode, loaded.config.sigma)
        turns: dict[str, Callable[[], tuple[int, float]]] = {
            "semipose": lambda: ours(asked.run, video, folder / "out"),
            "exported": lambda: ours(Path(file), video, folder / "out"),
            "onnxruntime": lambda: onnx(finder, second, search, refine, video),
        }
        for _ in range(asked.repeats):
            for who, turn in turns.items():
                count, seconds = turn()
                rates[who].append(round(count / seconds, 2))
    height, width = probe(asked.video).size
    summary: dict[str, Any] = {"frames_per_second": statistics.median(rates["semipose"])}
    summary |= {"over_onnxruntime": over(rates), "frames": asked.frames, "threads": asked.threads}
    exported = {"semipose": rates["exported"], "onnxruntime": rates["onnxruntime"]}
    summary |= {
        "exported_per_second": statistics.median(rates["exported"]),
        "exported_over_onnxruntime": over(exported),
    }
    print(summary, rates)
    if not asked.dry:
        write("predict_found", summary, rates, width=width, height=height)


if __name__ == "__main__":
    main()
