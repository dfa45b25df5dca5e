"""Tables run row by row: what is trained, reused, resumed and written, on a made-up paper of tiny runs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from semipose.cli import main
from semipose.config import Config
from semipose.errors import UserError
from semipose.papers import find as papers
from semipose.papers import measures as scores
from semipose.papers.reproduction import configured
from semipose.papers.results import Setting, markdown
from semipose.papers.tables import Make, Paper, Plan, Row, Table
from semipose.training import loop as engine
from semipose.verbs.reproduce import reproduce
from tests.fixtures.runs import tiny

SHORT = {"steps": 2, "save_every": 1, "eval_every": 0, "log_every": 1, "optim": {"batch": 2}}
TRAINED: list[tuple[str, int]] = []


def made(method: str, **changes: Any) -> Make:
    return lambda seed, root: replace(tiny(Path("cache"), method, **{**SHORT, **changes}), seed=seed)


PLANS = {
    "first": Plan({"mini": made("supervised")}),
    "pair": Plan({"mini": made("dual")}),
    "pupil": Plan({"mini": made("pseudopose")}, teacher="first"),
    "tuned": Plan({"mini": made("supervised", optim={"lr": 0.0, "batch": 2})}, start="pair"),
    "large": Plan({"paper": made("supervised")}, labels=3),
}
ROWS = (
    Row("Supervised", "first", 31.5),
    Row("Pair, first", "pair", 41.5, network="a"),
    Row("Pair, second", "pair", 41.6, network="b"),
    Row("Pair", "pair"),
    Row("PseudoPose", "pupil", 37.2),
    Row("Fine-tuned", "tuned", 42.7, "MPJPE mm"),
    Row("Only on GPUs", "large", 77.2),
)
TABLES = {
    "table1": Table("Some methods", ROWS, "A remark."),
    "table2": Table("One again", (Row("As before", "first"),)),
    "figure5": Table("Views", tuple(Row(view, "first", view=view) for view in ("none", "affine60"))),
}
MADE_UP = Paper("Nobody, 1900", "Nobody", TABLES, PLANS)


@pytest.fixture(autouse=True)
def _made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The paper in place, counting what is trained; in a folder of its own."""
    TRAINED.clear()
    monkeypatch.setattr(scores, "PEOPLE", 1)
    monkeypatch.setattr(papers, "PAPERS", ("nobody",))
    monkeypatch.setattr(papers, "import_module", lambda name: SimpleNamespace(PAPER=MADE_UP))
    monkeypatch.chdir(tmp_path)
    train = engine.run_training

    def counted(config: Config, run: Any, *rest: Any, **named: Any) -> dict[str, Any]:
        TRAINED.append((run.path.name, config.seed))
        return train(config, run, *rest, **named)

    monkeypatch.setattr(engine, "run_training", counted)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {"cache": str(tmp_path_factory.mktemp("cache"))}


@pytest.mark.slow
def test_a_table_beside_the_paper_s_numbers_and_nothing_trained_twice(cache: dict[str, str]) -> None:
    (table,) = reproduce("nobody/table1", seeds=(0, 1), out="out", progress=False, data=cache)
    assert sorted(TRAINED) == sorted((f"{n}-seed{s}", s) for n in ("first", "pair", "pupil", "tuned") for s in (0, 1))
    rows = {row["label"]: row for row in table["rows"]}
    record = {s: json.loads(Path(f"out/pair-seed{s}.json").read_text()) for s in (0, 1)}
    for label, network in (("Pair, first", "a"), ("Pair, second", "b")):
        own = [100 * record[s]["summary"]["val"]["networks"][network]["pck"] for s in (0, 1)]
        assert rows[label]["mean"] == pytest.approx(sum(own) / 2, abs=0.01)
        assert rows[label]["spread"] == pytest.approx(abs(own[0] - own[1]) / 2**0.5, abs=0.01)
    both = (rows["Pair, first"]["mean"] + rows["Pair, second"]["mean"]) / 2
    assert rows["Pair"]["mean"] == pytest.approx(both, abs=0.02)
    assert rows["Pair"]["student"] is not None and rows["Supervised"]["student"] is None
    assert rows["Only on GPUs"]["mean"] is None and not rows["Only on GPUs"]["runs"]
    assert rows["Fine-tuned"]["measured"] == "MPJPE mm" and rows["Pair"]["measured"] == "PCK@0.1"
    assert all(mm > 0 for mm in rows["Fine-tuned"]["scores"].values())
    text = Path("out/table1.md").read_text()
    assert "| Supervised | 31.5 AP |" in text and "PCK@0.1" in text and "A remark." in text
    assert json.loads(Path("out/table1.json").read_text())["rows"][1]["paper"] == 41.5
    assert record[0]["config"]["method"]["name"] == "dual" and len(record[0]["curves"]) == 2
    pupil = json.loads(Path("out/pupil-seed1.json").read_text())
    assert pupil["config"]["method"]["teacher"].endswith("first-seed1")

    TRAINED.clear()
    again = reproduce("nobody", seeds=(0, 1), out="out", progress=False, data=cache)
    assert not TRAINED and [t["table"] for t in again] == list(TABLES)
    assert again[0]["rows"] == table["rows"]
    views = {row["label"]: row for row in again[2]["rows"]}
    assert views["affine60"]["measured"] == "PCK@0.1" and len(views["none"]["scores"]) == 2

    reproduce("nobody/table2", out="out", progress=False, data=cache, optim={"lr": 0.5})
    assert TRAINED == [("first-seed0-2", 0)]  # another configuration: beside what is there, not over it
    assert markdown(again[0]) in Path("out/table1.md").read_text()


