"""What unlabelled images give beside the best that labels alone can do: the protocols of docs/protocols.md.

    python benchmarks/promise.py mouse --data ../shared/data --draws 0 1 2
    python benchmarks/promise.py people --data ../shared/data --draws 0 1 --row control --row oracle

A draw is a choice of the labelled images; validation is the same for all. Each draw begins with supervised training;
every row goes on from there, so all share their start. `--row` chooses rows, so that several processes may work side by
side; what is finished is read, what was interrupted goes on. `--collect` writes results/<protocol>.json from what is
finished and the record has not yet: remove the record where the protocol has changed. `--tune` takes the
draw's tuning split: its validation images are other ones, from what is unlabelled else.

Rows: `start2`, a second start from other random numbers; `supervised` (labels alone, the start's views; people's
labelled images are recoloured), controls (what a method's student sees, on labels), methods, `auto_two`, one run from
the first step on, burn-in and all, and `oracle`, which has the labels of all training images. `best` is the method that
was chosen on tuning splits.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from common import run_once, write
from records import stored
from semipose.config import Config, DataConfig, ModelConfig, OptimConfig, to_dict
from semipose.config.resolve import resolve
from semipose.data.open import open_labeled
from semipose.data.split import Split, make_split
from semipose.draws import permutation
from semipose.methods import needs, options
from semipose.papers import mini

TURNS, PEOPLE, HARD = "rotate180+scale25+flip50", "affine30+flip50", "affine60+flip50"
COLOUR, COLOURS = "ra10", "ra20"
FINE: dict[str, Any] = {"decoder": "fpn", "freeze": ["stem", "layer1", "layer2"]}
COARSE: dict[str, Any] = {"decoder": "deconv", "deconv": [128, 128, 128], "freeze": [], "sigma": 2.0}
MUON = OptimConfig(name="muon", lr=0.02, schedule="cosine")


@dataclass(frozen=True)
class Protocol:
    """What all rows of a study share, and the rows.

    Attributes:
        source: of the images, in the folder of data, or synthetic ones.
        labels, train, val, tune: how many labelled images; how many in training, labelled or not; for validation; and,
            of those in training, for validation while tuning.
        start, steps: of the supervised start, and after it.
        config: model, views, optimiser.
        rows: name -> settings beyond those of the start.
        best: the method that the summary compares with the strongest of `CONTROLS`.
        beside: the protocol in whose folder its runs are, where it differs from that in the number of labels alone.
    """

    source: str
    labels: int
    train: int
    val: int
    tune: int
    start: int
    steps: int
    config: Config
    rows: Mapping[str, Mapping[str, Any]]
    best: str = "mum"
    beside: str = ""

    def split(self, labels: int, draw: int, tune: bool, data: Path, root: Path) -> Path:
        """The manifest of a draw: validation is of seed 0 for all, labels are the draw's."""
        path = root / f"split-{labels}-draw{draw}{'-tune' * tune}.json"
        if not path.exists():
            root.mkdir(parents=True, exist_ok=True)
            whole = make_split(open_labeled(self.path(data)), self.train, self.val, unlabeled=0, seed=0)
            pool, val = [whole.labeled[i] for i in permutation(self.train, draw, 7)], whole.val
            if tune:
                pool, val = pool[: -self.tune], tuple(pool[-self.tune :])
            Split(whole.data, tuple(pool[:labels]), tuple(pool[labels:]), val, draw, "random").save(path)
        return path

    def path(self, data: Path) -> str:
        """Of the images, from the folder of data."""
        return self.source if self.drawn else str(data / self.source)

    @property
    def drawn(self) -> bool:
        """Whether the images are synthetic, and lie nowhere."""
        return self.source.startswith("synth:")

    def of_length(self, start: int, steps: int) -> Protocol:
        """The same of another length: rows that have steps of their own keep their ratio, evaluations their number."""
        factor = steps / self.steps
        rows = {
            name: {**row, "steps": round(factor * row["steps"])} if "steps" in row else row
            for name, row in self.rows.items()
        }
        every = max(1, round(factor * self.config.eval_every))
        return replace(self, start=start, steps=steps, rows=rows, config=replace(self.config, eval_every=every))

    def on(self, model: Mapping[str, Any], **method: Any) -> Protocol:
        """The same with another network, and other settings of the method."""
        changed = {"model": replace(self.config.model, **model), "method": replace(self.config.method, **method)}
        return replace(self, config=replace(self.config, **changed))

    def run(self, row: str, draw: int, asked: argparse.Namespace) -> dict[str, Any]:
        """The record of a row, its start trained before it where that is missing."""
        root = asked.root / (self.beside or asked.protocol) / f"draw{draw}{'-tune' * asked.tune}"
        oracle = row == ORACLE
        labels = self.train - self.tune * asked.tune if oracle else asked.labels or self.labels
        config = replace(
            self.config,
            data=replace(
                self.config.data,
                labeled=self.path(asked.data),
                split=str(self.split(labels, draw, asked.tune, asked.data, root).resolve()),
                cache=str(asked.root / "cache"),
            ),
            seed=draw,
            threads=asked.threads,
        )
        names = [f"{START}-{labels}", f"{START2}-{labels}"]
        began = run_once(names[0], replace(config, steps=self.start), root)
        if row == START:
            return began
        if row == START2:
            return run_once(names[1], replace(config, steps=self.start, seed=draw + SECOND), root)
        if row == WHOLE:
            steps, method = self.start + self.steps, self.rows[row]["method"]
            part = self.start / steps
            asked_for = {"steps": steps, "optim": {"restart": part}, "method": {**method, "burn_in": part}}
            return run_once(f"{row}-{labels}", resolve(config, asked_for), root)
        whole = resolve(config, {"steps": self.steps, **self.rows[row]})
        if needs(whole.method.name).networks > 1:  # equal ones would teach each other what they know
            self.run(START2, draw, asked)
        else:
            del names[1]
        return run_once(f"{row}-{labels}", whole, root, [root / name for name in names])


