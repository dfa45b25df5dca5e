"""Where a network starts, at equal minutes: backbones with and without frozen stages, from labels alone.

    python benchmarks/starts.py mouse --data ../shared/data --minutes 10 --draws 0 1
    python benchmarks/starts.py people --data ../shared/data --minutes 10 --draws 0 1
    python benchmarks/starts.py --collect --minutes 10 --draws 0 1

`mouse`: mice from above, 10 labels; `people`: LSPET, 500 labels (`--labels`: others); images, views, optimiser and
validation as in promise.py, SimpleBaseline's decoder but for `_fpn`, what `init` writes: a pyramid, joints 1.5 cells
wide, the first stages frozen. How long a step takes is measured first, by a short run of each start; its steps are what
fits the minutes. `--start` chooses starts; what is finished is read. `--collect` writes results/starts.json from the
record that is there and what is not in it yet: of each start the mean PCK in % and median error in pixels over its
draws, and seconds a step.

`lite0_pretrained` begins with the recipe `pretrain` on all images of the protocol, which takes a third of the minutes.
`lite0_fpn_people` begins with the network of drawn people that comes with the package; mice take all but its head.

Run it on an idle machine, one process with one thread. Where timm's hub cannot be reached, ResNet18 and the
transformer begin from random weights (`--hub` takes the hub's): the transformer's row then only shows that it trains.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import run_once, write
from promise import FINE, PROTOCOLS, score
from records import stored
from semipose.augment import without_mirror
from semipose.config import Config
from semipose.config.resolve import resolve
from semipose.methods import options
from semipose.papers.configure import configure

LABELS = {"mouse": 10, "people": 500}
INIT = {**FINE, "deconv": None, "sigma": 1.5}
FROZEN = {"freeze": ["stem", "layer1", "layer2"]}
SLOW = {"optim": {"backbone_rate": 0.1}}
LITE = {f"lite{i}": {"model": {"backbone": f"tf_efficientnet_lite{i}"}} for i in (0, 1, 2)}
STARTS: dict[str, dict[str, Any]] = {
    **LITE,
    **{f"{name}_frozen": {"model": {**start["model"], **FROZEN}} for name, start in LITE.items()},
    **{f"{name}_slow": {**start, **SLOW} for name, start in LITE.items()},
    **{f"{name}_fpn": {"model": {**start["model"], **INIT}} for name, start in LITE.items()},
    "lite0_pretrained": LITE["lite0"],
    "lite0_fpn_people": {"model": {**LITE["lite0"]["model"], **INIT, "weights": "people"}},
    "resnet18": {"model": {"backbone": "resnet18"}},
    "vit_small": {"model": {"backbone": "vit_small_patch16_dinov3", "decoder": "light", "deconv": None}},
}
"""Settings beyond the protocol's."""
OF_THE_HUB = ("resnet18", "vit_small")
TIMED = 24
"""Steps of the short run."""
PART = 1 / 3
"""Of the minutes, for pre-training."""


def config_of(name: str, labels: int, start: str, draw: int, asked: argparse.Namespace) -> Config:
    """Of a start on a protocol's images, of no length yet."""
    protocol, root = PROTOCOLS[f"{name}_deconv"], asked.root / name
    data = replace(
        protocol.config.data,
        labeled=str(asked.data / protocol.source),
        split=str(protocol.split(labels, draw, False, asked.data, root).resolve()),
        cache=str(asked.root / "cache"),
    )
    method = options("supervised", easy=protocol.config.method.easy)
    base = replace(protocol.config, data=data, method=method, seed=draw, threads=1, eval_every=0, log_every=0)
    random = start in OF_THE_HUB and not asked.hub
    return resolve(
        base, {**STARTS[start], "model": {**STARTS[start]["model"], **({"weights": "none"} if random else {})}}
    )


def pretrained(config: Config) -> Config:
    """The recipe `pretrain` with a protocol's images and views, of no length yet."""
    recipe = configure("pretrain")
    method = replace(recipe.method, easy=config.method.easy, multi=f"{without_mirror(config.method.easy)}+ra10")
    return replace(config, method=method, optim=recipe.optim)


