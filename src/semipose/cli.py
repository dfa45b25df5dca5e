"""The command line: the verbs with their options. What each does with them is in `commands.py`."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from semipose import __version__, commands, labeling
from semipose.commands import DONE, FAILED, USAGE, Arguments
from semipose.errors import UsageError, UserError

DECODERS = ("argmax", "quarter", "dark")
FLIP_TESTS = ("none", "plain", "shift")
OUTPUTS = ("coco", "csv", "dlc", "dlc-csv", "sleap")
FLIPS = "average with the mirrored image: plain, or shift for cells at corners (SimpleBaseline's and HRNet's weights)"


class Verb(argparse.ArgumentParser):
    """A parser whose errors are one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}; {self.prog} --help lists what is\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    try:
        arguments, rest = parser.parse_known_args(words)
    except SystemExit as stop:
        return int(stop.code or DONE)
    if rest and not arguments.settings:
        return _bad_usage(parser, arguments, rest)
    arguments.rest = rest
    try:
        return arguments.run(arguments) or DONE
    except UserError as error:
        if arguments.debug:
            raise
        print(f"semipose {arguments.verb}: {error}", file=sys.stderr)
        return USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        print(f"semipose {arguments.verb}: interrupted", file=sys.stderr)
        return FAILED
    except Exception as error:
        if arguments.debug:
            raise
        print(f"semipose {arguments.verb}: {type(error).__name__}: {error} (--debug shows where)", file=sys.stderr)
        return FAILED


