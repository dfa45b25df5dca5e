from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
import yaml

from semipose.cli import main
from semipose.config import to_dict
from semipose.papers.find import recipes
from tests.fixtures import layouts
from tests.fixtures.projects import deeplabcut, plain_csv
from tests.fixtures.runs import tiny

PEOPLE = "synth:studio?count={}&start={}"
VERBS = (
    *("demo", "train", "evaluate", "predict", "import-weights", "check", "split", "synth", "gap", "show-mix"),
    *("reproduce", "triangulate", "push", "recipes", "report", "export", "init", "doctor", "worth", "audit", "pick"),
    "ui",
)
HEAVY = {"torch", "cv2", "scipy", "timm", "av"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run made by the command line alone."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "run.yaml").write_text(
        yaml.safe_dump(to_dict(tiny(folder / "cache", steps=4, log_every=2, eval_every=2)))
    )
    code = main(["train", "--config", str(folder / "run.yaml"), "--out", str(folder / "run"), "--seed=3"])
    assert code == 0
    return folder / "run"


def imported(*words: str) -> tuple[str, set[str]]:
    """What a command prints, and the modules that it leaves imported."""
    code = f"import sys, semipose.cli as c; c.main({list(words)}); print('MODULES', *sys.modules)"
    text = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    said, _, modules = text.partition("MODULES")
    return said, set(modules.split())


def test_help_names_every_verb_and_imports_none() -> None:
    text, modules = imported("--help")
    lines = [line.split() for line in text.splitlines() if line.startswith("  ")]
    assert sorted(line[0] for line in lines) == sorted(VERBS) and all(len(line) > 3 for line in lines)
    titles = [line.strip() for line in text.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["start:", "train and predict:", "label more:", "research:"] and lines[0][0] == "init"
    assert not modules & {*HEAVY, "cyclopts", "numpy"}
    assert not [name for name in modules if name.startswith("semipose.verbs.")]


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_s_help_imports_nothing_heavy(verb: str) -> None:
    text, modules = imported(verb, "--help")
    assert "Usage: semipose" in text and not modules & HEAVY


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--help"]) == 0
    assert f"example: semipose {verb}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.slow
def test_train_writes_a_whole_run(trained: Path) -> None:
    for name in (
        "config.yaml",
        "split.json",
        "metrics.csv",
        "summary.json",
        "model.safetensors",
        "model.json",
        "model-b.safetensors",
        "predictions/val.json",
        "report.html",
        "checkpoints/last.ckpt",
        "checkpoints/best.ckpt",
    ):
        assert (trained / name).exists(), name
    assert yaml.safe_load((trained / "config.yaml").read_text())["seed"] == 3
    summary = json.loads((trained / "summary.json").read_text())
    assert summary["steps"] == 4 and set(summary["val"]["networks"]) == {"a", "b"} and "ensemble" in summary["val"]


def test_evaluate_repeats_the_run_s_own_scores(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(trained)]) == 0
    text = capsys.readouterr().out
    assert "ensemble" in text and "per joint" in text
    scores = json.loads((trained / "evaluation.json").read_text())
    summary = json.loads((trained / "summary.json").read_text())
    assert scores["mean"]["pck"] == pytest.approx(summary["val"]["mean"]["pck"])
    assert set(scores["coco"]["a"]) >= {"AP", "AR"}


def test_evaluate_on_other_data(trained: Path) -> None:
    assert main(["evaluate", str(trained), "--data", PEOPLE.format(3, 7000), "--threshold", "0.5"]) == 0
    assert json.loads((trained / "evaluation.json").read_text())["samples"] == 3


def test_predict_on_a_folder_and_on_boxes(trained: Path, tmp_path: Path) -> None:
    assert main(["synth", str(tmp_path / "people"), "--count", "3"]) == 0
    images = tmp_path / "people" / "images"
    assert main(["predict", str(trained), str(images), "--out", str(tmp_path / "whole")]) == 0
    results = json.loads((tmp_path / "whole" / "keypoints.json").read_text())
    assert len(results) == 3 and len(results[0]["keypoints"]) == 42
    assert len(list((tmp_path / "whole").glob("*.jpg"))) == 3
    boxes = ["--boxes", str(tmp_path / "people" / "annotations.json"), "--no-overlay"]
    assert (
        main(["predict", str(trained / "model.safetensors"), str(images), *boxes, "--out", str(tmp_path / "boxes")])
        == 0
    )
    boxed = json.loads((tmp_path / "boxes" / "keypoints.json").read_text())
    assert [r["image_id"] for r in boxed] == [1, 2, 3] and boxed[0]["bbox"] != results[0]["bbox"]


