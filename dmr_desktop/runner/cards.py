"""Whether this machine has a graphics card that llama.cpp could use. Linux only: elsewhere its builds know best."""

from pathlib import Path

_MAKERS = {"0x10de": "NVIDIA", "0x1002": "AMD"}
_DRM = Path("/sys/class/drm")
_NVIDIA_DRIVERS = (Path("/proc/driver/nvidia/version"), Path("/usr/lib/wsl/lib/nvidia-smi"))


def card_maker(drm: Path = _DRM, nvidia_drivers: tuple[Path, ...] = _NVIDIA_DRIVERS) -> str | None:
    """``NVIDIA``, ``AMD`` or None. ``drm`` is where Linux lists its cards; under WSL only the driver's files show."""
    if any(path.exists() for path in nvidia_drivers):
        return "NVIDIA"
    found = {_read(path) for path in drm.glob("renderD*/device/vendor")}
    return next((maker for vendor, maker in _MAKERS.items() if vendor in found), None)


def unused_note(maker: str) -> str:
    return (
        f"The {maker} card is not used: the installed llama.cpp was built for the processor alone. "
        "`make rebuild` in the clone says what it needs to use the card; docs/gpu.md says more."
    )


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
