# Each target sets up .venv by itself; delete .venv to start anew.

PYTHON   ?= python3
VENV     := .venv
BIN      := $(VENV)/bin
STAMP    := $(VENV)/.installed
WEB_STAMP := $(VENV)/.installed-web
MODEL    ?= miniature
PICTURES ?= runs/pictures-$(SEED)-$(COUNT)
COUNT    ?= 6
SEED     ?= 7
PORT     ?= 7860

.PHONY: run demo check test clean

run: $(STAMP)
	@test -e $(PICTURES)/truth.jsonl || \
	  $(BIN)/minigpt4 world draw --split test --seed $(SEED) --count $(COUNT) --out $(PICTURES)
	@$(BIN)/minigpt4 describe $(PICTURES) --model $(MODEL) --json > $(PICTURES)/descriptions.jsonl
	@$(BIN)/minigpt4 world compare $(PICTURES) $(PICTURES)/descriptions.jsonl
	@echo
	@echo "The pictures are in $(PICTURES). To talk about one:"
	@echo "  $(BIN)/minigpt4 chat $(PICTURES)/000000.png        (or: make demo)"

demo: $(WEB_STAMP)
	@$(BIN)/minigpt4 demo --browser --model $(MODEL) --port $(PORT)

check: $(WEB_STAMP)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/pyright
	$(BIN)/lint-imports

test: $(WEB_STAMP)
	$(BIN)/pytest

clean:
	rm -rf $(VENV)

# torch comes first and exactly pinned: an open requirement may fetch the newest build with
# gigabytes of GPU libraries on a machine that has no GPU.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "minigpt4 needs Python 3.11 or newer; run: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'
	@touch $@

# The web page, the server and LoRA; their tests and types need them, too.
$(WEB_STAMP): $(STAMP)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,web,lora]'
	@touch $@