@pytest.mark.slow
def test_public_weights_predict_evaluate_and_start_a_run(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, folder = tmp_path / "pose_resnet_64x48.pth", tmp_path / "weights"
    torch.save(layouts.resnet((1, 1, 1, 1), (8, 8, 16, 16), False, (8, 8, 8), joints=14), file)
    assert main(["import-weights", str(file), str(folder), "--skeleton", "lsp", "--size", "64", "64"]) == 0
    text = capsys.readouterr().out
    assert "pose_resnet: resnet18 (" in text and "14 joints (lsp), input 64x64, BGR" in text
    assert "0 of the file have no place" in text and f"wrote {folder}/model.safetensors" in text
    people = PEOPLE.format(3, 7000)
    assert main(["evaluate", str(folder), "--data", people, "--flip-test", "shift", "--decode", "dark"]) == 0
    assert json.loads((folder / "evaluation.json").read_text())["samples"] == 3
    assert main(["evaluate", str(folder)]) == 1
    assert "name labelled data with --data" in capsys.readouterr().err
    assert main(["synth", str(tmp_path / "people"), "--count", "1"]) == 0
    words = ["predict", str(folder), str(tmp_path / "people" / "images"), "--decode", "argmax", "--flip-test"]
    assert main([*words, "--no-overlay", "--out", str(tmp_path / "out")]) == 0
    model = json.loads((folder / "model.json").read_text())["model"]
    fields = ("options", "size", "deconv", "bgr")
    settings = [f"--model.{key}={json.dumps(model[key], separators=(',', ':'))}" for key in fields]
    words = ["train", "--config", str(trained / "config.yaml"), "--init-from", str(folder), *settings]
    assert main([*words, "--steps=1", "--flip_test=plain", "--out", str(tmp_path / "run")]) == 0


def test_synth_writes_coco_that_check_accepts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["synth", str(tmp_path), "--count", "2", "--domain", "studio"]) == 0
    data = tmp_path / "data.yaml"
    data.write_text("labeled: annotations.json\nlabeled_images: images\n")
    assert main(["check", "--data", str(data)]) == 0
    assert "2 samples" in capsys.readouterr().out


def test_split_then_train_from_it(tmp_path: Path, trained: Path) -> None:
    people = PEOPLE.format(20, 0)
    split = tmp_path / "split.json"
    assert main(["split", people, "--labeled", "5", "--val", "4", "--out", str(split)]) == 0
    settings = [f"--data.labeled={people}", f"--data.split={split}", "--data.unlabeled=null", "--data.val=null"]
    config = str(trained / "config.yaml")
    out = ["--out", str(tmp_path / "run"), "--steps=1", "--method.name=single"]
    assert main(["train", "--config", config, *settings, *out]) == 0
    manifest = json.loads((tmp_path / "run" / "split.json").read_text())
    assert {k: len(manifest[k]) for k in ("labeled", "unlabeled", "val")} == {"labeled": 5, "unlabeled": 11, "val": 4}


@pytest.mark.slow
def test_a_run_is_never_overwritten_unasked(trained: Path) -> None:
    config = str(trained / "config.yaml")
    assert main(["train", "--config", config, "--out", str(trained), "--steps=1"]) == 0
    again = trained.with_name(f"{trained.name}-2")
    assert (again / "summary.json").exists() and json.loads((trained / "summary.json").read_text())["steps"] == 4
    assert main(["train", "--config", config, "--out", str(again), "--steps=2", "--overwrite"]) == 0
    assert json.loads((again / "summary.json").read_text())["steps"] == 2


def test_report_compares_runs(trained: Path, tmp_path: Path) -> None:
    assert main(["report", str(trained), str(trained), "--out", str(tmp_path / "page.html")]) == 0
    assert "<html" in (tmp_path / "page.html").read_text()


