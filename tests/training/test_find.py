from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from semipose.bodies import BODIES, decode_bodies
from semipose.config import Config, DataConfig, ModelConfig, OptimConfig, to_dict
from semipose.config.schema import FINDER, FindConfig
from semipose.data.datasets import open_sets, others_in
from semipose.data.open import open_labeled
from semipose.data.sample import PoseData, Sample
from semipose.data.split import Split
from semipose.draws import Draws
from semipose.errors import UserError
from semipose.geometry import View, move
from semipose.inference.bodies import Search
from semipose.inference.evaluate import evaluate_run
from semipose.inference.files import predict_files
from semipose.methods import options
from semipose.methods.target import Labeled
from semipose.models.build import build_model
from semipose.models.tensors import load_weights
from semipose.models.weights import save_model
from semipose.signals import Stopped
from semipose.skeleton import Skeleton
from semipose.training import loop
from semipose.training.find import Finding, Finds, asked_for, check_found, chosen, finds_of, of_finder, side_of
from semipose.training.launch import launch
from semipose.training.rundir import RunDir
from semipose.training.start import go_on, start
from tests.fixtures.runs import OPTIONS

JOINTS = ("nose", "tail")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """12 labelled pictures of a red and a green spot beside each other, and 6 without labels."""
    rows, draw = ["image,joint,x,y"], np.random.default_rng(0)
    for i in range(18):
        image = np.zeros((72, 96, 3), np.uint8)
        x, y = draw.uniform(20, 76), draw.uniform(15, 57)
        for k, (joint, colour) in enumerate(zip(JOINTS, ((0, 0, 255), (0, 255, 0)), strict=True)):
            cv2.circle(image, (round(x + 10 * k), round(y)), 4, colour, -1)
            rows += [f"known/{i}.png,{joint},{round(x + 10 * k)},{round(y)}"] if i < 12 else []
        file = tmp_path / ("known" if i < 12 else "new") / f"{i}.png"
        file.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(file), image)
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


def asked(project: Path, **of_find: object) -> Config:
    return Config(
        DataConfig(
            labeled=str(project / "labels.csv"),
            unlabeled=str(project / "new"),
            val=str(project / "labels.csv"),
            boxes="labels",
            unlabeled_boxes=FINDER,
            cache=str(project / "cache"),
        ),
        ModelConfig(size=[32, 32], weights="none", options=OPTIONS, deconv=[8, 8], padding=1.5),
        options("single", easy="affine15", hard="affine30"),
        OptimConfig(batch=4),
        find=FindConfig(**{"steps": 3, "size": [48, 64], **of_find}),  # type: ignore[arg-type]
        steps=2,
        eval_every=0,
        threads=1,
        accelerator="cpu",
    )


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finders are sure of all they say, and validation may be what is trained on."""
    monkeypatch.setattr("semipose.training.find.THRESHOLDS", (0.0,))
    monkeypatch.setattr("semipose.training.find.ON", 0.0)
    monkeypatch.setattr("semipose.data.datasets.check_overlap", lambda *_: None)


def blind(run: Path) -> None:
    """The run's finder finds nothing from now on."""
    file = run / FINDER / "find.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "threshold": 1.0}))


@pytest.mark.slow
def test_one_run_trains_two_networks_and_predicts_with_both(project: Path, sure: None) -> None:
    run = start(asked(project), project / "run", progress=False).path
    assert (run / FINDER / "model.safetensors").exists() and (run / "model.safetensors").exists()
    sizes = [json.loads((at / "model.json").read_text())["model"]["size"] for at in (run, run / FINDER)]
    assert sizes == [[32, 32], [48, 64]]
    found = predict_files(run, project / "new", project / "out", overlay=False, cache=None, progress=False)
    rows = json.loads((project / "out" / "keypoints.json").read_text())
    assert found.unfound == [] and len(rows) == 6
    assert all(row["bbox"] != [0, 0, 96, 72] for row in rows)
    predict_files(run, project / "new", project / "out", "whole", overlay=False, cache=None, progress=False)
    rows = json.loads((project / "out" / "keypoints.json").read_text())
    assert all(row["bbox"] == [0, 0, 96, 72] for row in rows)
    scores = evaluate_run(run)["found"]
    assert scores["images"] == scores["bodies"] == 12 and scores["missed"] == scores["false"]


