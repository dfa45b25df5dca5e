"""Training and evaluation as functions: what the verbs `train` and `evaluate` call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import yaml

from semipose.config import Config, DataConfig
from semipose.config.resolve import read_yaml, resolve
from semipose.errors import UserError
from semipose.options import check_limits
from semipose.papers.find import recipe

if TYPE_CHECKING:
    from semipose.data.sample import PoseData
    from semipose.models.weights import Loaded


class Run(NamedTuple):
    """A run on disk, and the content of its summary.json."""

    path: Path
    summary: dict[str, Any]


def configure(
    name: str | None = "dual", data: str | Path | Mapping[str, Any] | None = None, *layers: Mapping
) -> Config:
    """A recipe's configuration (the defaults when None), with a data.yaml and further layers laid over it. A data.yaml
    may have further sections; of a recipe that is named, its method is used and not the file's."""
    base = recipe(name) if name else Config()
    if isinstance(data, str | Path):
        file = read_yaml(Path(data), "data")
        layers = ({key: value for key, value in file.items() if not (name and key == "method")}, *layers)
    elif data is not None:
        layers = ({"data": data}, *layers)
    return resolve(base, *layers)


def train(
    name: str | None = "dual",
    data: str | Path | Mapping[str, Any] | None = None,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: str | Path | None = None,
    init_from: Sequence[str | Path] | str | Path = (),
    progress: bool = True,
    config: Config | None = None,
    **settings: Any,
) -> Run:
    """Train by a recipe, and write the run's folder with its report.

    Args:
        name: a recipe (`semipose recipes`), or None for the bare defaults.
        data: a data.yaml, or its content.
        out: the run's folder; `runs/<recipe>` by default. A name that is taken gets `-2`, unless `overwrite`.
        resume: a run folder or checkpoint to continue exactly; its configuration is used, `settings` may change only
            what no number depends on.
        init_from: a run folder, checkpoint or model.safetensors to start from; several, one for each network.
        config: a whole configuration, instead of recipe and data.
        settings: sections or keys of the configuration, such as `optim={"lr": 3e-4}, steps=2000`.
    """
    from semipose.training.loop import run_training
    from semipose.training.rundir import RunDir

    checkpoint = None
    if resume is not None:
        run, checkpoint = _resumed(Path(resume))
        config = resolve(Config(), yaml.safe_load((run.path / "config.yaml").read_text()), settings)
    else:
        config = resolve(config, settings) if config else configure(name, data, settings)
        run = RunDir.create(Path(out) if out else Path("runs") / (name or config.method.name), overwrite)
    initial = [Path(p) for p in ([init_from] if isinstance(init_from, str | Path) else init_from)]
    summary = run_training(config, run, checkpoint, initial, progress)
    if summary:
        from semipose.reports.html import report

        report([run.path])
    return Run(run.path, summary)


