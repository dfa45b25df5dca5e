"""`semipose train`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from semipose.config import Config, to_dict
from semipose.errors import UsageError

if TYPE_CHECKING:
    from semipose.training.start import Run


def train(
    data: str | Path | Mapping[str, Any] | None = None,
    *,
    recipe: str | None = None,
    config: str | Path | Config | None = None,
    pair: str | Path | None = None,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: str | Path | None = None,
    init_from: Sequence[str | Path] | str | Path = (),
    from_: str | Path | None = None,
    stop_on_collapse: bool = False,
    print_config: bool = False,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Train on a data.yaml, by a recipe, or both, and write the run's folder with its report.

    Any setting can follow as --section.key=value, and is laid over those of the recipe and the file.

    Args:
        data: A data.yaml: the data section (labeled, unlabeled, val, ...), alone or with others; or the folder that
            semipose init wrote it to.
        recipe: A recipe's name (semipose recipes); auto where no file has settings of its own. Beside a file that has
            some it gives the method and its views, the file all else.
        config: A YAML file of settings, such as a run's config.yaml.
        pair: A result of semipose gap, whose first pair becomes method.easy and method.hard.
        out: The run's folder; runs/<recipe> by default. A name that is taken gets -2.
        overwrite: Replace a run of the same name instead.
        resume: A run folder or checkpoint to continue exactly.
        init_from: Weights to start from: run folders, checkpoints or model.safetensors; one, or one for each network.
        from_: A trained or imported network to start from, whose architecture is taken too: a folder, a
            model.safetensors, or hf://owner/name of a model hub.
        stop_on_collapse: Stop when the collapse monitor fires.
        print_config: Print the resolved configuration and stop.

    Returns: the run: its path, the content of its summary.json, and its configuration. `data` may be the content of a
        data section, and `config` a whole `Config`. With `print_config` nothing is trained.

    Raises:
        UserError: data and settings do not fit, a folder cannot be written, or training failed.
        Stopped: a signal stopped the run, with its checkpoint saved.

    Example: semipose train data.yaml, or semipose train --recipe dual --data data.yaml --model.backbone=resnet50
    --optim.lr=3e-4
    """
    from semipose.config.resolve import read_yaml
    from semipose.papers.configure import configure, has_settings, nested, read_pair

    settings = nested(settings) | ({"stop_on_collapse": True} if stop_on_collapse else {})
    if resume is not None:
        beginning = {"recipe": recipe, "config": config, "data": data, "pair": pair, "init_from": init_from}
        beginning["from"] = from_
        _check_alone({**beginning, "out": out, "overwrite": overwrite, "print_config": print_config})
        chosen, folder = None, Path(resume)
    else:
        name = recipe or (None if config or has_settings(data) else "auto")
        layers = [read_yaml(Path(config))] if isinstance(config, str | Path) else []
        if pair:  # in one layer with a method that is named, which then keeps it
            settings["method"] = {**read_pair(pair), **settings.get("method", {})}
        if from_ is not None:
            if init_from:
                raise UsageError("--from is --init-from with the network's architecture; give one of the two")
            from semipose.models.hub import located, network_of

            init_from = located(from_)
            layers.append({"model": network_of(init_from)})
        chosen = configure(config if isinstance(config, Config) else name, data, *layers, settings)
        folder = Path(out or Path("runs") / (name or chosen.method.name))
    from semipose.training.start import Run, go_on, start

    if print_config and chosen:
        return Run(folder, {}, chosen)
    run = start(chosen, folder, overwrite, init_from, progress) if chosen else go_on(folder, settings, progress)
    if run.summary:
        from semipose.reports.html import report

        report([run.path])
    return run


def _check_alone(beginning: Mapping[str, Any]) -> None:
    """That `resume` comes without what starts a run."""
    given = [f"--{word.replace('_', '-')}" for word, value in beginning.items() if value]
    if given:
        raise UsageError(f"--resume goes on as the run began and takes no {', '.join(given)}; leave that out")


def _print(run: Run, asked: SimpleNamespace) -> None:
    if asked.print_config:
        import yaml

        return print(*yaml.safe_dump(to_dict(run.config), sort_keys=False).splitlines(), sep="\n")
    if not run.summary:  # of several processes, the first alone has one
        return None
    mean = (run.summary.get("val") or {}).get("mean", {})
    pck, middle, score = mean.get("pck"), mean.get("median_error_px"), ""
    if pck is not None or middle is not None:
        # A body of one joint has no size that PCK could be a part of.
        figure = f"PCK {100 * pck:.1f} %" if pck is not None else f"median error {middle:.2f} pixels"
        score = f"{figure} on {run.summary['val_images']} validation samples; "
    if guard := run.summary.get("guard"):
        from semipose.reports.compare import guard_sentence

        print(guard_sentence(guard))
    print(f"{score}wrote {run.path}/model.safetensors, {run.path}/metrics.csv, {run.path}/report.html")
    return None
