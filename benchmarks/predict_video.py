"""Predicting 1,000 frames of video, against onnxruntime on the same network, and whether memory grows.

    python benchmarks/predict_video.py

`frames_per_second`: `semipose predict` on a video, from its file to keypoints.json, loading of the network aside.
`over_onnxruntime`: its frames a second over those of onnxruntime, which gets the same frames from the same decoder, cut
by the same code, through the exported network, decoded in numpy, on as many threads; the two take turns, medians of
`--repeats`. `memory_growth_mb`: how much more resident memory the whole video takes at most than its first tenth did,
in a process of its own. ResNet18, 256x192, whole frames of 640x480. `over_onnxruntime_lite0`: EfficientNet-Lite0,
128x128, a small network of which all that is no network is a larger part; `over_onnxruntime_fpn`: the same with a
feature pyramid, as `semipose init` writes it.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common import write

COUNT = 1000
SIZE = (480, 640)
Rates = dict[str, list[float]]
SMALL = ("tf_efficientnet_lite0", (128, 128))


def make_video(path: Path, count: int) -> Path:
    """Drawn people, each for ten frames that drift, with a camera's noise."""
    import av
    import cv2

    from semipose.data.refs import Person
    from semipose.data.synthetic import people

    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "23"})
        stream.height, stream.width, stream.pix_fmt = *SIZE, "yuv420p"
        for n in range(count):
            if n % 10 == 0:
                still = cv2.resize(people.read(Person("wild", 0, n)), SIZE[::-1])
            pixels = np.roll(still, 3 * (n % 10), 1)
            pixels = np.clip(pixels + rng.integers(-6, 7, pixels.shape), 0, 255).astype(np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def make_model(
    folder: Path, backbone: str = "resnet18", size: Sequence[int] = (256, 192), decoder: str = "deconv"
) -> Path:
    """A network with the weights that it starts training with."""
    from semipose.config import ModelConfig
    from semipose.models.build import build_model
    from semipose.models.weights import save_model
    from semipose.skeleton import COCO

    config = ModelConfig(backbone, weights="none", size=list(size), decoder=decoder)
    folder.mkdir(parents=True, exist_ok=True)
    save_model(folder / "model", build_model(config, len(COCO)), config, COCO)
    return folder


def ours(model: Path, video: Path, out: Path, frames: str = "all") -> tuple[int, float]:
    """Frames and seconds."""
    from semipose import predict

    found = predict(model, video, out=out, overlay=False, device="cpu", frames=frames, progress=False)
    return found.frames, found.seconds


def onnx(session: Any, about: dict, video: Path, batch: int = 8) -> tuple[int, float]:
    """Frames and seconds of onnxruntime."""
    from semipose.data.crops.cropping import CropSpec, crop_matrices, cut
    from semipose.data.video import probe, read_frames

    size = tuple(about["size"])
    height, width = probe(video).size
    matrix = crop_matrices(np.array([[0, 0, width, height]]), CropSpec(size, size, about["padding"]))[0]
    inverse = np.linalg.inv(matrix)
    crops: list[np.ndarray] = []
    results: list[list[float]] = []

    def run() -> None:
        image = (np.stack(crops).astype(np.float32) / 255).transpose(0, 3, 1, 2)
        (maps,) = session.run(["heatmaps"], {"image": np.ascontiguousarray(image)})
        b, k, _, w = maps.shape
        flat = maps.reshape(b, k, -1)
        place = flat.argmax(-1)
        cells = np.stack([place % w, place // w], -1)
        xy = (cells * about["stride"] + about["first_cell"]) @ inverse[:2, :2].T + inverse[:2, 2]
        results.extend(np.concatenate([xy, flat.max(-1)[..., None]], -1).reshape(b, -1).tolist())
        crops.clear()

    began = time.perf_counter()
    for _, pixels in read_frames(video):
        crops.append(cut(pixels, matrix, size))
        if len(crops) == batch:
            run()
    if crops:
        run()
    json.dumps(results)
    return len(results), time.perf_counter() - began


def in_turns(
    model: Path, video: Path, folder: Path, threads: int, repeats: int
) -> tuple[dict[str, list[float]], float]:
    """Frames a second of both, in turns, and the largest difference of their heatmaps."""
    import onnxruntime

    from semipose import export

    file, difference, _ = export(model, out=folder / "model.onnx")
    choice = onnxruntime.SessionOptions()
    choice.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(file), choice, providers=["CPUExecutionProvider"])
    about = json.loads(session.get_modelmeta().custom_metadata_map["semipose"])
    rates: Rates = {"semipose": [], "onnxruntime": []}
    for _ in range(repeats):
        for who, (count, seconds) in (
            ("semipose", ours(model, video, folder / "out")),
            ("onnxruntime", onnx(session, about, video)),
        ):
            rates[who].append(round(count / seconds, 2))
    return rates, difference


def over(rates: Mapping[str, Sequence[float]]) -> float:
    """Our median rate over onnxruntime's."""
    return round(statistics.median(rates["semipose"]) / statistics.median(rates["onnxruntime"]), 3)


def growth(model: Path, video: Path, folder: Path) -> dict[str, float]:
    """MB of resident memory while predicting the video in another process: the most in the first tenth of its time,
    and in all of it."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[4]); from pathlib import Path; import predict_video as p\n"
        "model, video, out = map(Path, sys.argv[1:4]); print(*p.resident(lambda: p.ours(model, video, out)))"
    )
    words = [sys.executable, "-c", code, str(model), str(video), str(folder / "memory"), str(Path(__file__).parent)]
    seen = [float(each) for each in subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()]
    return {"a_tenth_mb": round(max(seen[: len(seen) // 10]), 1), "all_mb": round(max(seen), 1)}


def resident(call: Callable[[], object]) -> list[float]:
    """MB of resident memory, every 20 ms while `call` runs."""
    seen = [0.0]
    done = threading.Event()

    def look() -> None:
        while not done.wait(0.02):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            seen.append(round(pages * resource.getpagesize() / 1e6, 1))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        call()
    finally:
        done.set()
        watcher.join()
    return seen


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=COUNT)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="of both; 0: torch's choice")
    parser.add_argument("--try", dest="dry", action="store_true", help="print, and record nothing")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        video, model = make_video(folder / "video.mp4", options.frames), make_model(folder / "model")
        rates, difference = in_turns(model, video, folder, threads, options.repeats)
        small, _ = in_turns(make_model(folder / "small", *SMALL), video, folder, threads, options.repeats)
        fine, _ = in_turns(make_model(folder / "fine", *SMALL, "fpn"), video, folder, threads, options.repeats)
        memory = growth(model, video, folder)
    summary = {
        "frames_per_second": round(statistics.median(rates["semipose"]), 2),
        "over_onnxruntime": over(rates),
        "over_onnxruntime_lite0": over(small),
        "over_onnxruntime_fpn": over(fine),
        "memory_growth_mb": round(memory["all_mb"] - memory["a_tenth_mb"], 1),
    }
    if options.dry:
        print(summary, rates, small, fine, memory)
        return
    about = {"threads": threads, "heatmap_difference": difference, "memory": memory}
    runs = {"frames_per_second": rates, "frames_per_second_lite0": small, "frames_per_second_fpn": fine}
    write("predict_video", summary, runs, **about)


if __name__ == "__main__":
    main()
