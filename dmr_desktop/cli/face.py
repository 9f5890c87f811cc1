"""The two names under which this command line runs: ``dmr`` and ``docker model``. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Face:
    """``product`` is how it calls itself in DMR's sentences; ``is_direct`` means that Compose (or a user) runs the
    plug-in's file itself, without docker in between."""

    program: str
    product: str
    is_plugin: bool = False
    is_direct: bool = False

    def words(self, text: str) -> str:
        """``text`` with its commands in this face's spelling."""
        if not self.is_plugin or "`dmr " not in text:
            return text
        # Docker's `stop` unloads models.
        return text.replace("`dmr stop`", "`dmr stop-runner`").replace("`dmr ", f"`{self.program} ")


DMR = Face("dmr", "DMR Desktop")
DOCKER = Face("docker model", "Docker Model Runner", is_plugin=True)
DOCKER_DIRECT = Face("docker model", "Docker Model Runner", is_plugin=True, is_direct=True)
