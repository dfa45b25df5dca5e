"""Freed memory is used again instead of being faulted in anew."""

import subprocess
import sys

import pytest

from semipose.engine.memory import keep_freed_memory

FAULTS = """
import resource, sys, torch
from semipose.engine.memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
torch.ones(8 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.ones(8 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is on Linux")
def test_a_tensor_takes_the_pages_of_the_one_before() -> None:
    if not keep_freed_memory():
        pytest.skip("this libc has no mallopt")
    assert faults("keep") < faults("leave") / 4


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False
