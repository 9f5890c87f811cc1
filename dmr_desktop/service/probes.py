"""The loader's view of the machine and of models' files, replaceable in tests."""

from collections.abc import Callable
from dataclasses import dataclass

from dmr_desktop.protocol.models import ModelFiles
from dmr_desktop.service.memory import MachineMemory, ProcessMemory
from dmr_desktop.service.model_check import Inspected, inspect_model


@dataclass(frozen=True, slots=True)
class Probes:
    """``inspect`` may block, and raises as :func:`.model_check.inspect_model`; the others are measured in bytes."""

    inspect: Callable[[ModelFiles], Inspected]
    available: Callable[[], int]
    process: Callable[[int], ProcessMemory]


def real_probes() -> Probes:
    memory = MachineMemory()
    return Probes(inspect_model, memory.available, memory.of_process)
