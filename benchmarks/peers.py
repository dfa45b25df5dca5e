"""Side by side on one machine: Lightning Pose, DeepLabCut, the released code of Xie et al., and onnxruntime.

    python benchmarks/peers.py --root ../peers --part install
    python benchmarks/peers.py --root ../peers --part train:lp:openfield      # and so on, one at a time: --list
    python benchmarks/peers.py --root ../peers --part steps:released --released ../Semi_Human_Pose
    python benchmarks/peers.py --root ../peers --collect

Each peer has a virtual environment of its own in the root, with the same torch, and small drivers of benchmarks/peers/
run in it. The labels are the same: of the open field (DeepLabCut's example: 20 of 116 frames, the others validate) and
of mice from above (10 labels, 100 others validate), one seed. The peers train by their own recommended settings
(`litpose recommend`, `create_training_dataset`); epochs are as many of these as fit into `--minutes`, with their
schedule in proportion. Ours is what `semipose init` writes for the open field, and the mouse's recipe of speedrun.py.
Where a peer's pretrained weights cannot be had it starts from scratch, and then ours from scratch is its measure.

What is measured: seconds of a step and labelled images a second; the median validation error after so many seconds of
training, evaluations and checkpoints aside; images a second of a video; and steps of Dual a second. In `summary`:

`step_over_released`: our steps a second over the released code's (above 1: ours are faster), with loading against
without. `DATA_minutes_over_PEER`: our minutes over the peer's until the validation error is what the worse of the two
reaches at its best (below 1: ours is sooner); `minutes_over_PEER` is the larger of both data sets.
`predict_over_onnxruntime`: our images a second over those of onnxruntime with the same network, EfficientNet-Lite0 at
128x128 (of the part of that name where it was run, with weights as they start); `predict_over_PEER` over a peer's, with
its own network and input size. What is missing is in `reasons`: a row is figures, or a reason.

A part that is done, or has a reason, is not run again, unless it is named with `--again`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from common import write
from records import stored
from semipose.data.sample import PoseData, Sample
from semipose.provenance import commit

HERE = Path(__file__).parent / "peers"
TORCH = ("torch", "torchvision")
MARK = "installed.txt"
Result = dict[str, Any]


class Peer(NamedTuple):
    """A tool: its driver, its packages, and what of its requirements is left out where it cannot be installed."""

    driver: str
    packages: tuple[str, ...]
    without: str = ""


PEERS = {
    "lp": Peer("lp.py", ("lightning-pose==2.4.3",), "nvidia-dali"),
    "dlc": Peer("dlc.py", ("deeplabcut==3.0.2",)),
    "released": Peer("released.py", ("easydict", "opencv-python-headless", "pyyaml", "scipy", "scikit-image")),
}
OURS = ("ours", "ours-scratch")
TRAINED = ("lp", "dlc", *OURS)


class Task(NamedTuple):
    """Labelled data in the folder of shared data, how many are labelled and how many validate, and a video."""

    source: str
    labels: int
    val: int
    video: str | None = None


TASKS = {
    "openfield": Task("openfield/project", 20, 96, "openfield/project/videos/m3v1mp4.mp4"),
    "mouse": Task("mouse_topview/keypoints.json", 10, 100),
}
ONNX = "predict:onnxruntime"
PARTS = (
    "install",
    *(f"train:{who}:{task}" for task in TASKS for who in TRAINED),
    "predict:openfield",
    ONNX,
    "steps:released",
)
MOUSE_SETTING, MOUSE_STEPS = "init", 600
"""Of speedrun.py: ahead of 1,200 steps of its default with both seeds."""
STEP_SIZE, STEP_BATCH = (128, 96), 16
"""Of the steps that are compared with the released code's."""


def split_data(task: Task, data: Path, root: Path) -> tuple[PoseData, PoseData, Path]:
    """What is labelled, what validates, and the split's file, which is made where it is missing."""
    from semipose.data.open import open_labeled
    from semipose.data.split import Split
    from speedrun import split_of

    source = data / task.source
    file = Path(split_of(source, task.labels, task.val, 0, root))
    labeled, _, val = Split.load(file).apply(open_labeled(str(source)))
    return labeled, val, file


