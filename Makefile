# Two commands do everything: make lab, make test. Works with the make of Linux and of macOS.
#
#   make lab PYTHON=python3.12   build the environment on another Python
#   make lab TORCH=cpu           on Linux without a GPU: PyTorch's small CPU build

PYTHON ?= python3
VENV ?= .venv
TORCH ?=
BIN = $(VENV)/bin
# A stamp says that the environment holds what pyproject.toml and constraints.txt ask for.
LAB = $(VENV)/.has-lab
DEV = $(VENV)/.has-dev
ASKED = pyproject.toml constraints.txt tools/environment.sh
MAKE_ENVIRONMENT = VENV="$(VENV)" PYTHON="$(PYTHON)" TORCH="$(TORCH)" sh tools/environment.sh
NBVAL = -o addopts=-ra --nbval --nbval-current-env --nbval-cell-timeout=600 \
	--nbval-sanitize-with=tests/notebooks/sanitize.cfg

.PHONY: help lab env test lint unit nbval gpu notebooks book measure constraints clean

# What is compared to the last digit, or stored, comes from the CPU, on a machine with a GPU too.
unit nbval notebooks measure: export CUDA_VISIBLE_DEVICES =

help:
	@echo "make lab          open the course in JupyterLab (makes the environment first)"
	@echo "make test         everything that must pass (makes the environment first)"
	@echo "make env          only the environment for the tests"
	@echo "make lint | unit | nbval   one part of make test"
	@echo "make gpu          the tests that need a CUDA GPU"
	@echo "make notebooks    run the lessons and store their outputs; NAMES=02_acgan for one"
	@echo "make book         the lessons as a web site, build/book/html/index.html"
	@echo "make measure      time the lessons and write docs/lessons.md (a quiet machine, please)"
	@echo "make constraints  look for newer versions and pin them (needs uv)"
	@echo "make clean        remove the environment"

lab: $(LAB)
	@"$(BIN)/python" tools/open_lab.py

env: $(DEV)

$(LAB): $(ASKED)
	@$(MAKE_ENVIRONMENT) lab
	@touch "$(LAB)"

# dev includes lab, so an environment for the tests is not installed again for the course.
$(DEV): $(ASKED)
	@$(MAKE_ENVIRONMENT) dev
	@touch "$(DEV)" "$(LAB)"

test: $(DEV)
	@$(MAKE) lint
	@$(MAKE) unit
	@$(MAKE) nbval

lint: $(DEV)
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .
	"$(BIN)/mypy"

unit: $(DEV)
	"$(BIN)/python" -m pytest

nbval: $(DEV)
	@if ls notebooks/*.ipynb >/dev/null 2>&1; then \
		echo '"$(BIN)/python" -m pytest $(NBVAL) notebooks'; \
		"$(BIN)/python" -m pytest $(NBVAL) notebooks; \
	else echo "Notebooks were not run: notebooks/ holds no .ipynb."; fi

gpu: $(DEV)
	"$(BIN)/python" -m pytest -m gpu

notebooks: $(DEV)
	"$(BIN)/python" tools/build_notebooks.py $(NAMES)

book: $(DEV)
	"$(BIN)/python" tools/build_book.py

measure: $(DEV)
	"$(BIN)/python" tools/measure_lessons.py $(NAMES)

constraints:
	sh tools/constraints.sh

clean:
	rm -rf "$(VENV)"
