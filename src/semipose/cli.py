"""The command line: verbs only, each one importable function. Heavy imports wait until a verb needs them."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from semipose import __version__
from semipose.errors import UsageError, UserError

DONE, FAILED, USAGE = 0, 1, 2
"""Exit codes; a run that a signal stopped, with its checkpoint saved, exits with 3."""

Arguments = argparse.Namespace
Verb = argparse.ArgumentParser


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


def build_parser() -> argparse.ArgumentParser:
    """All verbs with their options and an example each."""
    parser = argparse.ArgumentParser(
        "semipose", description="Few labelled images and many unlabelled ones into a better 2D pose model."
    )
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
        "demo", _demo, "train supervised and dual on embedded people, and compare them", "demo --out demo"
    ).add_argument
    add("--out", type=Path, default=Path("demo"), help="folder for both runs and report.html (written over)")
    add("--seed", type=int, default=0, help="draws other people and other weights")
    add("--steps", type=int, help="a shorter length, for a look")

    add = verb(
        "train",
        _train,
        "train by a recipe; any setting can follow as --section.key=value",
        "train --recipe dual --data data.yaml --model.backbone=resnet50 --optim.lr=3e-4",
        settings=True,
    ).add_argument
    add("--recipe", help="a recipe's name (semipose recipes); the default is dual")
    add("--config", type=Path, help="a YAML file of settings, such as a run's config.yaml")
    add("--data", type=Path, help="a YAML file of the data section: labeled, unlabeled, val, ...")
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

    add = verb("evaluate", _evaluate, "score a run's networks on labelled data", "evaluate runs/dual").add_argument
    add("run_folder", type=Path, metavar="RUN", help="a run's folder")
    add("--data", help="labelled data; the run's validation set by default")
    add("--images", help="the image folder of a JSON")
    add("--threshold", type=float, help="of PCK; the run's by default")
    add("--decode", choices=("argmax", "quarter", "dark"), help="the run's by default")

    add = verb(
        "predict", _predict, "predict on images or a folder", "predict runs/dual photos --out predictions"
    ).add_argument
    add("model", type=Path, metavar="MODEL", help="a run's folder or a model.safetensors")
    add("images", metavar="IMAGES", help="an image, a folder or a quoted pattern")
    add("--boxes", type=Path, help="a JSON of boxes; without, each image is one box")
    add("--out", type=Path, default=Path("predictions"), help="folder for keypoints.json and overlay pictures")
    add("--no-overlay", action="store_true", help="write keypoints.json only")
    add("--device", default="auto", help="cpu, cuda, cuda:1, ...")

    add = verb(
        "check", _check, "say what is in the data and what is wrong with it", "check --data data.yaml"
    ).add_argument
    add("labeled", nargs="?", metavar="LABELED", help="labelled data; or name a data.yaml with --data")
    add("--data", type=Path, help="a data.yaml")
    add("--unlabeled", help="unlabelled data")
    add("--val", help="validation data")

    add = verb(
        "split",
        _split,
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
        "--protocol", choices=("random", "first"), default="random", help="random instances, or the first in file order"
    )
    add("--keep-labeled", action="store_true", help="the labelled samples are in the unlabelled set too")
    add("--out", type=Path, default=Path("split.json"))

    add = verb(
        "synth", _synth, "draw embedded people with labels", "synth people --count 200 --domain wild"
    ).add_argument
    add("out", type=Path, metavar="FOLDER")
    add("--count", type=int, default=100)
    add("--domain", choices=("studio", "wild"), default="wild")
    add("--seed", type=int, default=0)
    add("--start", type=int, default=0, help="the first person's number")

    add = verb(
        "triangulate",
        _triangulate,
        "points in space from the predictions of several calibrated cameras",
        "triangulate cameras.json left=left/keypoints.json right=right/keypoints.json --out points.json",
    ).add_argument
    add("cameras", type=Path, metavar="CAMERAS", help="a camera file: JSON, or Human3.6M's cameras.pkl")
    add("views", nargs="+", metavar="NAME=FILE", help="a camera's name and its keypoints.json")
    add("--truth", type=Path, help="a JSON of true points in mm, to measure MPJPE by")
    add("--tolerance", type=float, help="px within which a view agrees; a tenth of each box by default")
    add("--out", type=Path, default=Path("points.json"))

    add = verb("recipes", _recipes, "list the recipes with the papers' numbers", "recipes show dual").add_argument
    add("show", nargs="*", metavar="show NAME", help="print one recipe's whole configuration")

    add = verb(
        "report", _report, "write one HTML page about one or several runs", "report runs/supervised runs/dual"
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


def _demo(a: Arguments) -> None:
    from semipose.demo import demo

    found = demo(a.out, a.seed, a.steps)
    print(f"{'method':12s} {'PCK@0.1':>8s}")
    for method in ("supervised", "dual"):
        print(f"{method:12s} {found[method]:7.1f}%")
    print(f"{'gain':12s} {found['gain']:+7.1f}  points, with the same labels, in {found['seconds'] / 60:.1f} minutes")
    print(f"wrote {found['report']}")


def _train(a: Arguments) -> int:
    import yaml

    from semipose.config import to_dict
    from semipose.engine.signals import EXIT_STOPPED, Stopped
    from semipose.settings import read_overrides, read_yaml
    from semipose.training import configure, train

    overrides = read_overrides(a.rest)
    if a.stop_on_collapse:
        overrides["stop_on_collapse"] = True
    where = {"out": a.out, "overwrite": a.overwrite, "init_from": a.init_from}
    try:
        if a.resume:
            run = train(resume=a.resume, **overrides)
        else:
            layers = [read_yaml(a.config)] if a.config else []
            name = a.recipe or (None if a.config else "dual")
            config = configure(name, a.data, *layers, overrides)
            if a.print_config:
                print(yaml.safe_dump(to_dict(config), sort_keys=False), end="")
                return DONE
            where["out"] = a.out or Path("runs") / (name or config.method.name)
            run = train(config=config, **where)
    except Stopped as stopped:
        print(f"semipose train: {stopped}", file=sys.stderr)
        return EXIT_STOPPED
    pck = (run.summary.get("val") or {}).get("mean", {}).get("pck")
    score = f"PCK {100 * pck:.1f} % on {run.summary['val_images']} validation samples; " if pck is not None else ""
    print(f"{score}wrote {run.path}/model.safetensors, {run.path}/metrics.csv, {run.path}/report.html")
    return DONE


def _evaluate(a: Arguments) -> None:
    from semipose.training import evaluate

    scores = evaluate(a.run_folder, a.data, a.images, a.threshold, a.decode)
    rows = {**scores["networks"], "mean": scores["mean"]}
    rows |= {"ensemble": scores["ensemble"]} if "ensemble" in scores else {}
    print(f"{'network':10s} {'PCK@' + format(scores['threshold'], 'g'):>9s} {'swapped':>8s} {'AP':>6s} {'AR':>6s}")
    for name, row in rows.items():
        coco = scores["coco"].get(name, {})
        cells = [row["pck"], row["swap"], coco.get("AP"), coco.get("AR")]
        pck, swap, ap, ar = ("-" if v is None else f"{100 * v:.1f}" for v in cells)
        print(f"{name:10s} {pck:>9s} {swap:>8s} {ap:>6s} {ar:>6s}")
    print(
        "per joint: " + ", ".join(f"{j} {100 * v:.1f}" for j, v in scores["mean"]["per_joint"].items() if v is not None)
    )
    print(f"wrote {a.run_folder}/evaluation.json")


def _predict(a: Arguments) -> None:
    from semipose.predictor import predict

    files = predict(a.model, a.images, a.out, a.boxes, not a.no_overlay, a.device)
    pictures = f" and {len(files) - 1} overlay pictures beside it" if len(files) > 1 else ""
    print(f"wrote {files[0]}{pictures}")


def _check(a: Arguments) -> int:
    from semipose.data.check import check
    from semipose.training import configure

    sources = {"labeled": a.labeled, "unlabeled": a.unlabeled, "val": a.val}
    if a.data:
        from semipose.engine.sets import open_sets

        named = configure(None, a.data).data
        sets = open_sets(named, needs_unlabeled=False, checked=False)
        sources = {"labeled": sets.labeled, "unlabeled": sets.unlabeled, "val": sets.val}
    if not any(sources.values()):
        print("semipose check: name labelled data, or a data.yaml with --data", file=sys.stderr)
        return USAGE
    found = check(**sources)
    print(found.text())
    return DONE if found.ok else FAILED


def _split(a: Arguments) -> None:
    from semipose.data.open import open_labeled
    from semipose.data.split import make_split

    data = open_labeled(a.source, a.images)
    split = make_split(data, a.labeled, a.val, a.unlabeled, a.seed, a.protocol, a.keep_labeled)
    split.save(a.out)
    counts = f"{len(split.labeled)} labelled, {len(split.unlabeled)} unlabelled, {len(split.val)} for validation"
    print(f"{counts}, hash {split.hash[:12]}; wrote {a.out}")


def _synth(a: Arguments) -> None:
    from semipose.synth import synth

    print("wrote " + ", ".join(str(path) for path in synth(a.out, a.count, a.domain, a.seed, a.start)))


def _triangulate(a: Arguments) -> int:
    from semipose.cameras.predictions import triangulate_predictions

    named = [view.partition("=")[::2] for view in a.views]
    views = dict(named)
    if not all(name and file for name, file in named) or len(views) < len(named):
        print("semipose triangulate: write each camera once, as NAME=FILE", file=sys.stderr)
        return USAGE
    found = triangulate_predictions(a.cameras, views, a.out, a.truth, a.tolerance)
    joints = [point for person in found["people"] for point in person["keypoints_3d"]]
    print(f"{len(joints) - joints.count(None)} of {len(joints)} joints of {len(found['people'])} people have a point")
    for name in ("absolute", "root_relative", "aligned"):
        if name in found.get("mpjpe", {}):
            score = found["mpjpe"][name]
            mean, part = ("-" if score[key] is None else f"{score[key]:.1f} mm" for key in ("mean", "mean_found"))
            some = f" ({score['missing']} joints are missing, the others have {part})" if score["missing"] else ""
            print(f"MPJPE {name.replace('_', '-'):13s} {mean}{some}")
    print(f"wrote {a.out}")
    return DONE


def _recipes(a: Arguments) -> int:
    from semipose.recipes import RECIPES, recipe

    if not a.show:
        for name, each in RECIPES.items():
            print(f"{name:18s} {each.number:>8s}  {each.row}")
        print("semipose recipes show NAME prints a recipe; semipose train --recipe NAME --data data.yaml trains it")
        return DONE
    if len(a.show) != 2 or a.show[0] != "show":
        print("semipose recipes: write semipose recipes, or semipose recipes show NAME", file=sys.stderr)
        return USAGE
    import yaml

    from semipose.config import to_dict

    config = recipe(a.show[1])
    each = RECIPES[a.show[1]]
    print(f"# {each.row}{f' ({each.number})' if each.number else ''}\n# {each.source}")
    print(yaml.safe_dump(to_dict(config), sort_keys=False), end="")
    return DONE


def _report(a: Arguments) -> None:
    from semipose.report.html import report

    print(f"wrote {report(a.runs, a.out)}")


if __name__ == "__main__":
    sys.exit(main())