def write_project(labeled: Sequence[Sample], val: Sequence[Sample], data: PoseData, folder: Path) -> None:
    """A DeepLabCut project of these labels, pictures copied: the labelled ones first, so that each part is a range of
    rows. Lightning Pose's own converter reads it."""
    from semipose.data.images import image_size
    from semipose.outputs.tolabel import Draft, write_dlc

    assert data.skeleton is not None
    import_tables()
    pictures = folder / "labeled-data" / "mouse"
    pictures.mkdir(parents=True)
    drafts = []
    for number, sample in enumerate([*labeled, *val]):
        assert sample.keypoints is not None
        name = f"img{number:04d}{Path(sample.image).suffix}"
        shutil.copyfile(sample.image, pictures / name)
        pose = np.where(sample.keypoints[:, 2:] > 0, sample.keypoints, np.nan).astype(float)
        file, size = f"labeled-data/mouse/{name}", image_size(sample.image)
        drafts.append(Draft(file, sample.image, size, pose[None], np.array([sample.box])))
    write_dlc(folder, drafts, data.skeleton, "labels")


def import_tables() -> None:
    """The package `tables`, which pandas asks for: a script beside this one has its name."""
    before = sys.path[:]
    sys.path[:] = [path for path in before if Path(path).resolve() != HERE.parent.resolve()]
    try:
        import_module("tables")
    finally:
        sys.path[:] = before