def evaluate(
    run: str | Path,
    data: str | None = None,
    images: str | None = None,
    threshold: float | None = None,
    decode: str | None = None,
    flip_test: str | None = None,
    measure: Literal["pck", "pckh", "jdr"] | None = None,
    boxes: str | Path | None = None,
) -> dict[str, Any]:
    """Score a run's networks on labelled data (its own validation set by default), and write `evaluation.json` there.

    Joints that the data lacks, by name, are not scored.

    Args:
        run: its folder; also a model.safetensors, or a folder of imported weights, and then `data` has to be named.
        threshold, decode, flip_test, measure: the run's by default; with another measure than the run's, the threshold
            is the usual one: 0.1 for pck, 0.5 for pckh and jdr.
        boxes: a detector's boxes, with scores, in the images of the data, a COCO keypoints JSON: AP with them is
            given as well (rescored poses, OKS NMS).

    Returns: `evaluate_predictions`' content, under "coco" each network's AP and AR by pycocotools with the data's own
        boxes, and under "detected" those with `boxes`.
    """
    from semipose.data.datasets import cut, open_sets, others_in
    from semipose.heatmap import decoder
    from semipose.inference.boxes import finder_of
    from semipose.inference.evaluation import coco_scores, detection_scores, predict_crops, score_crops
    from semipose.training.rundir import RunDir

    if threshold is not None:
        check_limits(Config(threshold=threshold))
    path = Path(run)
    loaded, config, of_run = read_networks(path)
    folder = path.parent if path.is_file() else path
    if data is None and not of_run:
        raise UserError(f"{path} is no run and has no validation data of its own; name labelled data with --data")
    known = config.data if data is None else DataConfig(val=data, val_images=images)
    if data is None:
        found = open_sets(config.data, False, finder_of).val
        if found is None:
            raise UserError(f"{path} was trained without validation data; name some with --data")
    else:
        from semipose.data.open import open_labeled

        found = open_labeled(data, images)
    skeleton = next(iter(loaded.values())).skeleton
    crops = cut(found.onto(skeleton).labeled(), config, False, True)
    assert crops is not None
    networks = {name: each.network for name, each in loaded.items()}
    how: dict[str, Any] = {
        "refine": decoder(decode or config.decode, config.model.sigma),
        "flip_test": flip_test or config.flip_test,
    }
    predictions = predict_crops(networks, crops, **how)
    usual = config.threshold if measure in (None, config.measure) else 0.1 if measure == "pck" else 0.5
    scores = score_crops(predictions, crops, threshold or usual, measure or config.measure)
    scores["coco"] = coco_scores(predictions, crops, others_in(found, known))
    if boxes is not None:
        file = data or config.data.val
        document, detected = _detected(boxes, file, images or (None if data else config.data.val_images))
        crops = cut(detected.onto(skeleton), config, False, True)
        assert crops is not None
        scores["detected"] = detection_scores(predict_crops(networks, crops, **how), crops, skeleton, document)
    RunDir(folder).write_json("evaluation.json", scores)
    return scores


def read_networks(path: Path) -> tuple[dict[str, Loaded], Config, bool]:
    """The networks of a run's folder or of a folder of weights, "a" first, or the one of a model.safetensors; the run's
    configuration, or one with the network's own sizes; and whether it is of a run.

    Raises:
        UserError: there is none, or the run has not finished.
    """
    from semipose.models.weights import load_model

    folder = path.parent if path.is_file() else path
    files = [path] if path.is_file() else sorted(path.glob("model*.safetensors"))
    of_run = (folder / "config.yaml").exists()
    if not files:
        raise UserError(
            f"{path} has no model.safetensors: its training has not finished; resume it with --resume {path}"
            if of_run
            else f"{path} is neither a model.safetensors nor a run folder: it has no config.yaml"
        )
    loaded = {file.stem.removeprefix("model").removeprefix("-") or "a": load_model(file) for file in files}
    loaded = dict(sorted(loaded.items()))
    first = next(iter(loaded.values()))
    own = Config(model=first.config, decode=first.decode)
    return loaded, resolve(Config(), read_yaml(folder / "config.yaml")) if of_run else own, of_run


def _detected(boxes: str | Path, file: str | None, images: str | None) -> tuple[dict, PoseData]:
    """A COCO keypoints document and a detector's boxes in its images."""
    from semipose.data.readers.boxes import read_boxes
    from semipose.data.readers.json_files import load_json, rows_of

    document = load_json(Path(file)) if file and file.lower().endswith(".json") else None
    if not isinstance(document, dict) or "annotations" not in document:
        raise UserError(f"detected boxes are scored by AP, against a COCO keypoints JSON, which {file} is not")
    named = [c for c in rows_of(document, "categories", Path(str(file))) if c.get("keypoints")]
    if len(named) != 1:
        raise UserError(f"{file} has {len(named)} categories with keypoints; AP with detected boxes needs one")
    folder = Path(str(file)).parent if images is None else images
    return document, read_boxes(boxes, folder, listing=file, category=named[0].get("id"))


def _resumed(path: Path) -> tuple[Any, Path]:
    from semipose.training.rundir import RunDir

    checkpoint = path / "checkpoints" / "last.ckpt" if path.is_dir() else path
    folder = checkpoint.parent.parent
    if not (checkpoint.exists() and (folder / "config.yaml").exists()):
        raise UserError(f"{path} is neither a run folder with a checkpoint nor a checkpoint of one; nothing to resume")
    return RunDir(folder), checkpoint
