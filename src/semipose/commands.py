"""What each verb of the command line does: one call of the function of its name, and what is printed of the result.
Heavy imports wait until a verb needs them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

DONE, FAILED, USAGE = 0, 1, 2
"""Exit codes; a run that a signal stopped, with its checkpoint saved, exits with 3."""

Arguments = argparse.Namespace


def demo(a: Arguments) -> None:
    from semipose.verbs.demo import demo

    found = demo(a.out, a.seed, a.steps)
    print(f"{'method':12s} {'PCK@0.1':>8s}")
    for method in ("supervised", "dual"):
        print(f"{method:12s} {found[method]:7.1f}%")
    print(f"{'gain':12s} {found['gain']:+7.1f}  points, with the same labels, in {found['seconds'] / 60:.1f} minutes")
    print(f"wrote {found['report']}")


def train(a: Arguments) -> int:
    import yaml

    from semipose.config import to_dict
    from semipose.config.resolve import read_overrides, read_yaml, split_file
    from semipose.training.signals import EXIT_STOPPED, Stopped
    from semipose.verbs.gap import read_pair
    from semipose.verbs.train import configure, train

    file, rest = split_file(a.rest)
    if file and a.data:
        print(f"semipose train: {file} and --data {a.data}: name one data.yaml", file=sys.stderr)
        return USAGE
    overrides = read_overrides(rest)
    if a.stop_on_collapse:
        overrides["stop_on_collapse"] = True
    where = {"out": a.out, "overwrite": a.overwrite, "init_from": a.init_from}
    try:
        if a.resume:
            check_alone(a, file)
            run = train(resume=a.resume, **overrides)
        else:
            layers = [read_yaml(a.config)] if a.config else []
            layers += [{"method": read_pair(a.pair)}] if a.pair else []
            data = a.data or (Path(file) if file else None)
            alone = data is not None and not set(read_yaml(data, "data")) - {"data"}
            name = a.recipe or (None if a.config or (file and not alone) else "dual")
            config = configure(name, data, *layers, overrides)
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


def check_alone(a: Arguments, file: str | None) -> None:
    """That --resume comes without what starts a run.

    Raises:
        UsageError: it does not.
    """
    from semipose.errors import UsageError

    words = ("recipe", "config", "data", "pair", "init_from", "out", "overwrite", "print_config")
    given = [f"--{word.replace('_', '-')}" for word in words if getattr(a, word)] + ([file] if file else [])
    if given:
        raise UsageError(f"--resume goes on as the run began and takes no {', '.join(given)}; leave that out")


def worth(a: Arguments) -> int:
    from semipose.config.resolve import read_overrides, split_file
    from semipose.errors import UsageError
    from semipose.training.signals import EXIT_STOPPED, Stopped
    from semipose.verbs.worth import worth

    file, rest = split_file(a.rest)
    if file is None:
        raise UsageError("name a data.yaml; semipose init writes one for a folder")
    settings = read_overrides(rest)
    try:
        found = worth(file, a.method, a.seeds, a.labels, curve=not a.no_curve, out=a.out, settings=settings)
    except Stopped as stopped:
        print(f"semipose worth: {stopped.saved}; the same command goes on", file=sys.stderr)
        return EXIT_STOPPED
    print(found["sentence"])
    print(f"wrote {a.out}/worth.json, {a.out}/worth.md, {a.out}/worth.html")
    return DONE


def init(a: Arguments) -> None:
    from semipose.verbs.init import init

    found = init(a.folder, a.out, a.overwrite)
    print("\n".join(found.found))
    print(f"wrote {', '.join(map(str, found.files))}; semipose train {found.files[0]} trains it")


def evaluate(a: Arguments) -> None:
    from semipose.verbs.train import evaluate

    scores = evaluate(a.run_folder, a.data, a.images, a.threshold, a.decode, a.flip_test, a.measure, a.boxes)
    rows = {**scores["networks"], "mean": scores["mean"]}
    rows |= {"ensemble": scores["ensemble"]} if "ensemble" in scores else {}
    measured = f"{scores['measure'].upper()}@{scores['threshold']:g}"
    print(f"{'network':10s} {measured:>9s} {'swapped':>8s} {'AP':>6s} {'AR':>6s} {'median error':>13s}")
    for name, row in rows.items():
        coco = scores["coco"].get(name, {})
        cells = [row["pck"], row["swap"], coco.get("AP"), coco.get("AR")]
        pck, swap, ap, ar = ("-" if v is None else f"{100 * v:.1f}" for v in cells)
        middle = "-" if row["median_error_px"] is None else f"{row['median_error_px']:.2f} px"
        print(f"{name:10s} {pck:>9s} {swap:>8s} {ap:>6s} {ar:>6s} {middle:>13s}")
    print(
        "per joint: " + ", ".join(f"{j} {100 * v:.1f}" for j, v in scores["mean"]["per_joint"].items() if v is not None)
    )
    if "table" in scores["mean"]:
        print(", ".join(f"{g} {100 * v:.1f}" for g, v in scores["mean"]["table"].items() if v is not None))
    for name, row in scores.get("detected", {}).items():
        ap, ar = ("-" if row[key] is None else f"{100 * row[key]:.1f}" for key in ("AP", "AR"))
        print(f"{name}, detected boxes: AP {ap}, AR {ar}")
    print(f"wrote {a.run_folder.parent if a.run_folder.is_file() else a.run_folder}/evaluation.json")


def predict(a: Arguments) -> int:
    from semipose.verbs.predict import boxes_of_run, left_out, predict

    if a.boxes is None and (note := boxes_of_run(Path(a.model))):
        print(f"semipose predict: {note}", file=sys.stderr)
    how = {"submit": a.submit, "formats": a.formats, "frames": a.frames}
    found = predict(a.model, a.source, a.out, a.boxes, not a.no_overlay, a.device, a.decode, a.flip_test, **how)
    pictures = [file for file in found.files if file.suffix == ".jpg"]
    named = [str(file) for file in found.files if file not in pictures]
    named += [f"{len(pictures)} overlay pictures in {a.out}"] if pictures else []
    rate = found.frames / found.seconds
    print(f"{found.frames} images and frames in {found.seconds:.1f} s, {rate:.1f} a second; wrote {', '.join(named)}")
    if found.damaged:
        print(f"semipose predict: {left_out(found.damaged, found.frames)}", file=sys.stderr)
    return FAILED if found.damaged else DONE


def export(a: Arguments) -> None:
    from semipose.verbs.export import export

    found = export(a.model, a.out)
    compared = "onnxruntime is not installed, so nothing was compared"
    if found.difference is not None:
        compared = f"onnxruntime's heatmaps differ by {found.difference:.1g} at most"
    print(f"{compared}; wrote {found.file}")


def import_weights(a: Arguments) -> None:
    from semipose.models.public import import_weights
    from semipose.models.size import size

    found = import_weights(a.file, a.out, a.size, a.skeleton, a.bgr)
    config, joints = found.config, found.skeleton
    print(
        f"{found.layout}: {config.backbone} ({size(config, len(joints))}) for {len(joints)} joints ({joints.name}),"
        f" input {config.size[0]}x{config.size[1]}, {'BGR' if config.bgr else 'RGB'}"
    )
    rest = f": {', '.join(found.left_out[:5])}{', ...' if len(found.left_out) > 5 else ''}" if found.left_out else ""
    print(f"{found.matched} tensors matched, {len(found.left_out)} of the file have no place{rest}")
    print(f"wrote {', '.join(str(file) for file in found.files)}")


def check(a: Arguments) -> int:
    from semipose.config.resolve import is_data_yaml
    from semipose.data.open import open_all, open_unlabeled
    from semipose.errors import UserError
    from semipose.verbs.check import check_yaml, first_aid

    if a.labeled and is_data_yaml(Path(a.labeled)):
        if a.data:
            print(f"semipose check: {a.labeled} and --data {a.data}: name one data.yaml", file=sys.stderr)
            return USAGE
        a.data, a.labeled = Path(a.labeled), None
    named = {"labeled": a.labeled, "unlabeled": a.unlabeled, "val": a.val}
    if not (a.data or any(named.values())):
        print("semipose check: name labelled data, or a data.yaml with --data", file=sys.stderr)
        return USAGE
    if a.data:
        found = check_yaml(a.data, a.model, a.html)
    else:
        sources = {}
        for use, source in named.items():
            try:
                sources[use] = source and (open_unlabeled if use == "unlabeled" else open_all)(source)
            except UserError:
                sources[use] = source  # the report names the fault, beside those of the others
        found = first_aid(sources, None, a.model, a.html)
    print(found.text())
    if a.html:
        print(f"wrote {a.html}")
    return DONE if found.ok else FAILED


def doctor(a: Arguments) -> int:
    from semipose.verbs.doctor import doctor

    found = doctor(a.source, a.images, a.out)
    print("\n".join(found.lines))
    print(f"wrote {found.picture}: an example, its mirror image{'' if found.ok else ', and what to look at'}")
    return DONE if found.ok else FAILED


def split(a: Arguments) -> None:
    from semipose.data.open import open_labeled
    from semipose.data.split import make_split

    data = open_labeled(a.source, a.images)
    split = make_split(data, a.labeled, a.val, a.unlabeled, a.seed, a.protocol, a.keep_labeled)
    split.save(a.out)
    counts = f"{len(split.labeled)} labelled, {len(split.unlabeled)} unlabelled, {len(split.val)} for validation"
    print(f"{counts}, hash {split.hash[:12]}; wrote {a.out}")


def synth(a: Arguments) -> None:
    from semipose.verbs.synth import synth

    print("wrote " + ", ".join(str(path) for path in synth(a.out, a.count, a.domain, a.seed, a.start)))


def gap(a: Arguments) -> None:
    from semipose.verbs.gap import PERTURBATIONS, gap

    chosen = {"views": a.views or PERTURBATIONS, "draws": a.draws, "count": a.count, "seed": a.seed, "out": a.out}
    found = gap(a.model, a.val, a.images, a.split, threshold=a.threshold, device=a.device, **chosen)
    print(f"{'perturbation':16s} {'PCK@' + format(a.threshold, 'g'):>8s}   lowest and highest of {a.draws} draws")
    for name, each in found["views"].items():
        low, high = 100 * min(each["draws"]), 100 * max(each["draws"])
        print(f"{name:16s} {100 * each['pck']:7.1f}%   {low:.1f} to {high:.1f}")
    print(f"on {found['images']} samples, the {100 * found['scored']:.0f} % of their joints that every view shows")
    for pair in found["pairs"][:5]:
        print(f"{pair['arguments']}   gap {100 * pair['gap']:.1f}, noise {100 * pair['noise']:.1f} points")
    if not found["pairs"]:
        print("no pair qualifies: no view that only moves the image keeps 90 % of the accuracy and leads beyond noise")
    print(f"{len(found['pairs'])} pairs qualify, best first; wrote {a.out}")


def show_mix(a: Arguments) -> None:
    from semipose.config.resolve import read_overrides
    from semipose.errors import UsageError
    from semipose.verbs.show_mix import show_mix

    settings = read_overrides(a.rest)
    method = settings.pop("method", {})
    if settings:
        raise UsageError(f"show-mix takes settings of the method, as --method.mix_chance=1, not {', '.join(settings)}")
    found = show_mix(a.model, a.data, a.images, a.out, a.seed, a.step, **method)
    for name, share in found["moved"].items():
        print(f"{name:8s} {100 * share:3.0f} % of the tiles are of another image")
    print(f"unmixed after {found['unmixed']}; wrote {found['out']}")


def reproduce(a: Arguments) -> int:
    from semipose.config.resolve import read_overrides
    from semipose.papers.listing import rows_text
    from semipose.papers.results import markdown
    from semipose.training.signals import EXIT_STOPPED, Stopped
    from semipose.verbs.reproduce import reproduce

    if a.target is None:
        print(rows_text())
        return DONE
    try:
        tables = reproduce(a.target, a.scale, a.seeds, a.out, a.data, a.dry_run, **read_overrides(a.rest))
    except Stopped as stopped:
        print(f"semipose reproduce: {stopped.saved}; the same command goes on", file=sys.stderr)
        return EXIT_STOPPED
    for table in tables:
        print(markdown(table))
    print(f"wrote {', '.join(str(file) for table in tables for file in table['files'])}")
    return DONE


def triangulate(a: Arguments) -> int:
    from semipose.verbs.triangulate import triangulate_predictions

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


def recipes(a: Arguments) -> int:
    from semipose.papers.listing import recipes_text, rows_text, shown

    if not a.words:
        print(recipes_text())
    elif a.words[0] != "show" and len(a.words) == 1:
        print(rows_text(a.words[0]))
    elif len(a.words) == 2 and a.words[0] == "show":
        print(shown(a.words[1], a.scale))
    else:
        print("semipose recipes: write recipes, recipes PAPER/TABLE, or recipes show NAME", file=sys.stderr)
        return USAGE
    return DONE


def report(a: Arguments) -> None:
    from semipose.reports.html import report

    print(f"wrote {report(a.runs, a.out)}")