def project(name: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """A project of one's own for a peer, made where it is missing, and its part of a job."""
    task, where = TASKS[name], folder / "labels"
    labeled, val, _ = split_data(task, options.data, options.root)
    if not where.exists():
        fresh = Path(tempfile.mkdtemp(dir=folder))
        write_project(list(labeled), list(val), labeled, fresh)
        (fresh / "videos").mkdir()
        if task.video:
            shutil.copyfile(options.data / task.video, fresh / "videos" / "mouse.mp4")
        (fresh / "config.yaml").write_text((fresh / "config.yaml").read_text().replace(str(fresh), str(where)))
        fresh.rename(where)
    return {"project": str(where), "train": len(labeled), "val": len(val)}


def python_of(who: str, root: Path) -> Path:
    return root / who / "env" / "bin" / "python"


def install(who: str, root: Path) -> list[str]:
    """Make a peer's environment where there is none; returns what could not be installed, and why."""
    peer, python = PEERS[who], python_of(who, root)
    mark = root / who / MARK
    if mark.exists():
        return mark.read_text().splitlines()
    subprocess.run([sys.executable, "-m", "venv", str(root / who / "env")], check=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir"]
    subprocess.run([*pip, *TORCH], check=True)
    whole = subprocess.run([*pip, *peer.packages], text=True, capture_output=True)
    notes = list[str]()
    if whole.returncode:
        notes.append(f"pip install {' '.join(peer.packages)}: {pip_reason(whole.stderr)}")
        subprocess.run([*pip, "--no-deps", *peer.packages], check=True)
        code = (
            f"from importlib.metadata import requires; print(*requires({peer.packages[0].split('==')[0]!r}), sep='\\n')"
        )
        asked = subprocess.run([str(python), "-c", code], check=True, text=True, capture_output=True).stdout
        needs = needed(asked.splitlines(), peer.without)
        subprocess.run([*pip, *needs], check=True)
        notes.append(f"installed without {peer.without}")
    mark.write_text("\n".join(notes))
    return notes


def needed(requirements: Sequence[str], without: str) -> list[str]:
    """A package's requirements, those of its extras and one by name aside."""
    plain = [each for each in requirements if "extra ==" not in each]
    return [each.partition(";")[0].strip() for each in plain if not (without and each.startswith(without))]


def pip_reason(text: str) -> str:
    """Of pip's errors the one that says most: what failed to be installed, or the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [
        line for line in lines if re.search(r"installation of \S+ .*failed|No matching distribution|URLError", line)
    ]
    return (telling or lines or ["no message"])[-1]


def last_line(text: str) -> str:
    """The last line that a traceback ends with."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it printed nothing"


def reachable(host: str) -> bool:
    try:
        socket.create_connection((host, 443), timeout=5).close()
    except OSError:
        return False
    return True


def drive(who: str, job: Mapping[str, Any], folder: Path, options: argparse.Namespace) -> Result:
    """Run a peer's driver in its environment: what it measured, or {"reason": ...}. All it prints is in log.txt."""
    install(who, options.root)
    file, result = folder / "job.json", folder / "result.json"
    file.write_text(json.dumps({**job, "folder": str(folder), "threads": options.threads}, indent=1))
    result.unlink(missing_ok=True)
    words = [str(python_of(who, options.root)), str(HERE / PEERS[who].driver), str(file)]
    number = str(options.threads)
    more = {"OMP_NUM_THREADS": number, "MKL_NUM_THREADS": number, "MPLBACKEND": "agg"}
    more |= {} if reachable("huggingface.co") else {"HF_HUB_OFFLINE": "1"}  # else each file is tried six times
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    with (folder / "log.txt").open("w") as log:
        done = subprocess.run(words, env=kept | more, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
    if done.returncode or not result.exists():
        return {"reason": last_line((folder / "log.txt").read_text(errors="replace"))}
    return json.loads(result.read_text())


def train_peer(who: str, name: str, options: argparse.Namespace, folder: Path) -> Result:
    job = {"do": "train", "minutes": options.minutes, "evaluations": options.evaluations}
    result = drive(who, {**job, **project(name, options, folder)}, folder, options)
    if notes := install(who, options.root):
        result["notes"] = [*notes, *result.get("notes", [])]
    return result


def our_config(name: str, scratch: bool, options: argparse.Namespace, folder: Path) -> Any:
    """What `semipose init` writes for the open field, the mouse's recipe of speedrun.py."""
    from semipose import init
    from semipose.config.resolve import resolve
    from semipose.papers.configure import configure
    from speedrun import SETTINGS
    from speedrun import TASKS as RECIPES

    task = TASKS[name]
    _, _, split = split_data(task, options.data, options.root)
    if task.video:
        file = folder / "data.yaml"
        init(options.data / task.source, out=file, overwrite=True)
        base = configure(None, file)
    else:
        base = resolve(RECIPES["mouse"](0, options.data, options.root), SETTINGS[MOUSE_SETTING].settings)
        base = replace(base, steps=MOUSE_STEPS)
    steps = options.steps or base.steps
    return replace(
        base,
        data=replace(base.data, split=str(split), cache=str(options.root / "cache")),
        model=replace(base.model, weights="none", freeze=[]) if scratch else base.model,
        steps=steps,
        eval_every=max(1, steps // options.evaluations),
        save_every=0,
        log_every=0,
        pseudo=0,
        threads=options.threads,
        accelerator="cpu",
    )


def train_ours(scratch: bool, name: str, options: argparse.Namespace, folder: Path) -> Result:
    from semipose.training.find import find_first
    from semipose.training.launch import launch
    from semipose.training.rundir import RunDir
    from speedrun import Timed

    class Scored(Timed):
        """With the median error at each evaluation."""

        errors: tuple[tuple[int, float, float], ...] = ()

        def _evaluate(self) -> dict[str, float]:
            row = super()._evaluate()
            step, seconds, _ = self.curve[-1]
            assert self.scores is not None
            self.errors += ((step, seconds, round(self.scores["mean"]["median_error_px"], 3)),)
            return row

    config, place = our_config(name, scratch, options, folder), RunDir.create(folder / "model", overwrite=True)
    began = time.perf_counter()
    find_first(config, place, progress=False)
    finding = time.perf_counter() - began  # of a network that only finds boxes; it counts
    run = Scored(config, place, launch(config), progress=False)
    run.begin()
    run.train(None)
    step, seconds, _ = run.curve[-1]
    height, width = config.model.size
    return {
        "steps": step,
        "seconds": seconds,
        "step_seconds": round(seconds / step, 4),
        "labelled_images_per_second": round(step * config.optim.batch / seconds, 3),
        "batch": config.optim.batch,
        "finder_seconds": round(finding, 2),
        "errors": [(step, round(finding + seconds, 2), px) for step, seconds, px in run.errors],
        "weights": "none" if scratch else config.model.backbone,
        "settings": f"{'semipose init' if TASKS[name].video else f'speedrun.py mouse, {MOUSE_SETTING}'}:"
        f" {config.method.name}, {config.model.backbone}, {width}x{height}, batch {config.optim.batch},"
        f" {config.optim.name} {config.optim.lr}, {config.steps} steps",
    }


def clip(video: Path, count: int, out: Path) -> Path:
    """The first frames of a video as one of their own."""
    import av

    from semipose.data.video import probe, read_frames

    height, width = probe(video).size
    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "veryfast", "crf": "18"})
        stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
        for _, pixels in read_frames(video, range(count)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return out


def predict_all(name: str, options: argparse.Namespace, folder: Path) -> Result:
    """Images a second of a video of everybody with the network that it trained, in turns."""
    import onnxruntime
    import torch

    from predict_video import onnx, ours
    from semipose import export

    trained = {who: options.root / "parts" / f"train-{who}-{name}" for who in (*OURS, "lp", "dlc")}
    run = next(
        (trained[who] / "model" for who in OURS if (trained[who] / "model" / "model.safetensors").exists()), None
    )
    if run is None:
        return {"reason": f"part train:ours:{name} has not been run"}
    model = folder / "model"  # the network that looks at a box, as the peers' do, without the one that finds boxes
    model.mkdir(exist_ok=True)
    for file in ("model.safetensors", "model.json"):
        shutil.copyfile(run / file, model / file)
    torch.set_num_threads(options.threads)
    task, video = TASKS[name], folder / "video.mp4"
    clip(options.data / str(task.video), options.frames, video)
    file, difference, _ = export(model / "model.safetensors", out=folder / "model.onnx")
    choice = onnxruntime.SessionOptions()
    choice.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(str(file), choice, providers=["CPUExecutionProvider"])
    about = json.loads(session.get_modelmeta().custom_metadata_map["semipose"])
    rates: dict[str, list[float]] = {}
    reasons: dict[str, str] = {}

    def peer(who: str) -> tuple[int, float]:
        if not (trained[who] / "result.json").exists():
            reasons[who] = f"train:{who}:{name} has not trained a network"
            return 0, 1.0
        there = folder / who
        there.mkdir(exist_ok=True)
        job = {
            "do": "predict",
            "video": str(video),
            "model": str(trained[who]),
            "project": str(trained[who] / "labels"),
        }
        found = drive(who, job, there, options)
        if "reason" in found:
            reasons[who] = found["reason"]
        return found.get("images", 0), found.get("seconds", 1.0)

    turns: dict[str, Callable[[], tuple[int, float]]] = {
        "ours": lambda: ours(model / "model.safetensors", video, folder / "ours"),
        "ours with its finder": lambda: ours(run, video, folder / "found"),
        "onnxruntime": lambda: onnx(session, about, video),
        "lp": lambda: peer("lp"),
        "dlc": lambda: peer("dlc"),
    }
    for _ in range(options.repeats):
        for who, turn in turns.items():
            if who in reasons:
                continue
            images, seconds = turn()
            if who not in reasons:
                assert images == options.frames, f"{who}: {images} of {options.frames} frames"
                rates.setdefault(who, []).append(round(images / seconds, 3))
    return {"images_per_second": rates, "reasons": reasons, "frames": options.frames, "onnx_difference": difference}


def predict_network(options: argparse.Namespace, folder: Path) -> Result:
    """Images a second of the open field's video, ours and onnxruntime's, with a network as it starts."""
    from predict_video import SMALL, in_turns, make_model

    video = clip(options.data / str(TASKS["openfield"].video), options.frames, folder / "video.mp4")
    rates, difference = in_turns(make_model(folder, *SMALL), video, folder, options.threads, options.repeats)
    return {
        "images_per_second": {"ours": rates["semipose"], "onnxruntime": rates["onnxruntime"]},
        "reasons": {},
        "frames": options.frames,
        "onnx_difference": difference,
    }


def timed_steps(incoming: Iterable[Any], seconds: list[float]) -> Iterator[Any]:
    """The batches; what each step took, its loading included, is appended."""
    began = time.perf_counter()
    for batch in incoming:
        yield batch
        began, before = time.perf_counter(), began
        seconds.append(round(began - before, 4))


def our_steps(count: int, warmup: int, threads: int, folder: Path) -> list[float]:
    """Seconds of steps of Dual, loading included: ResNet18, 16 + 16 synthetic people."""
    import torch

    from semipose.config import Config, DataConfig, ModelConfig, OptimConfig
    from semipose.methods import options
    from semipose.signals import Interruption
    from semipose.training.launch import launch
    from semipose.training.loop import Training
    from semipose.training.progress import Progress
    from semipose.training.rundir import RunDir
    from semipose.training.stream import loading

    torch.set_num_threads(threads)
    people = "synth:studio?count={}&start={}"
    config = Config(
        data=DataConfig(people.format(64, 0), unlabeled=people.format(256, 1000), cache=str(folder / "cache")),
        model=ModelConfig(weights="none", size=list(STEP_SIZE)),
        method=options("dual"),
        optim=OptimConfig(batch=STEP_BATCH),
        steps=count + warmup + 1,  # the last step saves, which is not timed
        log_every=0,
        save_every=0,
        pseudo=0,
    )
    run = Training(config, RunDir.create(folder / "dual"), launch(config), progress=False)
    seconds: list[float] = []
    with (
        Interruption() as interruption,
        Progress(False, run.steps) as bar,
        loading(run.batches, 0, run.steps, 0, False) as incoming,
    ):
        run._loop(timed_steps(incoming, seconds), run.steps, interruption, bar)
    return seconds[warmup : warmup + count]


def released_steps(options: argparse.Namespace, folder: Path) -> Result:
    """Steps of Dual, ours and those of the released code in turns; the first step of each turn warms up."""
    if options.released is None:
        return {"reason": "no folder of the released code was named: --released"}
    size = {"size": STEP_SIZE, "batch": STEP_BATCH, "joints": 17, "steps": options.count + 1}
    steps: dict[str, list[float]] = {"ours": [], "released": []}
    for turn in range(options.repeats):
        found = drive("released", {**size, "released": str(options.released.resolve())}, folder, options)
        if "reason" in found:
            return found
        steps["released"] += found["step_seconds"][1:]
        with tempfile.TemporaryDirectory(dir=folder) as place:
            steps["ours"] += our_steps(options.count, 1, options.threads, Path(place))
        print(turn, {who: statistics.median(each) for who, each in steps.items()}, flush=True)
    about = f"Dual, ResNet18, {STEP_SIZE[1]}x{STEP_SIZE[0]}, {STEP_BATCH} + {STEP_BATCH} images"
    return {"step_seconds": steps, "notes": found["notes"], "settings": f"{about}; {found['settings']}"}


def run_part(part: str, options: argparse.Namespace) -> Result:
    """A part's result, kept in the root; one that is there is read, unless asked again."""
    file = options.root / "parts" / f"{part.replace(':', '-')}.json"
    if file.exists() and not options.again:
        return json.loads(file.read_text())
    folder = file.with_suffix("")
    if options.again and folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    began, (what, *of) = time.perf_counter(), part.split(":")
    if what == "install":
        result: Result = {"notes": {who: install(who, options.root) for who in PEERS}}
    elif what == "train" and of[0] in PEERS:
        result = train_peer(of[0], of[1], options, folder)
    elif what == "train":
        result = train_ours(of[0] == "ours-scratch", of[1], options, folder)
    elif part == ONNX:
        result = predict_network(options, folder)
    elif what == "predict":
        result = predict_all(of[0], options, folder)
    else:
        result = released_steps(options, folder)
    result |= {"threads": options.threads, "load": round(os.getloadavg()[1], 1), "commit": commit()}
    result["wall_seconds"] = round(time.perf_counter() - began, 1)
    file.write_text(json.dumps(result, indent=1))
    return result


def reached(errors: Sequence[Sequence[float]], target: float) -> float | None:
    """Minutes of training until the first evaluation at or below an error in px, None where none is."""
    return next((seconds / 60 for _, seconds, px in errors if px <= target), None)


def minutes_over(ours: Result, peer: Result) -> tuple[float, float] | str:
    """Our minutes over a peer's until the error that the worse of the two has at its best, and that error; or why
    there are none."""
    for who, result in (("ours", ours), ("the peer", peer)):
        if not result.get("errors"):
            return f"{who}: {result.get('reason', 'it was not evaluated')}"
    target = max(min(px for *_, px in result["errors"]) for result in (ours, peer))
    mine, theirs = (reached(result["errors"], target) for result in (ours, peer))
    assert mine is not None and theirs is not None, "both reach their own best"
    return round(mine / theirs, 3), target


def summarize(parts: Mapping[str, Result]) -> tuple[dict[str, float], dict[str, str]]:
    """The numbers, and of each that is missing the reason."""
    summary: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for peer in ("lp", "dlc"):
        for task in TASKS:
            key, other = f"{task}_minutes_over_{peer}", parts.get(f"train:{peer}:{task}")
            scratch = other is not None and other.get("weights") == "none"
            mine = parts.get(f"train:{'ours-scratch' if scratch else 'ours'}:{task}")
            if other is None or mine is None:
                reasons[key] = "not run yet"
                continue
            ratio = minutes_over(mine, other)
            if isinstance(ratio, str):
                reasons[key] = ratio
            else:
                summary[key], summary[f"{task}_{peer}_error_px"] = ratio
        every = [summary.get(f"{task}_minutes_over_{peer}") for task in TASKS]
        if None in every:
            reasons[f"minutes_over_{peer}"] = "not of both data sets"
        else:
            summary[f"minutes_over_{peer}"] = max(each for each in every if each is not None)
    for who in ("onnxruntime", "lp", "dlc"):
        part = ONNX if who == "onnxruntime" and ONNX in parts else "predict:openfield"
        video = parts.get(part, {"reason": "not run yet"})
        rates = {who: statistics.median(each) for who, each in video.get("images_per_second", {}).items()}
        if who in rates:
            summary[f"predict_over_{who}"] = round(rates["ours"] / rates[who], 3)
        else:
            reasons[f"predict_over_{who}"] = video.get("reason") or video["reasons"].get(who, "not run yet")
    steps = parts.get("steps:released", {"reason": "not run yet"})
    if "step_seconds" in steps:
        ours, theirs = (statistics.median(steps["step_seconds"][who]) for who in ("ours", "released"))
        summary["step_over_released"] = round(theirs / ours, 3)
    else:
        reasons["step_over_released"] = steps["reason"]
    return summary, reasons


def collect(options: argparse.Namespace) -> None:
    """Write the record of all parts that are there, here or in the record."""
    before = stored("peers")
    files = {part: options.root / "parts" / f"{part.replace(':', '-')}.json" for part in PARTS}
    texts = {part: file.read_text() for part, file in files.items() if file.exists()}
    for place, name in ((options.root, "ROOT"), (options.data, "DATA")):  # where they lay is nobody's concern
        texts = {part: text.replace(str(place), name) for part, text in texts.items()}
    found = {part: json.loads(text) for part, text in texts.items()}
    parts = {part: {**before, **found}[part] for part in PARTS if part in before or part in found}
    summary, reasons = summarize(parts)
    if options.dry:
        print(json.dumps({"summary": summary, "reasons": reasons}, indent=1))
    else:
        write("peers", summary, parts, reasons=reasons)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("runs/peers"), help="for environments and results")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--part", choices=PARTS, nargs="*", default=[])
    parser.add_argument("--list", action="store_true", help="the parts, and which are done")
    parser.add_argument("--again", action="store_true", help="also parts that are done")
    parser.add_argument("--collect", action="store_true", help="write the record")
    parser.add_argument("--released", type=Path, help="a folder with the code that Xie et al. released")
    parser.add_argument("--minutes", type=float, default=20.0, help="of a peer's training")
    parser.add_argument("--evaluations", type=int, default=8, help="in a training")
    parser.add_argument("--steps", type=int, default=0, help="of ours; 0: its own")
    parser.add_argument("--frames", type=int, default=192, help="of the video: whole batches of 96 and of 8")
    parser.add_argument("--count", type=int, default=6, help="steps of Dual in a turn")
    parser.add_argument("--repeats", type=int, default=3, help="turns of prediction and of steps")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--try", dest="dry", action="store_true", help="--collect prints, and records nothing")
    options = parser.parse_args()
    options.root, options.data = options.root.resolve(), options.data.resolve()
    for part in options.part:
        result = run_part(part, options)
        print(part, json.dumps({key: value for key, value in result.items() if key != "errors"}), flush=True)
    if options.list:
        for part in PARTS:
            done = (options.root / "parts" / f"{part.replace(':', '-')}.json").exists()
            print(f"{'done' if done else '    '} {part}")
    if options.collect:
        collect(options)


if __name__ == "__main__":
    main()
