"""The one door from this program's other processes to the service: typed calls over HTTP.

Knows neither how the service does its work nor how answers are shown.
"""

from dmr_desktop.client.connection import START_HINT
from dmr_desktop.client.model_calls import ModelCalls
from dmr_desktop.client.runner_calls import RunnerCalls
from dmr_desktop.client.service_calls import ServiceCalls

__all__ = ["START_HINT", "Client"]


class Client(ServiceCalls, ModelCalls, RunnerCalls):
    """All calls; how they fail and end is said at :class:`~.connection.Connection`."""