def steps_in(minutes: float, config: Config, name: str, root: Path) -> int:
    """How many steps fit, by a short run."""
    timed = run_once(name, replace(config, steps=TIMED), root)
    return max(1, round(60 * minutes / (timed["seconds"] / timed["steps"])))


def folder_of(labels: int, start: str, draw: int, minutes: float) -> str:
    return f"{start}-{labels}labels-{minutes:g}min-draw{draw}"


def run(name: str, labels: int, start: str, draw: int, asked: argparse.Namespace) -> dict[str, Any]:
    """The record of a start, with what a step takes."""
    config, root = config_of(name, labels, start, draw, asked), asked.root / name
    folder = folder_of(labels, start, draw, asked.minutes)
    minutes, before = asked.minutes, list[Path]()
    if start == "lite0_pretrained":
        minutes, first = (1 - PART) * asked.minutes, pretrained(config)
        steps = steps_in(PART * asked.minutes, first, f"timed-{start}-before", root)
        run_once(f"{folder}-before", replace(first, steps=steps), root)
        before = [root / f"{folder}-before"]
    steps = steps_in(minutes, config, f"timed-{start.removesuffix('_people')}", root)
    record = run_once(folder, replace(config, steps=steps), root, before)
    brief = {key: record[key] for key in ("steps", "seconds", "commit")}
    scores = {key: round(value, 3) for key, value in score(record).items()}
    return {**brief, "seconds_per_step": round(record["seconds"] / record["steps"], 4), **scores}


def collect(asked: argparse.Namespace) -> None:
    """Write the record of what is finished, here or in the record that is there."""
    before, runs = stored("starts"), dict[str, Any]()
    summary: dict[str, float] = {}
    for name, usual in LABELS.items():
        for labels in sorted({usual, *asked.labels}):
            key = name if labels == usual else f"{name}_{labels}_labels"
            for start in STARTS:
                done = {
                    draw: run(name, labels, start, draw, asked)
                    for draw in asked.draws
                    if (asked.root / name / folder_of(labels, start, draw, asked.minutes) / "summary.json").exists()
                }
                done |= {
                    draw: before[old] for draw in asked.draws if (old := f"{name} {labels} {start} {draw}") in before
                }
                done = dict(sorted(done.items()))
                runs |= {f"{name} {labels} {start} {draw}": record for draw, record in done.items()}
                summary |= {f"{key}_{start}_{measure}": value for measure, value in means(done).items()}
    write("starts", summary, runs, minutes=asked.minutes, hub=asked.hub)


def means(done: Mapping[int, Mapping[str, Any]]) -> dict[str, float]:
    """Over draws, of a start; empty where none is finished."""
    return {
        key: round(statistics.mean(record[key] for record in done.values()), 4 if key == "seconds_per_step" else 2)
        for key in ("pck", "px", "seconds_per_step")
        if done
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", nargs="*", help="mouse, people, or both")
    parser.add_argument("--start", action="append", choices=STARTS, help="which starts; all by default")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training, for each")
    parser.add_argument("--labels", nargs="*", type=int, default=[], help="instead of the protocol's")
    parser.add_argument("--draws", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--root", type=Path, default=Path("runs/starts"))
    parser.add_argument("--hub", action="store_true", help="weights of timm's hub for resnet18 and vit_small")
    parser.add_argument("--collect", action="store_true", help="write the record of what is finished")
    asked = parser.parse_args()
    if unknown := {*asked.protocol} - {*LABELS}:
        parser.error(f"there is no {unknown.pop()!r}; it can be {', '.join(LABELS)}")
    asked.root = asked.root.resolve()
    if asked.collect:
        return collect(asked)
    for name in asked.protocol or LABELS:
        for draw in asked.draws:
            for labels in asked.labels or [LABELS[name]]:
                for start in asked.start or STARTS:
                    record = run(name, labels, start, draw, asked)
                    shown = {key: round(record[key], 4) for key in ("pck", "px", "seconds_per_step", "steps")}
                    print(name, labels, draw, start, json.dumps(shown), flush=True)
    return None


if __name__ == "__main__":
    main()