JOINTS = ("mouse", "people", "mouse_deconv", "people_deconv")
"""Protocols of which pages tell the joints apart."""
START, START2, ORACLE, WHOLE = "start", "start2", "oracle", "auto_two"
SECOND = 100
"""Between the seeds of two starts of a draw."""
CONTROLS = (START, "supervised", "plain", "colour", "mixed", "longer", "longest", "hidden", "hidden_longest")


def mixed(tiles: list[int]) -> dict[str, Any]:
    return {"mix_group": 4, "mix_tiles": tiles}


def rows(
    easy: str, hard: str, tiles: list[int], batch: int, steps: int, slower: float, masked: int, covered: int
) -> dict[str, dict[str, Any]]:
    """The rows of a protocol.

    Args:
        slower: how much longer a step of MUM takes than a supervised one.
        masked, covered: how many joints of a body Joint Cutout masks and joint cut-occlude covers.
    """
    more = {"batch": batch // 2, "unlabeled_batch": 3 * batch // 2}  # as many images in all
    ours = {"easy": easy, "hard": hard, **mixed(tiles)}
    jo, jc = f"jo{covered}", f"jc{masked}"
    occluded = {"easy": easy, "hard": f"{jo}+affine30", "hard_of": "easy"}
    paths = {"easy": easy, "paths": [f"{jo}+co5", f"{jc}+cm2", jc, jo]}
    recoloured = [word for word in hard.split("+") if word in (COLOUR, COLOURS)]
    hidden = {"labeled": "+".join([easy, *recoloured, jo])}  # where the labels say that joints are
    jo4 = {"name": "single", **occluded, "weight": 4.0}  # what the four paths of multiaugs add up to
    average = {"name": "pose_mum_plus", "mix_after": [], "decay": 0.98}
    average4 = {**average, **occluded, "mix_group": 1, "weight": 4.0}
    return {
        "supervised": {},
        "plain": {"method": {"labeled": None}},
        "colour": {"method": {"labeled": f"{easy}+{COLOUR}"}},
        "mixed": {"method": {"mix_labeled": 4, "mix_tiles": tiles}},
        "hidden": {"method": hidden},
        "longer": {"steps": round(slower * steps)},
        "longest": {"steps": 4 * steps},  # the minutes of multiaugs
        "hidden_longest": {"method": hidden, "steps": 4 * steps},
        "mum": {"method": {"name": "mum", **ours}},
        "mum_average": {"method": {**ours, **average}},
        "mum_colour": {"method": {"name": "mum", **ours, "hard": f"{hard}+{COLOUR}"}},
        "mum_more": {"method": {"name": "mum", **ours}, "optim": more},
        "mum_more_views": {"method": {"name": "mum", **ours, "views": 4, "multi": easy}, "optim": more},
        "mum_long": {"method": {"name": "mum", **ours}, "optim": more, "steps": 3 * steps},
        "mum_views": {"method": {"name": "mum", **ours, "views": 2, "multi": "flip100"}},
        "dual": {"method": {"name": "dual", "easy": easy, "hard": f"{hard}+jc{masked}"}},
        "multiaugs": {"method": {"name": "multiaugs", **paths}},
        "multiaugs_dual": {"method": {"name": "multiaugs_dual", **paths}},
        "dual_jo": {"method": {"name": "dual", **occluded}},
        "dual_jo4": {"method": {"name": "dual", **occluded, "weight": 4.0}},
        "dual_mum": {"method": {"name": "dual", **ours}},
        WHOLE: {"method": {"name": "guarded_dual", **ours}},
        "single_jo": {"method": {"name": "single", **occluded}},
        "mum_jo": {"method": {"name": "mum", **occluded, **mixed(tiles)}},
        "mum_jo4": {"method": {"name": "mum", **occluded, **mixed(tiles), "weight": 4.0}},
        "single_onto": {"method": {"name": "single", **occluded, "hard": "affine30"}},
        "single_jo4": {"method": jo4},
        "single_jo8": {"method": {**jo4, "weight": 8.0}},
        "average_jo4": {"method": average4},
        "average_jo4_half": {"method": average4, "steps": steps // 2},
        "single_jo4_half": {"method": jo4, "steps": steps // 2},
        "sspcm": {"method": {"name": "sspcm", **occluded}},
        "sspcm_long": {"method": {"name": "sspcm", **occluded}, "steps": 3 * steps},
        "contrast": {"method": {"name": "dense_contrast", "easy": easy, "multi": f"{hard}+{COLOUR}", "weight": 0.001}},
        ORACLE: {},
    }


PROTOCOLS = {
    "mouse": Protocol(
        "mouse_topview/keypoints.json",
        labels=10,
        train=500,
        val=400,
        tune=200,
        start=600,
        steps=1000,
        config=Config(
            DataConfig(reach=35.0),
            ModelConfig("tf_efficientnet_lite0", size=[96, 96], sigma=1.0, padding=1.0, **FINE),
            options("supervised", easy=TURNS),
            replace(MUON, batch=8),
            threshold=0.05,
            decode="dark",
            eval_every=200,
            save_every=0,
        ),
        rows=rows(TURNS, TURNS, [3, 3], 8, 1000, 1.7, masked=3, covered=1),
    ),
    "people": Protocol(
        "lspet",
        labels=100,
        train=4000,
        val=1000,
        tune=1000,
        start=600,
        steps=1200,
        config=Config(
            DataConfig(),
            ModelConfig("tf_efficientnet_lite0", size=[128, 96], padding=1.0, **FINE),
            options("supervised", easy=PEOPLE, labeled=f"{PEOPLE}+{COLOUR}"),
            replace(MUON, batch=16),
            threshold=0.1,
            decode="dark",
            eval_every=200,
            save_every=0,
        ),
        rows=rows(PEOPLE, f"{HARD}+{COLOUR}", [4, 3], 16, 1200, 2.2, masked=5, covered=2),
        best="mum_long",
    ),
}
PROTOCOLS["people_drawn"] = replace(PROTOCOLS["people"].on({"weights": "people", "sigma": 1.5}), best="multiaugs_dual")
"""People again, from the network of drawn people that comes with the package."""
TURNED = PROTOCOLS["people_drawn"].on({}, easy=TURNS, labeled=f"{TURNS}+{COLOUR}")
PROTOCOLS["people_turned"] = replace(
    TURNED,
    config=replace(TURNED.config, data=DataConfig(reach=35.0)),
    rows=rows(TURNS, f"{TURNS}+{COLOUR}", [4, 3], 16, 1200, 2.2, masked=5, covered=2),
)
"""The same with views that `init` chooses for people who do not stand upright: turned by any angle."""
PROTOCOLS["drawn"] = Protocol(
    "synth:studio?seed=11&count=3000",
    labels=20,
    train=2000,
    val=1000,
    tune=500,
    start=600,
    steps=1200,
    config=Config(
        DataConfig(),
        mini.base(options("supervised")).model,
        options("supervised", easy=PEOPLE, labeled=f"{PEOPLE}+{COLOURS}"),
        replace(MUON, lr=0.05, batch=16),
        threshold=0.1,
        decode="dark",
        eval_every=200,
        save_every=0,
    ),
    rows=rows(PEOPLE, f"{HARD}+{COLOURS}", [4, 3], 16, 1200, 2.2, masked=5, covered=2),
    best="mum_more",
)
"""Drawn people and the small network of the mini protocol, from random weights: steps are cheap here."""
PROTOCOLS["drawn_100"] = replace(PROTOCOLS["drawn"], labels=100, beside="drawn")
PROTOCOLS["mouse_deconv"] = PROTOCOLS["mouse"].on(COARSE).of_length(600, 500)
PROTOCOLS["people_deconv"] = replace(
    PROTOCOLS["people"].on(COARSE, labeled=None),
    labels=200,
    start=500,
    steps=700,
    rows=rows(PEOPLE, HARD, [4, 3], 16, 700, 2.2, masked=5, covered=2),
    best="mum",
)
"""The same with SimpleBaseline's decoder, which reads the last stage alone, and no frozen stages."""


def score(record: Mapping[str, Any]) -> dict[str, float]:
    """PCK at the protocol's threshold and errors beyond a tenth of the body, in %; the median error in pixels."""
    whole = record["val"]["mean"]
    beyond = 100 * (1 - whole["curve"][record["val"]["thresholds"].index(0.1)])
    return {"pck": 100 * whole["pck"], "gross": beyond, "px": whole["median_error_px"]}


def collect(name: str, asked: argparse.Namespace) -> None:
    """Write the record of the rows and draws that are finished, here or in the record that is there."""
    protocol, before, runs, scores = PROTOCOLS[name], stored(name), {}, {}
    for draw in asked.draws:
        for row in (START, *protocol.rows):
            key, labels = f"{row} {draw}", protocol.train if row == ORACLE else asked.labels or protocol.labels
            if key in before:
                runs[key] = before[key]
            elif (asked.root / (protocol.beside or name) / f"draw{draw}" / f"{row}-{labels}" / "summary.json").exists():
                record = protocol.run(row, draw, asked)
                runs[key] = {**brief(record), **score(record)}
            if key in runs and name not in JOINTS:
                runs[key]["val"]["mean"].pop("per_joint", None)
            if key in runs:
                scores.setdefault(row, {})[draw] = {measure: runs[key][measure] for measure in ("pck", "gross", "px")}
    control = strongest(scores, protocol.best)
    write(name, summary(scores, control, protocol.best), runs, control=control, best=protocol.best)


def brief(record: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run's record what the protocol does not say: without the settings that its method has by default, and of its
    curves those of accuracy, the student's on validation and the teacher's on unlabelled images."""
    method = record["config"]["method"]
    usual = to_dict(options(method["name"]))
    own = {key: value for key, value in method.items() if key == "name" or value != usual.get(key)}
    curves = [
        {name: column for name, column in table.items() if not name.startswith("response/")}
        for table in record["curves"]
    ]
    kept = {key: value for key, value in record.items() if key not in ("boxes", "parameters")}
    return {
        **kept,
        "config": {**record["config"], "method": own},
        "curves": [table for table in curves if len(table) > 1],
    }


def strongest(scores: Mapping[str, Mapping[int, Mapping[str, float]]], best: str) -> str:
    """Of the controls that have all draws of `best`, the one with the highest PCK; supervised training where none
    has."""
    whole = [row for row in CONTROLS if scores[best].keys() <= scores.get(row, {}).keys()]
    if not whole:
        return "supervised"
    return max(whole, key=lambda row: statistics.mean(scores[row][draw]["pck"] for draw in scores[best]))


def summary(scores: Mapping[str, Mapping[int, Mapping[str, float]]], control: str, best: str) -> dict[str, float]:
    """Means over the draws of `best` and `control`; shares of the gap over those of them that have an oracle, if any
    has; each row over its own draws."""
    draws = sorted(scores[best].keys() & scores[control].keys())
    known = [draw for draw in draws if draw in scores.get(ORACLE, {})]

    def mean(row: str, key: str, over: Sequence[int] = draws) -> float:
        return statistics.mean(scores[row][draw][key] for draw in over)

    def share(key: str) -> float:
        return (mean(best, key, known) - mean(control, key, known)) / (
            mean(ORACLE, key, known) - mean(control, key, known)
        )

    gains = [scores[best][draw]["pck"] - scores[control][draw]["pck"] for draw in draws]
    whole: dict[str, float] = {}
    for key, ending in (("pck", ""), ("gross", "_gross"), ("px", "_px")):
        whole |= {f"control{ending}": mean(control, key), f"best{ending}": mean(best, key)}
        if known:
            whole[f"oracle{ending}"] = mean(ORACLE, key, known)
    whole |= {
        "best_minus_control": statistics.mean(gains),
        "least_gain": min(gains),
        **({"gap_share": share("pck"), "gap_share_gross": share("gross")} if known else {}),
        "ratio": whole["best_gross"] / whole["control_gross"],
        "draws": len(draws),
        "gap_draws": len(known),
    }
    return {key: round(value, 3) for key, value in whole.items()} | row_means(scores)


def row_means(scores: Mapping[str, Mapping[int, Mapping[str, float]]]) -> dict[str, float]:
    """Of every row the means over its own draws."""
    whole: dict[str, float] = {}
    for row, of in scores.items():
        whole[f"row_{row}"] = round(statistics.mean(each["pck"] for each in of.values()), 3)
        whole[f"row_{row}_gross"] = round(statistics.mean(each["gross"] for each in of.values()), 3)
        whole[f"row_{row}_draws"] = len(of)
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("protocol", choices=PROTOCOLS)
    parser.add_argument("--row", action="append", help="which rows to train; all by default")
    parser.add_argument("--draws", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--labels", type=int, default=0, help="instead of the protocol's")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--root", type=Path, default=Path("runs/promise"))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--collect", action="store_true", help="write the record of what is finished")
    asked = parser.parse_args()
    asked.root = asked.root.resolve()
    if asked.collect:
        collect(asked.protocol, asked)
    for draw in () if asked.collect else asked.draws:
        for row in asked.row or PROTOCOLS[asked.protocol].rows:
            found = score(PROTOCOLS[asked.protocol].run(row, draw, asked))
            print(draw, row, json.dumps({key: round(value, 2) for key, value in found.items()}), flush=True)


if __name__ == "__main__":
    main()
