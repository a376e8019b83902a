# make demo    set up and run the main job; results in runs/demo
# make test    set up and run every check
# make lint    set up and run the quick ones: house rules, ruff, pyright
# make mutants set up and see that the tests notice the errors of scripts/mutants.py (about 6 minutes)
# make benchmarks  set up, and make all tables, shipped weights and the README anew (hours; see scripts/benchmarks.sh)
# make lab     set up and open the notebooks in JupyterLab
# make demo CONSTRAINTS=    the same with the newest packages and the default (CUDA) build of torch

PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
TORCH_CPU = https://download.pytorch.org/whl/cpu
BIN = .venv/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))
INSTALLED = .venv/installed-$(if $(CONSTRAINTS),pinned,newest)
OPS = $(shell find pointnet2_ops_lib -name '*.cpp' -o -name '*.cu' -o -name '*.h' -o -name '*.py' -not -path '*/tests/*')
PAPERMILL = $(BIN)/papermill --cwd nbs --kernel python3 --log-output --no-progress-bar

# Threads that wait spin for a tenth of a millisecond and then sleep, as npr's own commands have it (nbs/app/08_cli).
export OMP_WAIT_POLICY = passive
export GOMP_SPINCOUNT = 2000

.PHONY: install demo test lint mutants benchmarks lab gpu readme notebooks hooks clean

install: $(INSTALLED)

$(INSTALLED): settings.ini setup.py $(CONSTRAINTS) $(OPS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "npr needs Python 3.10 or newer; name one, for example: make demo PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "A virtual environment cannot be made; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "installing torch, $(if $(CONSTRAINTS),as $(CONSTRAINTS) says,the newest) ..."
	@$(PIP) --no-deps $(if $(CONSTRAINTS),--retries 1 --extra-index-url $(TORCH_CPU),--upgrade --force-reinstall) torch
	@echo "installing npr and what it needs ..."
	@$(PIP) --editable '.[dev]'
	@sh scripts/install_ops.sh $(BIN)/python
	@rm -f .venv/installed-*
	@touch $@

demo: install
	@mkdir -p runs/demo
	$(PAPERMILL) nbs/runs/end_to_end.ipynb runs/demo/end_to_end.ipynb
	@echo "Look at runs/demo/transfer.png and runs/demo/metrics.json."

test: install
	$(BIN)/python scripts/run_checks.py

lint: install
	$(BIN)/python scripts/check_notebooks.py
	$(BIN)/ruff check
	$(BIN)/pyright

mutants: install
	$(BIN)/python scripts/mutants.py

benchmarks: install
	sh scripts/benchmarks.sh

lab: install
	$(BIN)/jupyter lab nbs/index.ipynb

gpu: install
	PYTHON=$(CURDIR)/$(BIN)/python sh scripts/on_gpu.sh run 90

readme:
	$(BIN)/python scripts/make_readme.py

notebooks:
	$(BIN)/nbdev_export
	$(BIN)/python scripts/run_notebooks.py

hooks:
	git config core.hooksPath .githooks

clean:
	rm -rf .venv runs build *.egg-info