def test_recipes_lists_and_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes"]) == 0
    text = capsys.readouterr().out
    assert all(name in text for name in recipes()) and "44.6 AP" in text
    assert main(["recipes", "show", "dual"]) == 0
    text = capsys.readouterr().out
    shown = yaml.safe_load(text)
    assert "15.4 M parameters, 5.79 GFLOPs" in text
    assert shown["method"]["hard"] == "affine60+flip50+jc5" and shown["model"]["size"] == [256, 192]


def test_print_config_lays_layers_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data.yaml").write_text("labeled: here.json\nval: gone.json\n")
    (tmp_path / "here.json").write_text("{}")
    words = ["train", "--recipe", "single", "--data", str(tmp_path / "data.yaml"), "--optim.lr=5e-4", "--print-config"]
    assert main(words) == 0
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["method"]["name"] == "single" and config["optim"]["lr"] == 5e-4
    assert config["data"]["labeled"] == str(tmp_path / "here.json") and config["data"]["val"] == "gone.json"


USAGE = {
    "an unknown key, with the nearest": (["train", "--model.bakbone=x"], "model.backbone"),
    "an unknown option, with the nearest": (["predict", "a", "b", "--ot", "c"], "--out"),
    "a value of the wrong type": (["train", "--optim.lr=fast"], "optim.lr"),
    "a section without a key": (["train", "--optim=3"], "optim.lr"),
    "a setting without a value": (["train", "--optim.lr"], "needs a value"),
    "a choice that is none": (["predict", "a", "b", "--formats", "h5"], "'h5'"),
    "a word that is missing": (["predict", "a"], "SOURCE requires an argument; semipose predict --help"),
    "half a step": (["demo", "--steps", "2.5"], "'2.5'"),
    "half a pixel": (["import-weights", "a", "b", "--size", "64", "48.5"], "'48.5'"),
    "half a seed": (["worth", "data.yaml", "--seeds", "0", "1.5"], "'1.5'"),
    "a verb that is none": (["predct"], "'predct'; did you mean predict?"),
    "a word too many": (["predict", "a", "b", "c"], "c is one word too many"),
    "too few words of an option": (["import-weights", "a", "b", "--size", "3"], "--size"),
    "an option without a value": (["gap", "a", "--views"], "--views"),
    "two files": (["train", "a.yaml", "--data", "b.yaml"], "a.yaml"),
    "an unknown method": (["train", "--recipe", "mini-dual", "--method.name=triple"], "supervised"),
    "an option of another method": (["train", "--method.margin=1"], "it is one of denoise_select"),
    "a number out of its range": (["train", "--threads=-1"], "threads is -1"),
    "a threshold out of its range": (["evaluate", ".", "--threshold=-1"], "threshold is -1"),
    "how many before the run": (["pick", "20", "runs/a"], "semipose pick runs/a --count 20"),
    "no data to check": (["check"], "--data"),
    "a start for a run that goes on": (
        ["train", "--resume", "a", "--recipe", "dual", "--out", "b"],
        "no --recipe, --out",
    ),
}


