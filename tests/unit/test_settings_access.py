from pathlib import Path

import pytest

from dmr_desktop.settings import SettingsError, load_settings

KEY = "a-key-of-many-characters"


def test_from_the_environment(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "DMR_CONFIG_DIR": str(tmp_path),
            "DMR_EXTRA_PORTS": "22088, 11435",
            "DISABLE_METRICS": "TRUE",
            "DMR_KEEP_REQUEST_BODIES": "0",
            "DMR_CONTAINER_ADDRESSES": "172.18.0.1,fd00::1",
            "DMR_BIND_ADDRESSES": "192.168.1.5",
            "DMR_API_KEY": f' "{KEY}" ',
            "LOG_LEVEL": "warn",
        }
    )
    assert settings.extra_ports == (22088, 11435)
    assert (settings.disable_metrics, settings.keep_request_bodies) == (True, False)
    assert settings.container_addresses == ("172.18.0.1", "fd00::1")
    assert (settings.bind_addresses, settings.api_key, settings.log_level) == (("192.168.1.5",), KEY, "warning")


def test_from_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("extra_ports = [22088]\nkeep_request_bodies = false\n")
    settings = load_settings({"DMR_CONFIG_DIR": str(tmp_path)})
    assert (settings.extra_ports, settings.keep_request_bodies) == ((22088,), False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DMR_EXTRA_PORTS", "70000"),
        ("DMR_EXTRA_PORTS", "a"),
        ("DISABLE_METRICS", "maybe"),
        ("DMR_BIND_ADDRESSES", "0.0.0.0"),
        ("DMR_CONTAINER_ADDRESSES", "docker0"),
        ("DMR_API_KEY", "short"),
        ("DMR_API_KEY", "k" * 20 + "é"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({"DMR_CONFIG_DIR": str(tmp_path), variable: value})
    assert variable in str(caught.value) or variable.removeprefix("DMR_").lower() in str(caught.value)
