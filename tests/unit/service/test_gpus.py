"""Graphics cards of every maker, from what their drivers write."""

import json
import os
import plistlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dmr_desktop.protocol import wire
from dmr_desktop.protocol.notices import GpuSample
from dmr_desktop.service import gpu_nvidia
from dmr_desktop.service.gpu_amd import AmdGpus, name_in_list
from dmr_desktop.service.gpu_apple import AppleGpus, read_accelerators
from dmr_desktop.service.gpu_nvidia import NvidiaGpus
from dmr_desktop.service.gpu_processes import held, process_bytes
from dmr_desktop.service.gpu_windows import WindowsGpus, adapters, held_by
from dmr_desktop.service.gpus import Gpus, sources_of

MIB = 1024 * 1024
CARD = GpuSample("NVIDIA RTX 4070", 77.0, 6 * 1024 * MIB, 12 * 1024 * MIB, 61.0, 118.5)


# ---- chosen by platform -----------------------------------------------------------------------


def test_a_file_stands_in_for_cards_and_is_read_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gpus.json"
    monkeypatch.setenv("DMR_FAKE_GPU", str(path))
    gpus = Gpus()
    assert gpus.sample() == ()
    path.write_text(json.dumps([wire.dump(CARD)]))
    assert gpus.sample() == (CARD,)
    path.write_text("[]")
    assert gpus.sample() == ()
    gpus.rest()


@pytest.mark.parametrize("text", ["", "{", "{}x", "[1]", '[{"name": 3}]', "null"])
def test_a_file_that_describes_no_cards_is_none(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gpus.json"
    path.write_text(text)
    monkeypatch.setenv("DMR_FAKE_GPU", str(path))
    assert Gpus().sample() == ()


def test_each_platform_has_its_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DMR_FAKE_GPU", raising=False)
    assert [type(source) for source in sources_of("linux")] == [NvidiaGpus, AmdGpus]
    assert [type(source) for source in sources_of("darwin")] == [AppleGpus]
    assert len(sources_of("win32")) == 1
    assert Gpus().sample() is not None  # whatever this machine has


# ---- NVIDIA -----------------------------------------------------------------------------------


class Driver:
    """NVML as far as it is used; ``silent`` functions fail as they do on a card that does not support them."""

    NVMLError = OSError
    NVML_TEMPERATURE_GPU = 0

    def __init__(self, *silent: str) -> None:
        self.silent = silent
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> object:
        answers = {
            "nvmlInit": None,
            "nvmlShutdown": None,
            "nvmlDeviceGetCount": 1,
            "nvmlDeviceGetHandleByIndex": "card",
            "nvmlDeviceGetName": b"NVIDIA RTX 4070",
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=6 * 1024 * MIB, total=12 * 1024 * MIB),
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=77),
            "nvmlDeviceGetTemperature": 61,
            "nvmlDeviceGetPowerUsage": 118_500,
        }

        def call(*arguments: object) -> object:
            self.calls.append(name)
            if name in self.silent:
                raise OSError("not supported")
            return answers[name]

        return call


def test_nvidia_tells_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_nvidia, "nvml", Driver())
    assert NvidiaGpus().sample() == (CARD,)


def test_nvidia_tells_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = ("nvmlDeviceGetUtilizationRates", "nvmlDeviceGetPowerUsage", "nvmlDeviceGetTemperature")
    monkeypatch.setattr(gpu_nvidia, "nvml", Driver(*silent))
    assert NvidiaGpus().sample() == (GpuSample(CARD.name, None, CARD.memory_used_bytes, CARD.memory_total_bytes),)


def test_without_nvidias_driver_it_is_asked_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver("nvmlInit")
    monkeypatch.setattr(gpu_nvidia, "nvml", driver)
    gpus = NvidiaGpus()
    assert gpus.sample() == gpus.sample() == ()
    assert driver.calls == ["nvmlInit"]


