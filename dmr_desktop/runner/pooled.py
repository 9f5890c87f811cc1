"""Serves rows of numbers: what waits together is computed together; a large request is cut, so that a cancelled one
ends soon.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import NoReturn, TypeAlias

import numpy as np
import numpy.typing as npt

from dmr_desktop.protocol.errors import DMRError
from dmr_desktop.protocol.json_types import JSON
from dmr_desktop.protocol.wire import dump
from dmr_desktop.runner.burst import rest_of_burst
from dmr_desktop.runner.outbox import Outbox

_INPUTS_AT_ONCE = 64

Rows: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Job:
    number: int
    inputs: list[list[int]]


@dataclass(frozen=True, slots=True)
class Cancel:
    number: int


Command: TypeAlias = Job | Cancel


class PooledService(ABC):
    """``run`` is the main thread, which alone uses the engine; the rest is for any."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._inbox: SimpleQueue[Command] = SimpleQueue()
        self._waiting: dict[int, Job] = {}
        self._num_inputs = 0

    @abstractmethod
    def _rows(self, inputs: Sequence[Sequence[int]]) -> Rows:
        """One row (or number) an input. Raises DMRError, and then has computed nothing."""

    @abstractmethod
    def _send(self, job: Job, rows: Rows) -> None:
        """The answer to ``job``."""

    def put(self, command: Command) -> None:
        self._inbox.put(command)

    def cancel(self, number: int) -> None:
        self.put(Cancel(number))

    def stats(self) -> dict[str, JSON]:
        return {"waiting": len(self._waiting), "inputs": self._num_inputs}

    def run(self, is_more_coming: Callable[[], bool]) -> NoReturn:
        """For ever: take what has come, compute the oldest with as many others as fit."""
        while True:
            if self._waiting:
                self._take_all()
            else:
                self._take(self._inbox.get())
                for command in rest_of_burst(self._inbox, is_more_coming):
                    self._take(command)
            jobs: list[Job] = []
            for job in self._waiting.values():
                if jobs and sum(len(other.inputs) for other in jobs) + len(job.inputs) > _INPUTS_AT_ONCE:
                    break
                jobs.append(job)
            if not self._compute_together(jobs):
                for job in jobs:
                    self._compute(job)

    def _take_all(self) -> None:
        while not self._inbox.empty():
            self._take(self._inbox.get())

    def _take(self, command: Command) -> None:
        match command:
            case Job() as job:
                self._waiting[job.number] = job
            case Cancel(number):
                self._waiting.pop(number, None)

    def _compute_together(self, jobs: list[Job]) -> bool:
        """False if there is nothing to join, or one of them is wrong: then each is computed by itself."""
        if len(jobs) < 2:
            return False
        try:
            rows = self._rows([tokens for job in jobs for tokens in job.inputs])
        except DMRError:
            return False
        start = 0
        for job in jobs:
            self._answer(job, rows[start : start + len(job.inputs)])
            start += len(job.inputs)
        return True

    def _compute(self, job: Job) -> None:
        parts = []
        try:
            for start in range(0, len(job.inputs), _INPUTS_AT_ONCE):
                self._take_all()
                if job.number not in self._waiting:
                    return  # cancelled
                parts.append(self._rows(job.inputs[start : start + _INPUTS_AT_ONCE]))
        except DMRError as error:
            del self._waiting[job.number]
            self._outbox.put_message({"op": "error", "id": job.number, "error": dump(error.info)})
            return
        self._answer(job, np.concatenate(parts))

    def _answer(self, job: Job, rows: Rows) -> None:
        del self._waiting[job.number]
        self._num_inputs += len(job.inputs)
        self._send(job, rows)
