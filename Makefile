# Two commands matter: make demo, make test. Both do all their own set-up.
.PHONY: setup demo test check bench bench-check simulate chaos interop docs clean
PY := .venv/bin/python

setup:            ## what is missing: Debian packages (with root or sudo) and .venv with the pinned dependencies
	@bash packaging/setup.sh

demo: setup       ## whole visits on real wires; KEEP=1 leaves everything running
	@$(PY) run.py demo $(if $(KEEP),--keep)

test: setup       ## all tests; nothing is skipped silently
	@$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup      ## ruff, mypy strict, import contracts, generated pages current
	@bash packaging/check.sh

bench: setup      ## figures as ratios, in one run on one machine
	@$(PY) -m benchmarks $(ARGS)

bench-check: setup ## whether every part of the benchmark still measures; judges no time
	@$(PY) -m pytest -n 0 tests/benchmarks/check_quick.py

simulate: setup   ## 1,000 seeded hostile days against the real engine and store; ARGS="--seeds 7" for others
	@$(PY) run.py simulate $(or $(ARGS),--seeds 1..1000)

chaos: setup      ## kill -9, power cuts, full disks, clock steps and a centre that is gone, under load; ARGS="--only power"
	@$(PY) -m chaos $(ARGS)

interop: setup    ## npm's soap and HL7 client on Node against centre adapter and HL7 door; installs Node and the package (needs npm's registry)
	@bash packaging/interop.sh

docs: setup       ## write the generated pages
	@$(PY) run.py conformance --pages docs/conformance.md
	@$(PY) run.py docs

clean:
	rm -rf .venv .run .mypy_cache .ruff_cache .pytest_cache
