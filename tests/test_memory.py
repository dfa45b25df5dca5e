"""Freed memory is used again instead of being faulted in anew."""

import subprocess
import sys

import pytest

from semipose.memory import keep_freed_memory, return_freed_memory

FAULTS = """
import resource, torch
from semipose.memory import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(8 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

left = faults()
keep_freed_memory()
faults()  # the heap grows to where it stays
print(left, faults())
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is on Linux")
def test_a_tensor_takes_the_pages_of_the_one_before() -> None:
    if not keep_freed_memory():
        pytest.skip("this libc has no mallopt")
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    left, kept = map(int, done.stdout.split())
    assert kept < left / 4


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False and return_freed_memory() is False


RETURNED = """
from semipose.memory import keep_freed_memory, return_freed_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 >> 20

keep_freed_memory()
kept = [bytearray(4000) for _ in range(30_000)]  # 120 MB in pieces
full = resident()
del kept[:-1]
freed = resident()
assert return_freed_memory()
print(full, freed, resident())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator is on Linux")
def test_what_is_free_is_handed_back_when_asked() -> None:
    if not keep_freed_memory():
        pytest.skip("this libc has no mallopt")
    done = subprocess.run([sys.executable, "-c", RETURNED], capture_output=True, text=True, check=True)
    full, freed, returned = map(int, done.stdout.split())
    assert freed > full - 60 and returned < full - 60
