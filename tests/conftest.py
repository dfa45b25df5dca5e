"""For every test: one CPU thread (small tensors run slower on more), and no deadline a busy machine could miss."""

from __future__ import annotations

import torch
from hypothesis import settings

torch.set_num_threads(1)
settings.register_profile("semipose", deadline=None)
settings.load_profile("semipose")
