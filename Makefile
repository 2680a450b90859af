# Two commands do all the set-up on a machine that has Python 3.11: `make demo` and `make test`.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable

.PHONY: demo test lint clean

demo: $(READY)
	$(BIN)/skingpt diagnose --html report.html examples/*.jpg

test: $(TOOLS)
	$(BIN)/python -m pytest

lint: $(TOOLS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# What diagnosing needs; tests and their optional parts need several times as much.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) .
	touch $(READY)

$(TOOLS): $(READY)
	$(INSTALL) '.[dev]'
	touch $(TOOLS)

clean:
	rm -rf $(VENV)
