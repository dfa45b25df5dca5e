"""`semipose push`."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace


def push(run: str | Path, name: str, *, private: bool = False, dry: bool = False) -> str:
    """Put a finished run's network on a model hub, with a card of its facts.

    Weights (safetensors), their description and the card are sent, and nothing else; files of data are named in the
    card without their folders. `semipose train --from hf://owner/name` starts from it.

    Args:
        run: The run's folder.
        name: Of the repository, as owner/name; it is made where it is not there.
        private: Make it a private one.
        dry: Send nothing; print the card.

    Returns: the address of the commit, or the card.

    Raises:
        UserError: the run has not finished, its weights are damaged, or the hub refuses.

    Example: semipose push runs/dual owner/mouse-from-above
    """
    from semipose.models.hub import send
    from semipose.models.weights import load_model
    from semipose.reports.card import card

    folder = Path(run)
    text = card(folder, name)
    if dry:
        return text
    load_model(folder)  # which checks weights and description
    files: dict[str, bytes | Path] = {each: folder / each for each in ("model.safetensors", "model.json")}
    return send(name, {**files, "README.md": text.encode()}, private)


def _print(result: str, asked: SimpleNamespace) -> None:
    print(result if asked.dry else f"sent {asked.run} to {result}")
