"""What users do first, against the real service with the bundled model."""

import asyncio

import pytest
from langchain.agents import create_agent
from langchain_core.messages import ToolMessage

from dmr_langchain import ChatDMR, DMRContextOverflowError, DMREmbeddings, DMRModelNotFoundError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("found_service")]

DEMO = "dmr.local/demo"


def test_the_demo_model_answers_the_first_question() -> None:
    assert "TCP host access" in ChatDMR(model=DEMO).invoke("How do I turn on TCP access?").text


async def test_streams_asynchronously_with_usage() -> None:
    chunks = [chunk async for chunk in ChatDMR(model=DEMO, temperature=0).astream("How do I turn on TCP access?")]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert len(chunks) > 3
    assert "TCP host access" in whole.text
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] > 3


def test_an_agent_calls_a_tool_and_uses_its_result() -> None:
    calls: list[tuple[int, int]] = []

    def add(a: int, b: int) -> int:
        """Add two integers."""
        calls.append((a, b))
        return a + b

    agent = create_agent(ChatDMR(model=DEMO, temperature=0), [add])
    messages = agent.invoke({"messages": [("user", "What is 17 + 25?")]})["messages"]
    assert calls == [(17, 25)]
    assert [message.content for message in messages if isinstance(message, ToolMessage)] == ["42"]
    assert "42" in messages[-1].text


def test_one_object_in_many_loops_and_at_once() -> None:
    model = ChatDMR(model=DEMO, temperature=0, max_tokens=16)

    async def ask_four() -> list[str]:
        return [message.text for message in await asyncio.gather(*(model.ainvoke("hello") for _ in range(4)))]

    answers = {text for _ in range(2) for text in asyncio.run(ask_four())}
    assert answers == {model.invoke("hello").text}


def test_a_model_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(DMRModelNotFoundError, match="dmr pull ai/not-here"):
        ChatDMR(model="ai/not-here").invoke("hi")
    with pytest.raises(DMRModelNotFoundError):
        DMREmbeddings(model="ai/not-here").embed_query("hi")


def test_a_prompt_that_is_too_long_is_a_context_overflow() -> None:
    with pytest.raises(DMRContextOverflowError, match="context"):
        ChatDMR(model=DEMO).invoke("word " * 20_000)
