.PHONY: setup demo test lint types bench conformance clean

BIN := .venv/bin

setup:
	@bash tools/setup.sh

demo: setup
	@bash tools/demo.sh

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

test: lint types
	$(BIN)/pytest -n 2

conformance: setup
	$(BIN)/python -m tests.conformance.fields
	$(BIN)/python -m tests.conformance.conditions

bench: setup
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv build *.egg-info
	find . -name '*.so' -not -path './.git/*' -delete
