PYTHON ?= python3.11
BIN := .venv/bin
STAMP := .venv/.installed
# Two test processes, a file each at a time; BLAS threads would fight them.
PARALLEL := --numprocesses 2 --dist loadfile --max-worker-restart 2
export OPENBLAS_NUM_THREADS := 1
# Overrides what pip's own configuration says: no address, path or host name enters a lock file.
COMPILE := CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links

.PHONY: run test test-all check bench openapi docs lock clean

run: $(STAMP)
	$(BIN)/python -m app.demo

test: $(STAMP)
	$(BIN)/python -m pytest $(PARALLEL)

test-all: $(STAMP)
	scripts/install-debian
	$(BIN)/python -m pytest $(PARALLEL) -m "" --cov

check: $(STAMP)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/python scripts/check-lock
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

bench: $(STAMP)
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(BIN)/python -m bench

openapi: $(STAMP)
	$(BIN)/python -m app.write_openapi openapi/openapi.json

docs: $(STAMP)
	$(BIN)/python scripts/write-settings
	$(BIN)/python scripts/write-choosing

lock: $(STAMP)
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean:
	rm -rf .venv .coverage .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache build *.egg-info
	find app solvers tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock requirements-dev.lock
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
