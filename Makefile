# The verbs of the project; CI runs the same ones.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run setup dev rebuild test clients langchain-ends check format lock bench

run: ## everything a newcomer wants: install, start, ask the demo model, show the tray
	@$(PYTHON) scripts/bootstrap.py run

setup:
	@$(PYTHON) scripts/bootstrap.py setup

dev:
	@$(PYTHON) scripts/bootstrap.py dev

rebuild: ## build llama.cpp again: after a change of CPU, compiler or, with GPU=cuda|vulkan|none, graphics card
	@$(PYTHON) scripts/bootstrap.py rebuild

test: dev ## all tests, two files at a time: half of their time they wait for other processes
	@$(PYTHON) scripts/bootstrap.py system
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

clients: dev ## n8n, LiteLLM, Open WebUI and the SDKs, installed into .clients/, against the service
	@$(BIN)/python scripts/clients.py $(PYTEST_ARGS)

langchain-ends: dev ## tests/langchain with the oldest and the newest LangChain and OpenAI SDK that are allowed
	@$(BIN)/python scripts/langchain_ends.py $(PYTEST_ARGS)

check: dev ## formatting, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format:
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: ## renew the lock files from pyproject.toml
	@$(BIN)/python -m uv pip compile -q --upgrade pyproject.toml --extra all --universal --generate-hashes --no-annotate -o requirements.lock
	@$(BIN)/python -m uv pip compile -q --upgrade pyproject.toml --extra dev --universal --generate-hashes --no-annotate -o requirements-dev.lock

bench: dev ## compare with llama-server, interleaved
	@$(BIN)/python benchmarks/compare.py
