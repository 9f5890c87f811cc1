from dmr_desktop.engine.pace import PrefillPace


def test_the_first_step_is_a_cautious_guess() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    assert pace.prompt_tokens(others_stream=True) == pace.prompt_tokens(others_stream=False) == 256
    assert PrefillPace(n_batch=100, n_ubatch=512).prompt_tokens(others_stream=False) == 100


def test_a_fast_machine_fills_its_batches() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    pace.observe(256, 0.01)
    assert pace.prompt_tokens(others_stream=True) == 512
    assert pace.prompt_tokens(others_stream=False) == 2048


def test_a_slow_machine_takes_short_steps_shorter_ones_while_others_stream() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    pace.observe(256, 0.512)
    assert pace.prompt_tokens(others_stream=True) == 100
    assert pace.prompt_tokens(others_stream=False) == 500


def test_never_less_than_is_worth_a_step() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    pace.observe(64, 1000.0)
    assert pace.prompt_tokens(others_stream=True) == 64


def test_it_follows_the_machine_and_ignores_tiny_prompts() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    pace.observe(100, 1.0)
    before = pace.prompt_tokens(others_stream=False)
    pace.observe(2, 1.0)
    assert pace.prompt_tokens(others_stream=False) == before
    for _ in range(30):
        pace.observe(100, 0.25)
    assert pace.prompt_tokens(others_stream=False) == 399