@pytest.mark.parametrize("case", USAGE)
def test_bad_usage_is_one_line_and_exit_code_2(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    words, expected = USAGE[case]
    assert main(words) == 2
    error = capsys.readouterr().err.strip()
    assert expected in error and "\n" not in error


FAILURES = {
    "no labelled data": (["train", "--recipe", "mini-dual", "--data.labeled=null"], "data.labeled"),
    "a missing data set": (["train", "--recipe", "mini-dual", "--data.labeled=nowhere.json"], "nowhere.json"),
    "an unknown recipe": (["train", "--recipe", "tripple"], "semipose recipes"),
    "an unknown augmentation": (["train", "--recipe", "mini-dual", "--method.hard=warp9"], "affine60+jc5"),
    "an unknown backbone": (["train", "--recipe", "mini-dual", "--model.backbone=resnet19"], "resnet19"),
    "a size that does not divide": (["train", "--recipe", "mini-dual", "--model.size=[64,50]"], "[64, 48]"),
    "an unknown flip test": (["train", "--recipe", "mini-dual", "--flip_test=both"], "none, plain, shift"),
    "a run that is none": (["evaluate", "nowhere"], "config.yaml"),
    "nothing to resume": (["train", "--resume", "nowhere"], "nothing to resume"),
    "a view that is none": (["predict", "nowhere", ".", "--views", "trun15"], "did you mean turn"),
    "a missing model": (["predict", "nowhere", "."], "nowhere"),
    "a missing video": (["predict", "MODEL", "none.mp4"], "none.mp4 does not exist"),
    "a missing folder of a model": (["predict", "runs/none", "."], "runs/none does not exist"),
    "a device that is none": (["predict", "MODEL", ".", "--device", "foo"], "'foo' cannot be used"),
    "a device that is not here": (["predict", "MODEL", ".", "--device", "cuda:99"], "'cuda:99' cannot be used"),
    "a page that is a folder": (["check", "synth:studio?count=2", "--html", "."], "is a folder"),
    "a missing config": (["train", "--config", "nowhere.yaml"], "nowhere.yaml"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_one_line_and_exit_code_1(
    case: str, trained: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words, expected = FAILURES[case]
    words = [str(trained) if word == "MODEL" else word for word in words]
    if words[0] == "train" and "--resume" not in words and "--config" not in words:
        small = [
            "--data.unlabeled=synth:studio?count=2&start=9",
            "--data.val=null",
            f"--data.cache={tmp_path / 'cache'}",
        ]
        labeled = [] if any("data.labeled" in word for word in words) else ["--data.labeled=synth:studio?count=2"]
        words = [*words, *small, *labeled]
    assert main(words) == 1
    lines = [line for line in capsys.readouterr().err.strip().splitlines() if line.startswith("semipose")]
    assert len(lines) == 1 and expected in lines[0]


def test_overwrite_spares_a_project_of_deeplabcut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = deeplabcut(tmp_path / "project")
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    words = ["--data.labeled=synth:studio?count=4", "--data.unlabeled=synth:studio?count=2&start=9", "--steps=1"]
    assert main(["train", "--recipe", "mini-dual", *words, "--out", str(project), "--overwrite"]) == 1
    told = capsys.readouterr()
    assert told.err.splitlines() == [
        f"semipose train: {project} is no run of semipose and is not overwritten; choose another folder with --out"
    ]
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="nowhere"):
        main(["evaluate", str(tmp_path / "nowhere"), "--debug"])


def test_a_corrupt_image_is_named(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cv2.imwrite(str(tmp_path / "good.png"), np.zeros((40, 30, 3), np.uint8))
    (tmp_path / "page.jpg").write_text("<html>not here</html>")
    assert main(["predict", str(trained), str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    told = capsys.readouterr()
    assert "page.jpg" in told.err and "1 of 2 images" in told.err and "keypoints.json" in told.out
    assert [r["image_id"] for r in json.loads((tmp_path / "out" / "keypoints.json").read_text())] == ["good.png"]


def test_a_page_s_folder_is_made(tmp_path: Path) -> None:
    page = tmp_path / "a" / "b" / "page.html"
    assert main(["check", "synth:studio?count=2", "--html", str(page)]) == 0 and page.exists()


def test_a_warning_is_a_line_without_a_place_in_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    text = warnings.formatwarning("3 of 400 images cannot be used", UserWarning, "/lib/folder.py", 69)
    assert text == "semipose: 3 of 400 images cannot be used\n"


def test_a_name_that_no_disk_can_hold_is_a_short_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--recipe=supervised", f"--data.labeled={'a' * 9000}", "--steps=1"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert "too long" in line and len(line) < 400


@pytest.mark.parametrize("words", [["--help"], ["init", "--help"]])
def test_a_reader_that_is_gone_is_no_error(words: list[str]) -> None:
    """As of `semipose --help | head -1`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "semipose", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 1 and not said


def test_names_of_files_neither_move_the_cursor_nor_begin_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "1\x1b]0;owned\x07\nok: nothing stops training.png"
    plain_csv(tmp_path, frames=1)
    (tmp_path / "frames" / "1.png").write_bytes((tmp_path / "frames" / "0.png").read_bytes())
    (tmp_path / "frames" / "1.png").rename(tmp_path / "frames" / name)
    for words in (["check", "--unlabeled", str(tmp_path / "frames")], ["init", str(tmp_path)]):
        main(words)
        said = capsys.readouterr().out
        assert r"1\x1b]0;owned\x07\nok: nothing stops training.png" in said and "\x1b" not in said
        assert sum(line.startswith("ok: nothing") for line in said.splitlines()) == (words[0] == "check")
