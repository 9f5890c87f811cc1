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


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("idle_timeout_seconds = nan", "use a number of seconds"),
        ("idle_timeout_seconds = inf", "use a number of seconds"),
        ("threads = -3", "threads must be at least 1"),
        ("tcp_port = 12434.9", "use a whole number"),
        ("extra_ports = [8080.7]", "use ports"),
        ("extra_ports = 8080", "use ports"),
        ('default_registry = ["registry.example"]', "use a text"),
        ("origins = {a = 1}", "use texts"),
        ("models_path = 7", "use the path of a file or folder"),
        ("disable_metrics = 2", "use true or false"),
        ("log_level = 3", "use debug, info, warning or error"),
    ],
)
def test_what_would_be_right_is_said(tmp_path: Path, line: str, right: str) -> None:
    (tmp_path / "config.toml").write_text(f"{line}\n")
    with pytest.raises(SettingsError, match=right):
        load_settings({"DMR_CONFIG_DIR": str(tmp_path)})


def test_a_key_is_not_repeated(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f'api_key = ["{KEY}"]\n')
    with pytest.raises(SettingsError, match="api_key: the value is not a usable value: use a text") as caught:
        load_settings({"DMR_CONFIG_DIR": str(tmp_path)})
    assert KEY not in str(caught.value)
