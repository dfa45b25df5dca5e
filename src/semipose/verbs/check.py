"""`semipose check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from semipose.config import Config, DataConfig
from semipose.data.sample import PoseData
from semipose.errors import UsageError, UserError
from semipose.files import ready

if TYPE_CHECKING:
    from semipose.data.checks.check import Finding, Report
    from semipose.inference.doubts import Doubt
    from semipose.inference.predictor import Predictor


def check(
    data: str | Path | PoseData | None = None,
    *,
    unlabeled: str | Path | PoseData | None = None,
    val: str | Path | PoseData | None = None,
    category: str | None = None,
    outside: bool = False,
    model: str | Path | None = None,
    html: str | Path | None = None,
    progress: bool = True,
) -> Report:
    """Say what is in the data, what is wrong with it, and what to do.

    Of a data.yaml also what its training lacks, and what will be slow. Exit code 1 where something stops training.

    Args:
        data: A data.yaml, or labelled data.
        unlabeled: Unlabelled data, where no data.yaml names it.
        val: Validation data, where no data.yaml names it.
        category: Which kind of thing, by name, where the labels have several with other joints, and no data.yaml says.
        outside: Read images outside the folder of the labels too, where no data.yaml says so.
        model: A trained run, or model.safetensors: name the labels far from what it predicts. Those that it was trained
            on it may know by heart.
        html: Also write a page, with pictures of such labels.

    Returns: the report; its `ok` is False where something stops training, and `text()` is what the shell prints.

    Raises:
        UserError: the model cannot be read or has none of the joints, or the page cannot be written. What cannot be
            read of the data is in the report.

    Example: semipose check data.yaml --html check.html
    """
    from semipose.config.resolve import is_data_yaml
    from semipose.data.readers.yolo import is_yolo

    if html is not None:
        from semipose.reports.html import PAGE

        ready(Path(html), PAGE)
    sources: Mapping[str, Any] = {"labeled": data, "unlabeled": unlabeled, "val": val}
    if all(source is None for source in sources.values()):
        raise UsageError("name labelled data, or a data.yaml with --data")
    config = None
    if isinstance(data, str | Path) and is_data_yaml(Path(data)) and not is_yolo(str(data)):
        if category is not None or outside:
            raise UsageError(f"{data} names its category and what lies outside; leave out --category and --outside")
        if unlabeled is not None or val is not None:
            raise UsageError(f"{data} names its unlabelled and validation data; leave out --unlabeled and --val")
        config, sources = _named(Path(data))
    read = {use: _opened(use, source, category, outside) for use, source in sources.items()}
    return _checked(read, config, model, html, progress)


def _named(file: Path) -> tuple[Config, Mapping[str, Any]]:
    """What a data.yaml says, and the data it names."""
    from semipose.data.datasets import open_sets, opened
    from semipose.data.split import Split
    from semipose.inference.boxes import finder_in
    from semipose.methods import switched
    from semipose.papers.configure import configure, has_settings

    whole = has_settings(file)
    config = configure(None if whole else "dual", file)
    split = config.data.split
    unlabeled = bool(config.data.unlabeled or (split and Split.load(Path(split)).unlabeled))
    if not unlabeled and not whole:  # no method is named, so none lacks anything
        config = replace(config, method=switched(config.method, "supervised"))
    try:
        return config, vars(open_sets(config.data, unlabeled, finder_in(None), checked=False))
    except UserError:
        pass  # which of them it was, and what is wrong with the others, is said of each
    rest = replace(config.data, unlabeled=None)
    try:
        sets: Mapping[str, Any] = vars(open_sets(rest, False, finder_in(None), checked=False))
    except UserError as error:
        held = _or_error(lambda: opened(rest.val or "", rest.val_images, rest)) if rest.val else None
        sets = {"labeled": error, "val": held if not _same(held, error) else None}
    return config, {**sets, "unlabeled": _or_error(lambda: _unlabeled(config.data)) if config.data.unlabeled else None}


def _unlabeled(data: DataConfig) -> PoseData:
    """The unlabelled data of a data.yaml, as training opens them."""
    from semipose.data.open import open_unlabeled
    from semipose.data.video import windowed
    from semipose.inference.boxes import finder_in

    how = (data.unlabeled_images, windowed(data.frames, data.window), data.unlabeled_boxes, data.cache)
    return open_unlabeled(data.unlabeled or "", *how, finder_of=finder_in(None), outside=data.outside)


def _or_error(read: Callable[[], PoseData]) -> PoseData | UserError:
    """What is read, or why not."""
    try:
        return read()
    except UserError as error:
        return error


def _same(one: object, other: UserError) -> bool:
    return isinstance(one, UserError) and str(one) == str(other)


def _opened(use: str, source: Any, category: str | None, outside: bool) -> Any:
    """The data, or why they cannot be read: the report says so, beside the faults of the others."""
    from semipose.data.open import open_all, open_unlabeled

    if not isinstance(source, str | Path):
        return source
    if use == "unlabeled":
        return _or_error(lambda: open_unlabeled(source, outside=outside))
    return _or_error(lambda: open_all(source, None, category, None, outside))


def _checked(
    sources: Mapping[str, Any],
    config: Config | None,
    model: str | Path | None,
    html: str | Path | None,
    progress: bool,
) -> Report:
    from semipose.data.checks.check import Finding, check
    from semipose.data.checks.training import coarse, needed, slow
    from semipose.data.pictures import not_read
    from semipose.data.readers.folder import strange_in

    predictor = _loaded(model) if model else None  # one that cannot be read is refused before any image is
    paired = config is not None and (config.data.skeleton or {}).get("pairs") is not None
    said = {"coordinates": config.data.coordinates is not None, "boxes": config.data.boxes != "own"} if config else {}
    settled = [word for word, is_it in said.items() if is_it]
    labeled, unlabeled, val = (sources.get(use) for use in ("labeled", "unlabeled", "val"))
    report = check(labeled, unlabeled, val, progress, paired=paired, settled=settled)
    opened = {use: data for use, data in sources.items() if isinstance(data, PoseData)}
    more = [*needed(config, sources), *slow(config, opened), *coarse(config, opened)] if config else []
    strange = not_read(strange_in(config.data.unlabeled)) if config and config.data.unlabeled else ""
    more += [Finding(False, f"unlabeled: {strange}")] if strange else []
    doubts, doubted = _doubts(predictor, str(model), opened) if predictor else ([], [])
    report = replace(report, findings=(*report.findings, *more, *doubted))
    if html is not None:
        from semipose.reports.check import page

        page(report, sorted(doubts, key=lambda doubt: -doubt.far), Path(html), opened.get("labeled"))
    return report


def _loaded(model: str | Path) -> Predictor:
    from semipose.inference.predictor import Predictor

    return Predictor.load(model)


def _doubts(predictor: Predictor, model: str, opened: Mapping[str, PoseData]) -> tuple[list[Doubt], list[Finding]]:
    """Labels far from what a model predicts, one by one and as findings."""
    from semipose.data.checks.check import Finding
    from semipose.inference.doubts import doubtful

    doubts: list[Doubt] = []
    findings: list[Finding] = []
    for use in ("labeled", "val"):
        if use in opened and (some := doubtful(predictor, opened[use], model)):
            ids = tuple(f"{d.sample.id}: {', '.join(f'{j} {px:.0f} px' for j, px in d.joints.items())}" for d in some)
            text = f"{use}: {len(some)} samples have labels far from what {model} predicts, farthest first"
            findings.append(Finding(False, text, ids, "look at the labels first, then at the model"))
            doubts += some
    return doubts, findings


def _print(report: Report, asked: SimpleNamespace) -> int:
    print(*report.text().split("\n"), sep="\n")
    if asked.html:
        print(f"wrote {asked.html}")
    return int(not report.ok)
