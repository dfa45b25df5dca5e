from __future__ import annotations

import pytest

from semipose.errors import UsageError
from semipose.models.config import ModelConfig
from semipose.options import check_limits


def test_the_default_is_the_first_paper_s_network() -> None:
    config = ModelConfig()
    assert (config.backbone, config.weights, config.size, config.sigma) == ("resnet18", "imagenet", [256, 192], 2.0)
    assert (config.deconv, config.padding, config.bgr, config.options) == (None, 1.25, False, {})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"size": [256]}, r"^model.size is \[256\]; it is a height and a width in pixels"),
        ({"size": [256, 0]}, r"^model.size is \[256, 0\]"),
        ({"sigma": 0.0}, "^model.sigma is 0; it is a width in cells"),
        ({"deconv": [8, 0]}, r"^model.deconv is \[8, 0\]; it is the channels of each"),
        ({"padding": -1.0}, "^model.padding is -1; it is a factor above 0"),
    ],
)
def test_a_value_out_of_its_limit_is_named(values: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_limits(ModelConfig(**values), "model.")