def build_parser() -> Verb:
    """All verbs with their options and an example each."""
    parser = Verb("semipose", description="Few labelled images and many unlabelled ones into a better 2D pose model.")
    parser.add_argument("--version", action="version", version=__version__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(
        name: str, run: Callable[[Arguments], int | None], text: str, example: str, settings: bool = False
    ) -> Verb:
        made = verbs.add_parser(
            name, help=text, description=text, epilog=f"example: semipose {example}", allow_abbrev=False
        )
        made.add_argument("--debug", action="store_true", help="show the traceback of an error")
        made.set_defaults(run=run, settings=settings)
        return made

    add = verb(
        "demo", commands.demo, "train supervised and dual on synthetic people, and compare them", "demo --out demo"
    ).add_argument
    add("--out", type=Path, default=Path("demo"), help="folder for both runs and report.html (written over)")
    add("--seed", type=int, default=0, help="draws other people and other weights")
    add("--steps", type=int, help="a shorter length, for a look")

    add = verb(
        "init",
        commands.init,
        "look at a folder of labels, images and videos, and write a data.yaml that trains as it is",
        "init my-project",
    ).add_argument
    add("folder", type=Path, metavar="FOLDER", help="a project of DeepLabCut or Lightning Pose, or any folder or file")
    add("--out", type=Path, help="the file to write; data.yaml in the folder by default")
    add("--overwrite", action="store_true", help="replace files that exist")

    made = verb(
        "train",
        commands.train,
        "train on a data.yaml, by a recipe, or both; any setting can follow as --section.key=value",
        "train data.yaml, or semipose train --recipe dual --data data.yaml --model.backbone=resnet50 --optim.lr=3e-4",
        settings=True,
    )
    # Not a positional argument: argparse would take the value of a setting for it.
    made.usage = "semipose train [DATA.yaml] [--recipe NAME] [--section.key=value ...] [options]"
    add = made.add_argument
    add("--recipe", help="a recipe's name (semipose recipes); the default is dual")
    add("--config", type=Path, help="a YAML file of settings, such as a run's config.yaml")
    add("--data", type=Path, help="as DATA.yaml: the data section (labeled, unlabeled, val, ...), alone or with others")
    add("--pair", type=Path, help="a result of semipose gap, whose first pair becomes method.easy and method.hard")
    add("--out", type=Path, help="the run's folder; runs/<recipe> by default")
    add("--overwrite", action="store_true", help="replace a run of the same name instead of appending -2")
    add("--resume", type=Path, help="a run folder or checkpoint to continue exactly")
    add(
        "--init-from",
        type=Path,
        nargs="+",
        default=[],
        help="weights to start from: run folders, checkpoints or model.safetensors",
    )
    add("--stop-on-collapse", action="store_true", help="stop when the collapse monitor fires")
    add("--print-config", action="store_true", help="print the resolved configuration and stop")

    made = verb(
        "worth",
        commands.worth,
        "is it worth it? supervised and semi-supervised on the same labels, and how many more labels would do as much",
        "worth data.yaml --seeds 0 1 2 --labels 50; any setting can follow as --section.key=value",
        settings=True,
    )
    made.usage = "semipose worth DATA.yaml [--method NAME] [--section.key=value ...] [options]"
    add = made.add_argument
    add("--method", default="dual", help="the semi-supervised one")
    add("--seeds", type=int, nargs="+", default=[0, 1, 2], help="three or more give an interval")
    add("--labels", type=int, help="how many to compare with; fewer than there are leave room for other draws")
    add("--no-curve", action="store_true", help="leave out supervised training with fewer and more labels")
    add("--out", type=Path, default=Path("worth"), help="folder of runs, worth.json, worth.md and worth.html")

    add = verb(
        "evaluate", commands.evaluate, "score a run's networks on labelled data", "evaluate runs/dual"
    ).add_argument
    add("run_folder", type=Path, metavar="RUN", help="a run's folder, or a model.safetensors")
    add("--data", help="labelled data; the run's validation set by default")
    add("--images", help="the image folder of a JSON")
    add("--threshold", type=float, help="of PCK; the run's by default")
    add("--decode", choices=DECODERS, help="the run's by default")
    add("--flip-test", choices=FLIP_TESTS, nargs="?", const="plain", help=f"{FLIPS}; the run's by default")
    add("--measure", choices=("pck", "pckh", "jdr"), help="the run's by default; MPII has pckh, Human3.6M jdr")
    add("--boxes", type=Path, help="a JSON of a detector's boxes, for AP with them")

    add = verb(
        "predict",
        commands.predict,
        "predict on images, folders and videos",
        "predict runs/dual video.mp4 --formats csv dlc --out predictions",
    ).add_argument
    add("model", type=Path, metavar="MODEL", help="a run's folder or a model.safetensors")
    add("source", metavar="INPUT", help="an image, a video, a folder, a quoted pattern or a .txt that lists files")
    add(
        "--boxes",
        help="a JSON of boxes; people, found by a detector; or a first run; without, each image or frame is one box",
    )
    add("--frames", default="all", help="of videos: all, rate2 (two a second), uniform500 or diverse500")
    add("--formats", choices=OUTPUTS, nargs="+", default=["coco"], help="files to write; coco is keypoints.json")
    add("--submit", metavar="NAME", help="also write NAME's TEST-DEV file for COCO's server")
    add("--out", type=Path, default=Path("predictions"), help="folder for what is written")
    add("--no-overlay", action="store_true", help="no pictures and videos with the poses on them")
    add("--device", default="auto", help="cpu, cuda, cuda:1, ...")
    add("--decode", choices=DECODERS, help="how a heatmap's peak becomes a position; the run's by default")
    add("--flip-test", choices=FLIP_TESTS, nargs="?", const="plain", default="none", help=FLIPS)

    labeling.add_verbs(verb)

    add = verb(
        "export", commands.export, "write a trained network as ONNX", "export runs/dual --out model.onnx"
    ).add_argument
    add("model", type=Path, metavar="MODEL", help="a run's folder or a model.safetensors")
    add("--out", type=Path, help="the file; model.onnx beside the weights by default")

    add = verb(
        "import-weights",
        commands.import_weights,
        "read a public checkpoint of SimpleBaseline, HRNet, PoseDual or MMPose",
        "import-weights pose_resnet_50_256x192.pth.tar weights/resnet50",
    ).add_argument
    add("file", type=Path, metavar="FILE", help="the checkpoint")
    add("out", type=Path, metavar="FOLDER", help="where model.safetensors and model.json go")
    add("--size", type=int, nargs=2, metavar=("H", "W"), help="input size; from the file's name by default")
    add("--skeleton", help="coco, mpii, lsp, ...; by the number of joints where that says it")
    add("--bgr", action=argparse.BooleanOptionalAction, help="blue first; as the layout was published by default")

    add = verb(
        "check",
        commands.check,
        "first aid: what is in the data, what is wrong with it, what to do",
        "check data.yaml --html check.html",
    ).add_argument
    add("labeled", nargs="?", metavar="LABELED", help="a data.yaml, or labelled data")
    add("--data", type=Path, help="a data.yaml, as LABELED may be")
    add("--unlabeled", help="unlabelled data")
    add("--val", help="validation data")
    add("--model", type=Path, help="a trained run, or model.safetensors: name the labels far from what it predicts")
    add("--html", type=Path, metavar="FILE", help="also write a page, with pictures of such labels")

    add = verb(
        "doctor",
        commands.doctor,
        "left and right: the pairs read from the names, a mirrored example, and labels that look swapped",
        "doctor data.yaml --out doctor.jpg",
    ).add_argument
    add("source", type=Path, metavar="DATA", help="labelled data, or a data.yaml that names it")
    add("--images", type=Path, help="the image folder of a JSON or a table")
    add("--out", type=Path, default=Path("doctor.jpg"), help="the picture")

    add = verb(
        "split",
        commands.split,
        "choose labelled, unlabelled and validation samples",
        "split lspet --labeled 500 --val 1000 --out split.json",
    ).add_argument
    add("source", metavar="DATA", help="labelled data")
    add("--images", help="the image folder of a JSON")
    add("--labeled", type=int, required=True, help="how many labelled samples")
    add("--val", type=int, default=0, help="how many validation samples")
    add("--unlabeled", type=int, help="how many unlabelled samples; all that remain by default")
    add("--seed", type=int, default=0)
    add(
        "--protocol",
        choices=("random", "first", "images"),
        default="random",
        help="random instances, the first in file order, or all of random images (--labeled then counts images)",
    )
    add("--keep-labeled", action="store_true", help="the labelled samples are in the unlabelled set too")
    add("--out", type=Path, default=Path("split.json"))

    add = verb(
        "synth", commands.synth, "draw synthetic people with labels", "synth people --count 200 --domain wild"
    ).add_argument
    add("out", type=Path, metavar="FOLDER")
    add("--count", type=int, default=100)
    add("--domain", choices=("studio", "wild"), default="wild")
    add("--seed", type=int, default=0)
    add("--start", type=int, default=0, help="the first person's number")

    add = verb(
        "gap",
        commands.gap,
        "a model's accuracy under perturbations, and the pairs that qualify as easy-hard",
        "gap runs/supervised --val annotations/val.json --out gap.json",
    ).add_argument
    add("model", type=Path, metavar="MODEL", help="a run's folder or a model.safetensors")
    add("--val", help="labelled data; a run's own validation set by default")
    add("--images", help="the image folder of a JSON")
    add("--split", type=Path, help="a manifest, whose validation samples of --val are used")
    add("--views", nargs="+", help="perturbations, as in method.hard: affine45 ra20 affine60+jc5")
    add("--draws", type=int, default=5, help="how often each is drawn")
    add("--count", type=int, default=0, help="how many samples, drawn at random; all by default")
    add("--seed", type=int, default=0)
    add("--threshold", type=float, default=0.1, help="of PCK")
    add("--device", default="auto", help="cpu, cuda, cuda:1, ...")
    add("--out", type=Path, default=Path("gap.json"), help="what train --pair takes")

    add = verb(
        "reproduce",
        commands.reproduce,
        "train a paper's table and write it beside the paper's numbers; without a target, list them",
        "reproduce xie2021/table1 --seeds 0 1 2; any setting can follow as --section.key=value",
        settings=True,
    ).add_argument
    add(
        "target", nargs="?", metavar="PAPER/TABLE", help="or PAPER for all tables, or a row that semipose recipes lists"
    )
    add("--scale", choices=("mini", "paper"), default="mini", help="synthetic people in minutes, or the paper's data")
    add("--seeds", type=int, nargs="+", default=[0])
    add("--data", type=Path, metavar="ROOT", help="at paper scale, the folder that holds coco, mpii, aic and h36m")
    add("--out", type=Path, help="folder of runs, records and tables; reproduce/PAPER/SCALE by default")
    add("--dry-run", type=int, default=0, metavar="N", help="train N steps only, on what data there is")

    add = verb(
        "show-mix",
        commands.show_mix,
        "draw a group of images as MUM and Pose-MUM mix them, with heatmaps before and after unmixing",
        "show-mix runs/pose_mum --out mix.png; settings of the method can follow, as --method.mix_chance=1",
        settings=True,
    ).add_argument
    add("model", type=Path, metavar="MODEL", help="a run's folder or a model.safetensors")
    add("--data", help="images, with boxes or labels; a run's own unlabelled ones by default")
    add("--images", help="the image folder of a JSON")
    add("--seed", type=int, default=0, help="of which images, views and permutations")
    add("--step", type=int, default=0, help="another step of the same seed")
    add("--out", type=Path, default=Path("mix.png"))

    add = verb(
        "triangulate",
        commands.triangulate,
        "points in space from the predictions of several calibrated cameras",
        "triangulate cameras.json left=left/keypoints.json right=right/keypoints.json --out points.json",
    ).add_argument
    add("cameras", type=Path, metavar="CAMERAS", help="a camera file: JSON, or Human3.6M's cameras.pkl")
    add("views", nargs="+", metavar="NAME=FILE", help="a camera's name and its keypoints.json")
    add("--truth", type=Path, help="a JSON of true points in mm, to measure MPJPE by")
    add("--tolerance", type=float, help="px within which a view agrees; a tenth of each box by default")
    add("--out", type=Path, default=Path("points.json"))

    add = verb(
        "recipes",
        commands.recipes,
        "list the recipes and every row of the papers' tables, with the papers' numbers, commands and needs",
        "recipes show dual, or of a row, recipes show xie2021/dual-jc-1k --scale mini",
    ).add_argument
    add(
        "words",
        nargs="*",
        metavar="show NAME",
        help="print one's whole configuration; or PAPER or PAPER/TABLE, its rows",
    )
    add("--scale", choices=("mini", "paper"), default="paper", help="of a row that is shown")

    add = verb(
        "report", commands.report, "write one HTML page about one or several runs", "report runs/supervised runs/dual"
    ).add_argument
    add("runs", nargs="+", type=Path, metavar="RUN")
    add("--out", type=Path, help="the page; report.html in the run, or beside the first of several")
    return parser


def _bad_usage(parser: argparse.ArgumentParser, arguments: Arguments, rest: Sequence[str]) -> int:
    sub = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices[arguments.verb]
    known = [option for action in sub._actions for option in action.option_strings]
    near = difflib.get_close_matches(rest[0].split("=")[0], known, 1, 0.5)
    hint = f"; did you mean {near[0]}?" if near else f"; semipose {arguments.verb} --help lists what is"
    print(f"semipose {arguments.verb}: {rest[0]} is not understood{hint}", file=sys.stderr)
    return USAGE


if __name__ == "__main__":
    sys.exit(main())
