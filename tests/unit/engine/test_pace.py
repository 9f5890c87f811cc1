from dmr_desktop.engine.pace import PrefillPace


def test_the_first_step_is_a_cautious_guess() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    assert pace.prompt_tokens(streaming=1, prompts=1) == pace.prompt_tokens(streaming=0, prompts=1) == 256
    assert PrefillPace(n_batch=100, n_ubatch=512).prompt_tokens(streaming=0, prompts=1) == 100


def test_a_fast_machine_fills_its_batches() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    pace.observe(256, 0.01)
    assert pace.prompt_tokens(streaming=1, prompts=1) == 512
    assert pace.prompt_tokens(streaming=0, prompts=1) == 2048


def test_a_slow_machine_takes_short_steps_shorter_ones_while_others_stream() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    pace.observe(256, 0.512)
    assert pace.prompt_tokens(streaming=1, prompts=1) == 100
    assert pace.prompt_tokens(streaming=0, prompts=1) == 500


def test_many_that_wait_for_their_first_token_outweigh_few_that_stream() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    pace.observe(256, 0.512)
    assert pace.prompt_tokens(streaming=2, prompts=6) == 300
    assert pace.prompt_tokens(streaming=1, prompts=7) == 500
    assert pace.prompt_tokens(streaming=7, prompts=1) == 100


def test_never_less_than_is_worth_a_step() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    pace.observe(64, 1000.0)
    assert pace.prompt_tokens(streaming=1, prompts=1) == 64


def test_it_follows_the_machine_and_ignores_tiny_prompts() -> None:
    pace = PrefillPace(n_batch=2048, n_ubatch=512)
    pace.observe(100, 1.0)
    before = pace.prompt_tokens(streaming=0, prompts=1)
    pace.observe(2, 1.0)
    assert pace.prompt_tokens(streaming=0, prompts=1) == before
    for _ in range(30):
        pace.observe(100, 0.25)
    assert pace.prompt_tokens(streaming=0, prompts=1) == 399