class Cards(Driver):
    """A driver of two cards of different names. ``lost`` ones do not answer, ``gone`` ones cannot even be opened."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[int] = set()
        self.gone: set[int] = set()

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index in self.gone:
            raise OSError("GPU is lost")
        return index

    def nvmlDeviceGetName(self, index: int) -> str:
        if index in self.lost:
            raise OSError("GPU is lost")
        return f"Card {index}"


def names(gpus: NvidiaGpus) -> list[str]:
    return [card.name for card in gpus.sample()]


def test_a_lost_card_is_left_out_looked_for_in_a_minute_and_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    driver, now = Cards(), 1000.0
    monkeypatch.setattr(gpu_nvidia, "nvml", driver)
    monkeypatch.setattr(gpu_nvidia, "time", SimpleNamespace(monotonic=lambda: now))
    gpus = NvidiaGpus()
    assert names(gpus) == ["Card 0", "Card 1"]
    driver.lost = driver.gone = {1}
    assert names(gpus) == names(gpus) == ["Card 0"], "the other one goes on telling"
    gpus.rest()
    assert names(gpus) == ["Card 0"], "also after a rest"
    now += 61
    assert names(gpus) == ["Card 0"]
    driver.lost = driver.gone = set()
    assert names(gpus) == ["Card 0"], "not looked for yet"
    now += 61
    assert names(gpus) == ["Card 0", "Card 1"]


def test_a_driver_that_lost_all_cards_is_asked_once_a_minute_or_after_a_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    driver, now = Cards(), 1000.0
    monkeypatch.setattr(gpu_nvidia, "nvml", driver)
    monkeypatch.setattr(gpu_nvidia, "time", SimpleNamespace(monotonic=lambda: now))
    gpus = NvidiaGpus()
    gpus.sample()
    driver.lost = driver.gone = {0, 1}
    assert names(gpus) == []
    num_calls = len(driver.calls)
    gpus.rest()
    assert names(gpus) == names(gpus) == []
    assert driver.calls[num_calls:] == ["nvmlShutdown"]
    driver.lost = driver.gone = set()
    gpus.renew()
    assert names(gpus) == ["Card 0", "Card 1"]


def test_nvidias_driver_is_let_go_and_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver()
    monkeypatch.setattr(gpu_nvidia, "nvml", driver)
    gpus = NvidiaGpus()
    gpus.rest()
    gpus.sample()
    gpus.rest()
    gpus.rest()
    assert gpus.sample() == (CARD,)
    assert driver.calls.count("nvmlShutdown") == 1
    assert driver.calls.count("nvmlInit") == 2


# ---- AMD --------------------------------------------------------------------------------------

PCI_IDS = """# as in pci.ids
1000  Broadcom / LSI
\t744c  Not this one
1002  Advanced Micro Devices, Inc. [AMD/ATI]
\t73bf  Navi 21 [Radeon RX 6800/6800 XT / 6900 XT]
\t\t1002 0e3a  Radeon RX 6900 XT
\t744c  Navi 31 [Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M]
\t1638  Cezanne
1003  ULSI Systems
\t9999  Theirs
"""


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """A Radeon, the connectors that lie beside it, and a card of another maker."""
    files = {
        "card0/device/vendor": "0x8086\n",
        "card1/device/vendor": "0x1002\n",
        "card1/device/device": "0x744c\n",
        "card1/device/gpu_busy_percent": "37\n",
        "card1/device/mem_info_vram_total": "25753026560\n",
        "card1/device/mem_info_vram_used": "1893494784\n",
        "card1/device/power/runtime_status": "active\n",
        "card1/device/hwmon/hwmon3/temp1_input": "48000\n",
        "card1/device/hwmon/hwmon3/power1_average": "61000000\n",
        "card1-DP-1/status": "connected\n",
        "renderD128/device/vendor": "0x1002\n",
        "pci.ids": PCI_IDS,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def amd(sysfs: Path) -> tuple[GpuSample, ...]:
    return AmdGpus(sysfs, (sysfs / "none", sysfs / "pci.ids")).sample()


def test_amds_files_tell_all(sysfs: Path) -> None:
    name = "AMD Radeon RX 7900 XT/7900 XTX/7900 GRE/7900M"
    assert amd(sysfs) == (GpuSample(name, 37.0, 1893494784, 25753026560, 48.0, 61.0),)


def test_an_amd_card_that_sleeps_is_not_asked(sysfs: Path) -> None:
    (sysfs / "card1/device/power/runtime_status").write_text("suspended\n")
    (found,) = amd(sysfs)
    assert (found.utilization, found.memory_used_bytes, found.memory_total_bytes) == (None, None, None)


def test_what_amds_driver_does_not_write_is_unknown(sysfs: Path) -> None:
    (sysfs / "card1/device/gpu_busy_percent").unlink()
    (sysfs / "card1/device/hwmon/hwmon3/power1_average").rename(sysfs / "card1/device/hwmon/hwmon3/power1_input")
    (sysfs / "pci.ids").unlink()
    (found,) = amd(sysfs)
    assert (found.name, found.utilization, found.power_watts) == ("AMD GPU", None, 61.0)


def test_a_machine_without_sysfs_has_no_amd_card(tmp_path: Path) -> None:
    assert AmdGpus(tmp_path / "none").sample() == ()


@pytest.mark.parametrize(
    ("pci_id", "name"),
    [("0x1638", "AMD Cezanne"), ("0x73bf", "AMD Radeon RX 6800/6800 XT / 6900 XT"), ("0x9999", ""), ("0x0e3a", "")],
)
def test_names_of_amd_cards(pci_id: str, name: str) -> None:
    assert name_in_list(PCI_IDS, pci_id) == name


# ---- what a process holds ---------------------------------------------------------------------

AMDGPU = """pos:\t0
flags:\t02100002
drm-driver:\tamdgpu
drm-client-id:\t{client}
drm-pdev:\t0000:03:00.0
pasid:\t32771
drm-total-vram:\t2048 MiB
drm-resident-vram:\t1536 MiB
drm-memory-vram:\t1572864 KiB
drm-memory-gtt:\t16384 KiB
drm-engine-gfx:\t18273645 ns
"""
OLD_AMDGPU = """drm-driver:\tamdgpu
drm-client-id:\t7
drm-pdev:\t0000:03:00.0
drm-memory-vram:\t262144 KiB
drm-memory-gtt: \t2048 KiB
"""
I915 = """drm-driver:\ti915
drm-client-id:\t11
drm-pdev:\t0000:00:02.0
drm-total-system0:\t64 MiB
drm-resident-system0:\t64 MiB
drm-total-local0:\t512 MiB
drm-resident-local0:\t384 MiB
"""


def test_each_client_of_a_device_counts_once() -> None:
    texts = [AMDGPU.format(client=24), AMDGPU.format(client=24), AMDGPU.format(client=25), OLD_AMDGPU, I915]
    assert held(texts) == (1536 + 1536 + 256 + 384) * MIB


def test_the_files_of_a_process(tmp_path: Path) -> None:
    folder = tmp_path / "42/fdinfo"
    folder.mkdir(parents=True)
    (folder / "0").write_text("pos:\t0\nflags:\t0100002\n")
    (folder / "5").write_text(OLD_AMDGPU)
    assert process_bytes(42, tmp_path) == 256 * MIB
    assert process_bytes(43, tmp_path) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_this_process_holds_nothing() -> None:
    assert process_bytes(os.getpid()) == 0


# ---- Apple ------------------------------------------------------------------------------------


def test_apples_answer() -> None:
    item = {
        "IOClass": "AGXAcceleratorG13G",
        "model": "Apple M1",
        "gpu-core-count": 8,
        "PerformanceStatistics": {
            "Device Utilization %": 23,
            "Renderer Utilization %": 21,
            "In use system memory": 734003200,
            "Alloc system memory": 1934131200,
        },
    }
    old = {"model": b"Intel Iris Pro\x00", "PerformanceStatistics": {}}
    found = read_accelerators(plistlib.dumps([item, old]), 16 * 1024 * MIB)
    assert found[0] == GpuSample("Apple M1", 23.0, 734003200, 16 * 1024 * MIB, is_shared=True)
    assert (found[1].name, found[1].utilization, found[1].memory_used_bytes) == ("Intel Iris Pro", None, None)


@pytest.mark.parametrize("answer", [b"", b"no plist", plistlib.dumps([])])
def test_an_answer_of_apple_without_cards(answer: bytes) -> None:
    assert read_accelerators(answer, 1) == ()


@pytest.mark.skipif(sys.platform == "darwin", reason="ioreg is there")
def test_without_ioreg_there_is_no_apple_card() -> None:
    assert AppleGpus().sample() == ()


# ---- Windows ----------------------------------------------------------------------------------

LUID, OTHER, BASIC = "luid_0x00000000_0x0000D1E5", "luid_0x00000000_0x0000E201", "luid_0x00000000_0x0000F0AA"
ENGINES = {
    f"pid_4120_{LUID}_phys_0_eng_0_engtype_3D": 11.5,
    f"pid_988_{LUID}_phys_0_eng_0_engtype_3D": 4.0,
    f"pid_988_{LUID}_phys_0_eng_5_engtype_Compute_0": 62.25,
    f"pid_988_{LUID}_phys_0_eng_6_engtype_Copy": 1.0,
    f"pid_4120_{BASIC}_phys_0_eng_0_engtype_3D": 0.0,
}


def test_a_windows_card_is_as_busy_as_its_busiest_engine() -> None:
    used = {f"{LUID}_phys_0": 3.5e9, f"{BASIC}_phys_0": 0.0}
    found = adapters(ENGINES, used, (("Radeon RX 7600", 8 * 1024 * MIB),))
    assert found == (GpuSample("Radeon RX 7600", 62.2, 3_500_000_000, 8 * 1024 * MIB),)


def test_two_windows_cards_have_no_certain_names() -> None:
    used = {f"{LUID}_phys_0": 1e9, f"{OTHER}_phys_0": 2e9}
    found = adapters(ENGINES, used, (("Iris Xe", 128 * MIB), ("Arc A770", 16 * 1024 * MIB)))
    assert [(gpu.name, gpu.memory_total_bytes, gpu.utilization) for gpu in found] == [
        ("GPU", None, 62.2),
        ("GPU", None, None),
    ]
    assert adapters({}, {}, ()) == ()


def test_what_a_windows_process_holds() -> None:
    values = {f"pid_988_{LUID}_phys_0": 2e9, f"pid_988_{OTHER}_phys_0": 1e9, f"pid_9881_{LUID}_phys_0": 5e9}
    assert held_by(values, 988) == 3_000_000_000
    assert held_by(values, 98) is None


@pytest.mark.skipif(sys.platform != "win32", reason="asks the counters of Windows")
def test_the_counters_of_windows_answer() -> None:
    gpus = WindowsGpus()
    gpus.sample()
    assert all(gpu.utilization is None or 0 <= gpu.utilization <= 100 for gpu in gpus.sample())
    gpus.rest()
