"""Write the network behind `model.weights: people` from the run that has trained it.

    semipose train --recipe drawn-people --out runs/drawn-people
    python benchmarks/own_start.py runs/drawn-people

src/semipose/models/people.safetensors in half precision, and people.json: of the run's description the model, its
joints and where it was trained.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from semipose.models.own import OWN
from semipose.models.tensors import description_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--name", choices=OWN, default="people")
    asked = parser.parse_args()
    state, file = load_file(asked.run / "model.safetensors"), OWN[asked.name]
    half = {
        key: value.half() if value.dtype == torch.float32 and value.ndim > 1 else value for key, value in state.items()
    }
    save_file(half, file)
    theirs = description_of(asked.run / "model.safetensors")
    summary = json.loads((asked.run / "summary.json").read_text())
    about = {
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "model": {**theirs["model"], "weights": "none"},
        "skeleton": theirs["skeleton"],
        "trained": {"recipe": f"drawn-{asked.name}", **{key: summary[key] for key in ("steps", "seed", "commit")}},
    }
    file.with_suffix(".json").write_text(json.dumps(about, indent=1) + "\n")
    print(f"{file} {file.stat().st_size / 1e6:.1f} MB, {100 * summary['val']['mean']['pck']:.1f} % of drawn people")


if __name__ == "__main__":
    main()
