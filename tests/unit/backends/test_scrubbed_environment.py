"""Runners run foreign model files: no secret of the user may be in their environment."""

from dmr_desktop.backends.process import scrubbed_environment


def test_secrets_and_proxies_stay_outside() -> None:
    kept = scrubbed_environment(
        {
            "PATH": "/bin",
            "LC_ALL": "C",
            "CUDA_VISIBLE_DEVICES": "0",
            "PYTHONPATH": "/x",
            "HF_TOKEN": "hf_1",
            "DOCKER_AUTH_CONFIG": "{}",
            "AWS_SECRET_ACCESS_KEY": "k",
            "OPENAI_API_KEY": "k",
            "HTTPS_PROXY": "http://p",
            "SSH_AUTH_SOCK": "/s",
            "LD_PRELOAD": "/evil.so",
        }
    )
    assert kept == {
        "PATH": "/bin",
        "LC_ALL": "C",
        "CUDA_VISIBLE_DEVICES": "0",
        "PYTHONPATH": "/x",
        "GGML_NO_BACKTRACE": "1",
    }


def test_the_user_can_tune_what_we_only_default() -> None:
    tuned = {"GOMP_SPINCOUNT": "1", "GGML_NO_BACKTRACE": "0"}
    assert scrubbed_environment(tuned) == tuned