@pytest.mark.slow
def test_a_finder_may_learn_from_images_without_labels(project: Path, sure: None) -> None:
    run = start(asked(project, steps=4, unlabeled=0.5), project / "run", progress=False).path
    with (run / FINDER / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["2", "4"], "labels alone teach the first half"
    assert rows[0]["loss/unsupervised"] == "" and float(rows[1]["loss/unsupervised"]) >= 0
    assert json.loads((run / FINDER / "split.json").read_text())["unlabeled"] == [f"{i}.png" for i in range(12, 18)]
    assert json.loads((run / FINDER / "find.json").read_text())["images"] == 12


@pytest.mark.slow
def test_a_frame_without_a_find_is_named_and_has_no_pose(project: Path, sure: None) -> None:
    run = start(asked(project), project / "run", progress=False).path
    blind(run)
    found = predict_files(run, project / "new", project / "out", overlay=False, cache=None, progress=False)
    assert json.loads((project / "out" / "keypoints.json").read_text()) == []
    assert found.unfound == [f"{i}.png" for i in range(12, 18)]
    scores = evaluate_run(run)["found"]
    assert scores["missed"] == 12 and scores["pck"] == 0


@pytest.mark.slow
def test_a_finder_that_is_interrupted_goes_on_with_the_run(
    project: Path, sure: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, run_training = [], loop.run_training

    def stops(config: Config, run: RunDir, *given: object, **how: object) -> object:
        trained.append(run.path.name)
        if len(trained) == 1:
            run_training(config, run, *given, **how, stop_at=2)  # type: ignore[arg-type]
            raise Stopped(2, run.last)
        return run_training(config, run, *given, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "run_training", stops)
    with pytest.raises(Stopped, match=f"--resume {project / 'run'}$"):
        start(asked(project), project / "run", progress=False)
    assert not (project / "run" / "config.yaml").exists() and asked_for(project / "run") == asked(project)
    done = go_on(project / "run", progress=False)
    assert trained == [FINDER, FINDER, "run"] and done.summary["steps"] == 2 and done.config == asked(project)
    assert json.loads((project / "run" / FINDER / "summary.json").read_text())["steps"] == 3


@pytest.mark.slow
def test_a_replaced_run_has_a_finder_of_its_own(project: Path, sure: None) -> None:
    before = start(asked(project), project / "run", progress=False).path / FINDER / "model.safetensors"
    mine = before.with_name("notes.txt")
    mine.write_text("mine")
    old = before.read_bytes()
    start(replace(asked(project), seed=1), project / "run", overwrite=True, progress=False)
    assert before.read_bytes() != old and mine.read_text() == "mine"


@pytest.fixture
def seen(sure: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Path]]:
    """What each training, by its folder's name, started from; nothing is trained."""
    asked_of: dict[str, list[Path]] = {}

    def notes(
        config: Config, run: RunDir, resume: Path | None, init_from: list[Path], *_: object, **__: object
    ) -> dict:
        asked_of[run.path.name] = [*init_from]
        return {}

    monkeypatch.setattr(loop, "run_training", notes)
    monkeypatch.setattr("semipose.training.find.finds_of", lambda folder: None)
    return asked_of


def finder_at(folder: Path, config: Config, deconv: tuple[int, ...] = (8, 8)) -> Path:
    """A run with a finder, neither trained: its folder."""
    folder.mkdir()
    for at, model, skeleton in (
        (folder / "model", config.model, Skeleton("pair", JOINTS)),
        (folder / FINDER / "model", replace(of_finder(config).model, deconv=[*deconv]), BODIES),
    ):
        at.parent.mkdir(exist_ok=True)
        save_model(at, build_model(model, len(skeleton), 7), model, skeleton)
    return folder


@pytest.mark.parametrize("named", [".", "model.safetensors", "checkpoints/last.ckpt"])
def test_the_finder_starts_from_that_of_the_run_named(
    project: Path, seen: dict[str, list[Path]], capsys: pytest.CaptureFixture[str], named: str
) -> None:
    config = asked(project)
    before = finder_at(project / "before", config)
    start(config, project / "run", init_from=before / named, progress=False)
    assert seen == {FINDER: [before / FINDER / "model.safetensors"], "run": [before / named]}
    assert not capsys.readouterr().err


@pytest.mark.parametrize("weights", ["imagenet", "none"])
@pytest.mark.parametrize("fits", [False, None], ids=["another network", "no finder"])
def test_a_finder_that_cannot_start_from_another_says_so(
    project: Path, seen: dict[str, list[Path]], capsys: pytest.CaptureFixture[str], fits: bool | None, weights: str
) -> None:
    config = asked(project)
    before = finder_at(project / "before", config, (8, 8, 8) if fits is False else (8, 8))
    if fits is None:
        shutil.rmtree(before / FINDER)
    config = replace(config, model=replace(config.model, weights=weights))
    start(config, project / "run", init_from=before, progress=False)
    (line,) = capsys.readouterr().err.splitlines()
    how = "begins as that network does" if weights == "none" else "begins anew"
    assert f"the finder does not start from one of {before}, it {how}: " in line
    assert line.endswith("it has none") == (fits is None) and ("does not fit this network" in line) == (fits is False)
    assert seen["run"] == [before]
    if weights == "imagenet":
        assert seen[FINDER] == []
        return
    (file,) = seen[FINDER]
    theirs, mine = load_file(before / "model.safetensors"), load_file(file)
    assert all(torch.equal(mine[key], value) for key, value in theirs.items() if not key.startswith("head."))
    load_weights(build_model(of_finder(config).model, 3), file, BODIES)


def test_a_run_whose_finder_was_interrupted_still_starts_from_what_was_named(
    project: Path, seen: dict[str, list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, notes = asked(project), loop.run_training
    before = finder_at(project / "before", config)

    def stops(*_: object, **__: object) -> None:
        raise Stopped(2, project)

    monkeypatch.setattr(loop, "run_training", stops)
    with pytest.raises(Stopped):
        start(config, project / "run", init_from=before, progress=False)
    monkeypatch.setattr(loop, "run_training", notes)
    go_on(project / "run", progress=False)
    assert seen == {FINDER: [before / FINDER / "model.safetensors"], "run": [before]}
    (project / "run" / FINDER / "from.json").write_text("3")
    with pytest.raises(UserError, match="no list of files"):
        go_on(project / "run", progress=False)


def test_a_finder_that_finds_nothing_stops_the_run(project: Path, sure: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("semipose.training.find.THRESHOLDS", (1.0,))
    with pytest.raises(UserError, match=r"found no body in any of 12 validation images.*find\.steps"):
        start(asked(project), project / "run", progress=False)


@pytest.mark.parametrize(
    ("method", "change", "message"),
    [
        ({"name": "mum"}, {"optim": OptimConfig(batch=4, unlabeled_batch=6)}, "6 unlabelled .* groups of 4"),
        ({"name": "guarded"}, {"optim": OptimConfig(batch=6)}, "6 unlabelled images .* groups of 4"),
        ({"name": "single", "mix_group": 3}, {}, "4 unlabelled images .* groups of 3"),
        ({"name": "supervised", "mix_labeled": 3}, {}, "groups of 3"),
        ({"name": "mum"}, {"devices": 2, "strategy": "ddp"}, "4 unlabelled images a step on 2 devices"),
        ({"name": "mum", "mix_tiles": [5, 3]}, {}, r"model\.size \[32, 32\] makes .* method\.mix_tiles \[5, 3\]"),
        ({"name": "pose_mum", "mix_after": ["layer9"]}, {}, "mix_after is 'layer9'"),
        ({"name": "single", "weight": -1.0}, {}, "weight"),
    ],
)
def test_what_the_run_itself_cannot_do_is_said_before_its_finder_is_trained(
    project: Path, monkeypatch: pytest.MonkeyPatch, method: dict, change: dict, message: str
) -> None:
    monkeypatch.setattr(loop, "run_training", lambda *_, **__: pytest.fail("it trains"))
    config = replace(asked(project), method=options(**method), **change)
    with pytest.raises(UserError, match=message):
        start(config, project / "run", progress=False)
    assert not (project / "run").exists()


def test_unlabelled_images_with_boxes_of_their_own_are_refused_before_the_finder_is_trained(
    project: Path, sure: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "run_training", lambda *_, **__: pytest.fail("it trains"))
    config = asked(project)
    config = replace(config, data=replace(config.data, unlabeled="synth:walk?count=3"))
    with pytest.raises(UserError, match=r"synth:walk.* has boxes of its own, which boxes of finder cannot replace"):
        start(config, project / "run", progress=False)


@pytest.mark.parametrize("method", ["mum", "pose_mum", "guarded", "dual"])
def test_what_divides_is_not_refused(project: Path, method: str) -> None:
    tiles = {"mix_tiles": [2, 2]} if "mum" in method else {}
    config = replace(asked(project), method=options(method, **tiles))
    before = to_dict(config)
    check_found(config)
    assert to_dict(config) == before, "tiles are chosen in a copy"


def two_bodies(project: Path) -> Config:
    """Each picture has a second body below the first."""
    rows = [row.split(",") for row in (project / "labels.csv").read_text().splitlines()[1:]]
    names = sorted({row[0] for row in rows})
    points = {name: [(int(x), int(y)) for image, _, x, y in rows if image == name] for name in names}
    for name in names:
        image = cv2.imread(str(project / name))
        for (x, y), colour in zip(points[name], ((0, 0, 255), (0, 255, 0)), strict=True):
            cv2.circle(image, (x, (y + 36) % 72), 4, colour, -1)
        cv2.imwrite(str(project / name), image)
    coco = {
        "images": [{"id": i, "file_name": name, "width": 96, "height": 72} for i, name in enumerate(names)],
        "categories": [{"id": 1, "name": "a", "keypoints": list(JOINTS), "skeleton": []}],
        "annotations": [
            {
                "id": 1 + 2 * i + n,
                "image_id": i,
                "category_id": 1,
                "bbox": [5, 5, 30, 30],
                "keypoints": [v for x, y in points[name] for v in (x, (y + 36 * n) % 72, 2)],
            }
            for i, name in enumerate(names)
            for n in (0, 1)
        ],
    }
    (project / "two.json").write_text(json.dumps(coco))
    config = asked(project)
    file = str(project / "two.json")
    return replace(config, data=replace(config.data, labeled=file, val=file))


@pytest.mark.slow
def test_several_bodies_in_an_image_are_found_and_refined(project: Path, sure: None) -> None:
    run = start(two_bodies(project), project / "run", progress=False).path
    find = json.loads((run / FINDER / "find.json").read_text())
    assert (find["most"], find["images"], find["bodies"]) == (2, 12, 24)
    scores = evaluate_run(run)["found"]
    assert (scores["images"], scores["bodies"]) == (12, 24)
    predict_files(run, project / "new", project / "out", formats=["csv"], overlay=False, cache=None, progress=False)
    rows = (project / "out" / "keypoints.csv").read_text().splitlines()[1:]
    assert {int(row.split(",")[1]) for row in rows} <= {0, 1}
    predict_files(run, project / "new", project / "one", overlay=False, cache=None, progress=False, bodies=1)
    assert len(json.loads((project / "one" / "keypoints.json").read_text())) == 6
    with pytest.raises(UserError, match=r"bodies is 2, and .*no finder, or boxes are given"):
        predict_files(run, project / "new", project / "x", "whole", bodies=2)


def test_each_image_is_one_sample_with_the_joints_of_its_bodies(project: Path, sure: None) -> None:
    config = of_finder(two_bodies(project))
    run = RunDir.create(project / "run")
    training = Finding(config, run, launch(config), False)
    labeled = training.sets.labeled
    assert len(labeled) == 12 and len(training.bodies.labeled) == 24 and labeled[0].box == (0, 0, 96, 72)
    assert labeled[0].keypoints is not None and labeled[0].keypoints.shape == (4, 3)
    assert len(training.skeleton) == 3
    view = View.of(torch.from_numpy(training.batches.labeled.images([0])), training.networks[0].size)
    points = torch.from_numpy(training.batches.labeled.keypoints([0]))
    xy = move(view.base, points[..., :2])
    training.method.labeled = lambda view, draws: view
    target = training.method.labels(Labeled(view, torch.cat([xy, points[..., 2:]], -1)), Draws(0, 0))
    boxes, score = decode_bodies(target.heatmaps, training.networks[0].stride, 3)
    assert (score[0] > 0.5).sum() == 2
    assert boxes[0, :2, 2].tolist() == pytest.approx([10 * 64 / 96] * 2, rel=0.05)


def with_others(project: Path, *, crowd: bool) -> Config:
    """As `two_bodies`, but the second body has a box and no labels, or is a crowd with some."""
    config = two_bodies(project)
    file = project / "two.json"
    coco = json.loads(file.read_text())
    for row in coco["annotations"][1::2]:
        x, y = row["keypoints"][:2]
        row |= {"bbox": [x - 8, y - 8, 26, 16], "num_keypoints": 0, "iscrowd": int(crowd)}
        row["keypoints"] = row["keypoints"] if crowd else [0] * 6
    file.write_text(json.dumps(coco))
    return config


@pytest.mark.parametrize("kind", ["no labels", "a crowd", "left out by a split"])
@pytest.mark.parametrize("turned", [False, True])
def test_who_is_there_without_labels_is_not_taught_as_background(
    project: Path, sure: None, kind: str, turned: bool
) -> None:
    if kind == "left out by a split":
        config = two_bodies(project)
        pool = open_labeled(project / "two.json")
        first = [s.id for s in pool if s.annotation_id % 2]
        Split(pool.name, tuple(first), (), (), 0, "random").save(project / "split.json")
        config = replace(config, data=replace(config.data, split=str(project / "split.json")))
    else:
        config = with_others(project, crowd=kind == "a crowd")
    run = RunDir.create(project / "run")
    training = Finding(of_finder(config), run, launch(of_finder(config)), False)
    assert len(training.bodies.labeled) == len(training.sets.labeled) == 12
    points = torch.from_numpy(training.batches.labeled.keypoints(range(12)))
    view = View.of(torch.from_numpy(training.batches.labeled.images(range(12))), training.networks[0].size)
    xy = move(view.base, points[..., :2])
    mirror = torch.tensor([[-1.0, 0, view.size[1] - 1], [0, 1, 0], [0, 0, 1]])
    shown = replace(view, matrix=mirror @ view.matrix) if turned else view
    training.method.labeled = lambda *_: shown
    target = training.method.labels(Labeled(view, torch.cat([xy, points[..., 2:]], -1)), Draws(0, 0))
    stride = training.networks[0].stride
    for n, sample in enumerate(training.bodies.labeled):
        x, y = (sample.keypoints[:, :2].mean(0) * 64 / 96).tolist()
        other = (y + 36 * 64 / 96) % 48
        x = view.size[1] - 1 - x if turned else x
        at, there = (int(x // stride), int(y // stride)), (int(x // stride), int(other // stride))
        weight = target.weight.expand_as(target.heatmaps)[n]
        assert (weight[:, there[1], there[0]] == 0).all() and (weight[:, at[1], at[0]] == 1).all()
        assert 0.5 < weight.mean() < 1 and target.heatmaps[n, 0, at[1], at[0]] > 0.2


def test_a_find_on_somebody_without_labels_is_not_false(project: Path, sure: None, tmp_path: Path) -> None:
    config = replace(with_others(project, crowd=False).data, unlabeled=None)
    data = open_sets(config, False, None, checked=False)
    others = others_in(data.val, config)
    assert len(others) == 12 and all(other.keypoints is None for other in others)
    beside = {other.image: other.box for other in others}
    rows = []
    for sample in data.val:
        x, y, w, h = sample.box
        a, b, c, d = beside[sample.image]
        rows.append(torch.tensor([[x + w / 2, y + h / 2, w, h, 0.9], [a + c / 2, b + d / 2, c, d, 0.8]]))
    search = Search(side=0.1, most=2)
    assert chosen(search, rows, data.val, others)[1] == Finds(12, 12, 0, 0)
    assert chosen(search, rows, data.val)[1] == Finds(12, 12, 0, 12)


@pytest.mark.parametrize(
    ("data", "steps", "told"),
    [
        ({"unlabeled_boxes": FINDER, "boxes": "labels"}, 0, r"set find\.steps"),
        ({"boxes": "own"}, 5, r"set data\.boxes: labels"),
        ({"boxes": "labels", "unlabeled": "new"}, 5, r"set data\.unlabeled_boxes: finder"),
        ({"boxes": "labels"}, 5, None),
        ({}, 0, None),
    ],
)
def test_settings_that_do_not_fit_are_one_line(data: dict[str, str], steps: int, told: str | None) -> None:
    config = Config(DataConfig(**data), find=FindConfig(steps))  # type: ignore[arg-type]
    if told is None:
        return check_found(config)
    with pytest.raises(UserError, match=told):
        check_found(config)
    return None


def test_the_usual_size_is_that_of_labels_or_of_the_smaller_ones_where_they_differ_much(project: Path) -> None:
    def usual() -> float:
        return side_of(open_sets(replace(asked(project).data, unlabeled=None), False, None, checked=False).labeled)

    before = usual()
    assert before == pytest.approx(12 / 96, rel=0.02), "two joints 10 pixels apart, and the margin"
    rows = (project / "labels.csv").read_text().splitlines()
    wide = [rows[0]] + [f"{row.rpartition(',')[0]},{4 + 30 * (i % 2)}" for i, row in enumerate(rows[1:])]
    (project / "labels.csv").write_text("\n".join([*rows[:7], *wide[7:]]))
    assert usual() == pytest.approx(before, rel=0.3)


def test_the_finder_learns_from_labels_on_whole_images(project: Path) -> None:
    config = of_finder(asked(project, size=[64, 96]))
    assert config.data.boxes == "whole" and config.data.unlabeled is None and config.model.size == [64, 96]
    assert config.method == options("supervised", easy="affine15") and config.steps == 3 and not config.find.steps
    config = of_finder(
        replace(asked(project, unlabeled=2.0), method=options("pose_mum", easy="affine15", hard="affine60+jc5"))
    )
    more = {"hard": "affine60+ra10", "weight": 2.0, "burn_in": 0.5}
    assert config.method == options("single", easy="affine15", **more) and config.data.unlabeled == str(project / "new")
    config = of_finder(replace(asked(project, unlabeled=2.0), method=options("supervised", easy="affine15")))
    assert config.method.hard == "affine15+ra10"
    method = options("guarded", easy="affine15+flip50", labeled="affine30+jc5", hard="jo2+affine10", hard_of="easy")
    config = of_finder(replace(asked(project, unlabeled=2.0), method=method))
    assert (config.method.easy, config.method.hard) == ("affine30", "affine15+flip50+affine10+ra10")


def box(x: float, y: float, score: float, side: float = 20.0) -> list[float]:
    """As of `surest`."""
    return [x, y, side, side, score]


@pytest.mark.parametrize(
    ("rows", "threshold", "expected"),
    [
        ([[box(30, 30, 0.9), box(70, 30, 0.8)], [box(30, 30, 0.7)]], 0.35, Finds(2, 3, 0, 0)),
        ([[box(30, 30, 0.9), box(70, 30, 0.8)], [box(30, 30, 0.7), box(80, 80, 0.4)]], 0.55, Finds(2, 3, 0, 0)),
        ([[box(30, 30, 0.9)], [box(80, 80, 0.7)]], 0.8, Finds(2, 3, 2, 0)),
        ([[box(30, 30, 0.9), box(31, 31, 0.8)], []], 0.85, Finds(2, 3, 2, 0)),
        ([[], []], 0.5, Finds(2, 3, 3, 0)),
    ],
    ids=["right", "a false one", "elsewhere", "twice the same", "none"],
)
def test_the_threshold_has_the_fewest_misses_and_false_finds(
    tmp_path: Path, rows: list[list[list[float]]], threshold: float, expected: Finds
) -> None:
    files = [str(tmp_path / f"{n}.png") for n in range(2)]
    for file in files:
        cv2.imwrite(file, np.zeros((100, 100, 3), np.uint8))
    there = [(files[0], 30, 30), (files[0], 70, 30), (files[1], 30, 30)]
    samples = [Sample(f"{n}", file, (x - 12.0, y - 12.0, 24.0, 24.0)) for n, (file, x, y) in enumerate(there)]
    tensors = [torch.tensor(each).reshape(-1, 5) for each in rows]
    search, finds = chosen(Search(), tensors, PoseData("a", None, samples))
    assert finds == expected and search.threshold == pytest.approx(threshold, abs=0.101)


def test_counts_of_validation_are_read_where_there_are_some(tmp_path: Path) -> None:
    (tmp_path / "find.json").write_text('{"side": 0.2, "threshold": 0.5, "most": 3, "images": 4}')
    assert finds_of(tmp_path) is None
    (tmp_path / "find.json").write_text('{"side": 0.2, "images": 4, "bodies": 8, "missed": 1, "false": 0}')
    assert finds_of(tmp_path) == Finds(4, 8, 1, 0)