@pytest.mark.slow
def test_what_starts_from_another_row_starts_from_its_network(cache: dict[str, str]) -> None:
    """With a learning rate of 0, the tuned network is network a of the pair."""
    from semipose.models.weights import load_model

    reproduce("nobody/table1", out="out", progress=False, data=cache)
    one, other = (dict(load_model(Path(f"out/{n}-seed0")).network.named_parameters()) for n in ("pair", "tuned"))
    assert all(bool((one[name] == other[name]).all()) for name in one)


def test_an_interrupted_run_goes_on(cache: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after the first step of the second run: the first is kept, the second resumed, as if never stopped."""
    whole = reproduce("nobody/table2", out="whole", progress=False, data=cache)
    TRAINED.clear()
    train = engine.run_training

    def stops(config: Config, run: Any, *rest: Any, **named: Any) -> dict[str, Any]:
        found = train(config, run, *rest, **named, stop_at=1)
        raise KeyboardInterrupt if not found else AssertionError

    monkeypatch.setattr(engine, "run_training", stops)
    with pytest.raises(KeyboardInterrupt):
        reproduce("nobody/table2", out="out", progress=False, data=cache)
    assert not Path("out/first-seed0/summary.json").exists()
    monkeypatch.setattr(engine, "run_training", train)
    resumed = reproduce("nobody/table2", out="out", progress=False, data=cache)
    assert [name for name, _ in TRAINED] == ["first-seed0", "first-seed0"]
    assert resumed[0]["rows"] == whole[0]["rows"]
    steps = [row["step"] for row in json.loads(Path("out/first-seed0.json").read_text())["curves"]]
    assert steps == [1, 2]


def test_an_interrupted_run_goes_on_with_another_accelerator(
    cache: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a resumed run and a recorded one may differ in is the same."""
    asked = {"out": "out", "progress": False, "data": cache}
    train = engine.run_training
    monkeypatch.setattr(engine, "run_training", lambda *rest, **named: train(*rest, **named, stop_at=1))
    with pytest.raises(FileNotFoundError):  # a run that ended early has no summary
        reproduce("nobody/table2", accelerator="cpu", **asked)
    monkeypatch.setattr(engine, "run_training", train)
    (table,) = reproduce("nobody/table2", accelerator="auto", workers=1, save_every=7, **asked)
    assert table["rows"][0]["runs"] == ["first-seed0"] and table["rows"][0]["mean"] is not None
    (again,) = reproduce("nobody/table2", accelerator="cpu", train=False, **asked)
    assert again["rows"] == table["rows"]


def test_what_is_not_finished_is_left_out_where_nothing_is_to_be_trained(cache: dict[str, str]) -> None:
    asked = {"out": "out", "progress": False, "data": cache}
    (empty,) = reproduce("nobody/table1", train=False, **asked)
    assert not TRAINED and all(row["mean"] is None and not row["runs"] for row in empty["rows"])
    (trained,) = reproduce("nobody/table2", **asked)
    (table,) = reproduce("nobody/table1", train=False, **asked)
    assert TRAINED == [("first-seed0", 0)]
    assert table["rows"][0]["mean"] == trained["rows"][0]["mean"] is not None
    assert all(row["mean"] is None for row in table["rows"][1:])


def test_at_paper_scale_labels_are_drawn_and_a_dry_run_makes_do(cache: dict[str, str]) -> None:
    people = {"labeled": "synth:studio?count=8", "unlabeled": None, "val": None, **cache}
    asked = Setting("paper", Path("out"), None, {"data": people}, 0, False)
    split = json.loads(Path(str(configured(PLANS["large"], 4, asked).data.split)).read_text())
    assert len(split["labeled"]) == 3 and len(split["unlabeled"]) == 5 and split["seed"] == 4
    (table,) = reproduce("nobody/table1", scale="paper", out="dry", dry_run=1, progress=False, data=people)
    summary = json.loads(Path("dry/large-seed0/summary.json").read_text())
    assert summary["steps"] == 1 and summary["labels"] == 3 and summary["val_images"] == 1
    assert table["rows"][-1]["measured"] == "AP" and "dry run of 1 steps" in markdown(table)


def test_errors_say_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    for target, said in (("nobodi/table1", "no paper"), ("nobody/table9", "table1, table2, figure5")):
        with pytest.raises(UserError, match=said):
            reproduce(target)
    with pytest.raises(UserError, match="--seeds"):
        reproduce("nobody/table1", seed=3)
    with pytest.raises(UserError, match="--scale paper"):
        reproduce("nobody/table1", data="data")
    with pytest.raises(UserError, match="scale"):
        reproduce("nobody/table1", scale="huge")  # type: ignore[arg-type]
    assert main(["reproduce", "nobody/table9"]) == 1
    assert "table9" in capsys.readouterr().err


def test_the_verb_prints_the_table_and_names_its_files(
    cache: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["reproduce", "nobody/table2", "--out", "out", f"--data.cache={cache['cache']}"]
    assert main(words) == 0
    printed = capsys.readouterr()
    assert "| As before |" in printed.out and "out/table2.md" in printed.out
    assert "[1/1] first, seed 0" in printed.err


def test_a_row_is_a_command_of_its_own(cache: dict[str, str]) -> None:
    (table,) = reproduce("nobody/first", out="out", progress=False, train=False, data=cache)
    assert [row["label"] for row in table["rows"]] == [
        *("table1: Supervised", "table2: As before", "figure5: none", "figure5: affine60")
    ]
    assert table["files"][0].name == "first.json"
