"""LangChain's standard integration suite against the real service with the bundled model."""

from typing import Any, cast

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests

from dmr_langchain import ChatDMR

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("found_service")
class TestChatDMRLive(ChatModelIntegrationTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatDMR

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "dmr.local/demo", "temperature": 0, "max_tokens": 256}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        """Histories of another provider's model, as an agent that changes its model has them."""
        return True

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "dmr.local/demo:latest"

    @property
    def supported_usage_metadata_details(self) -> dict[str, Any]:
        return {"invoke": ["cache_read_input"], "stream": ["cache_read_input"]}

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        model = ChatDMR(**self.chat_model_params)
        question = "Which models are on this machine, and how large are they? " * 8
        model.invoke(question)
        if not stream:
            return model.invoke(question)
        chunks = list(model.stream(question))
        return cast(AIMessage, sum(chunks[1:], chunks[0]))
