# A menu, nothing more: the work is in scripts/.
.PHONY: help demo test lint format docs clean
TOOLS := .venv-test/bin

help:    ## this list
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/:/'
demo:    ## enhance the sample photographs
	scripts/demo
test:    ## lint, types and all tests, as the CI does
	scripts/test
lint:    ## lint and types alone (after one `make test`)
	$(TOOLS)/ruff check . && $(TOOLS)/ruff format --check . && $(TOOLS)/mypy
format:  ## rewrite the code in the house form
	$(TOOLS)/ruff check --fix . && $(TOOLS)/ruff format .
docs:    ## write the current help texts into README.md and docs/
	$(TOOLS)/python scripts/update_help.py
clean:   ## remove the virtual environments and all caches
	rm -rf .venv .venv-test .venv-bench .mypy_cache .pytest_cache .ruff_cache demo-output
