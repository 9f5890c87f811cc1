"""The processor's meter."""

import threading

from dmr_desktop.service.machine import CpuMeter


def test_a_busy_thread_is_seen_whichever_thread_asks() -> None:
    meter = CpuMeter()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            sum(range(10_000))

    worker = threading.Thread(target=work)
    worker.start()
    threading.Event().wait(0.3)
    found: list[float] = []
    asker = threading.Thread(target=lambda: found.append(meter.percent()))
    asker.start()
    asker.join()
    stop.set()
    worker.join()
    assert 0 < found[0] <= 100
