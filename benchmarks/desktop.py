"""What the tray app costs: memory, processor time and wake-ups, hidden and with the panel open.

    python benchmarks/desktop.py [--seconds 30]         each state for a while, against its budget
    python benchmarks/desktop.py --soak 60              an hour with a service at work: does memory grow?
    python benchmarks/desktop.py --flood                events and log lines by the thousand: does it still answer?

Starts a service of its own and the app on a virtual display with a tray (Xvfb, trayer, xdotool), and reads /proc.
Linux only. Ends with code 1 where a budget is not kept.
"""

import argparse
import sys
import time

from cost import Cost, measure
from desktop_flood import flood
from desktop_soak import soak
from desktop_stage import Process, Stage, ended, stage

SETTLE_SECONDS = 8.0
SHOWN_SECONDS = 1.5
STATES: tuple[tuple[str, list[str], Cost], ...] = (
    ("hidden", ["--hidden"], Cost(80, 0.1, 2)),
    ("panel open", [], Cost(110, 1.5, float("inf"))),
)


def watch(made: Stage, service: Process, seconds: float) -> bool:
    """Whether every state kept to its budget."""
    kept = True
    for state, arguments, budget in STATES:
        with ended(made.app(state.split()[0], *arguments)) as app:
            shown = made.seconds_until_shown(app)
            time.sleep(SETTLE_SECONDS)
            cost, service_cost = measure(app.pid, seconds), measure(service.pid, 5)
        print(
            f"{state:11} shown after {shown:4.2f} s ({SHOWN_SECONDS})  "
            f"PSS {cost.pss_mb:6.1f} MB (budget {budget.pss_mb:.0f})  "
            f"CPU {cost.cpu_percent:5.2f} % ({budget.cpu_percent})  "
            f"wake-ups {cost.wakeups_per_second:5.1f}/s ({budget.wakeups_per_second:g})  "
            f"service CPU {service_cost.cpu_percent:.2f} %",
            flush=True,
        )
        kept &= (
            shown <= SHOWN_SECONDS
            and cost.pss_mb <= budget.pss_mb
            and cost.cpu_percent <= budget.cpu_percent
            and cost.wakeups_per_second <= budget.wakeups_per_second
        )
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each state is watched")
    parser.add_argument("--soak", type=float, default=0.0, metavar="MINUTES", help="watch the memory of both instead")
    parser.add_argument("--flood", action="store_true", help="measure how late the app's event loop gets instead")
    options = parser.parse_args()
    if options.flood:
        return 0 if flood(options.seconds) else 1
    with stage() as (made, service):
        return 0 if (soak(made, options.soak) if options.soak else watch(made, service, options.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
