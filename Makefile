# Everything a developer does, one target each; `make` alone lists them.
# Each target first has scripts/setup install what it needs and the machine lacks.

CARGO ?= cargo
PYTHON ?= /usr/bin/python3
PREFIX ?= /usr/local
DESTDIR ?=
# The agreement harness: how many requests, drawn by which seed, and what share must agree.
N ?= 60
SEED ?= 1
REQUIRE ?= 100
# Requests that the evaluation of cache policies replays in its main setting.
EVALUATION_REQUESTS ?= 34000
# Package sets that are drawn to compare images with mmdebstrap's roots.
SETS ?= 20
# Starts and stops of clusters that are killed.
KILLS ?= 30
# Seconds that each fuzz target runs.
FUZZ_SECONDS ?= 600

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
VCLUST := $(TARGET_DIR)/release/vclust
HAS_NEXTEST := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo yes)

.DEFAULT_GOAL := help
.PHONY: help setup build demo test test-rust test-apt test-python test-examples test-slurm test-msrv package wheel bench-python test-boot test-up test-xen test-xen-install prove-images lint bench bench-up bench-learning evaluation priors fuzz doc man reference install deb test-install test-book clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

setup: ## install the Debian packages that all targets need
	scripts/setup all

build: ## build the command `vclust`, optimised
	@scripts/setup build
	$(CARGO) build --locked --release --package vclust-cli

demo: ## bring up a virtual cluster, run an MPI program on it, and do it again from what was learnt
	@scripts/setup demo
	$(CARGO) build --locked --release --package vclust-cli
	@scripts/demo $(VCLUST)

test: test-apt test-python test-examples test-install test-rust test-boot ## run all tests, the agreement with apt and booting included

# Documentation examples come first, so that the tests' totals are the last thing printed.
test-rust: ## run the Rust tests
	@scripts/setup test
	$(CARGO) test --locked --workspace --doc
ifeq ($(HAS_NEXTEST),yes)
	$(CARGO) nextest run --locked --workspace
else
	$(CARGO) test --locked --workspace --lib --bins --tests --examples
endif

test-apt: build ## compare N random requests (SEED=...) with apt's answers
	@scripts/setup apt
	$(PYTHON) tests/apt/agree.py --vclust $(VCLUST) --directory $(TARGET_DIR)/apt-universe \
	    --number $(N) --seed $(SEED) --require $(REQUIRE) --report $(TARGET_DIR)/agreement.json

# The package as it is installed, without installing it.
PYTHON_STAGE := $(abspath $(TARGET_DIR))/python
.PHONY: python-stage
python-stage:
	@scripts/setup python
	$(CARGO) build --locked --release --package vclust-py
	rm -rf '$(PYTHON_STAGE)'
	mkdir -p '$(PYTHON_STAGE)'
	cp -r vclust-py/python/vclust '$(PYTHON_STAGE)/'
	cp '$(TARGET_DIR)/release/lib_native.so' '$(PYTHON_STAGE)/vclust/_native.abi3.so'

PYTHON_EXAMPLES = PYTHONDONTWRITEBYTECODE=1 PYTHONPATH='$(PYTHON_STAGE)' $(PYTHON)

# What Debian does not package comes from wherever pip is configured to look: pyarrow in a version that works
# with the NumPy of Debian 12 and of 13.
PYTHON_PACKAGES := $(abspath $(TARGET_DIR))/python-packages
$(PYTHON_PACKAGES)/pyarrow:
	$(PYTHON) -m venv '$(PYTHON_PACKAGES).tools'
	'$(PYTHON_PACKAGES).tools/bin/pip' install --quiet --no-deps --target '$(PYTHON_PACKAGES)' 'pyarrow>=18,<20'

# The tests compare with the packages of Debian's own Python. CLUSTERS=1 starts machines, too (needs root).
test-python: python-stage $(PYTHON_PACKAGES)/pyarrow ## test the Python bindings, against apt and python-debian (CLUSTERS=1 starts machines)
	cd vclust-py/tests && PYTHONPATH='$(PYTHON_STAGE):$(PYTHON_PACKAGES)' \
	    VCLUST_APT_UNIVERSE='$(abspath $(TARGET_DIR))/apt-universe' \
	    $(if $(CLUSTERS),VCLUST_TEST_CLUSTERS=$(CLUSTERS)) $(PYTHON) -m pytest -q -p no:cacheprovider

# Those in Rust are members of the workspace, and tested with it, too.
test-examples: python-stage ## run the examples of embedding vclust, in Rust and in Python
	@scripts/setup examples
	$(CARGO) test --locked --package vclust-example-scheduler
	$(PYTHON_EXAMPLES) -m pytest -q -p no:cacheprovider examples

# Images and kernel are kept from one run to the next.
test-slurm: python-stage ## have a real Slurm start a machine for a job, and remove it (needs root)
	@scripts/setup slurm
	VCLUST_TEST_SLURM='$(abspath $(TARGET_DIR))/slurm-state' $(PYTHON_EXAMPLES) \
	    -m pytest -q -s -p no:cacheprovider examples -k slurm

package: ## pack the crates that are to be published, and check what is in them (VERIFY=1 compiles each)
	@scripts/setup build
	CARGO='$(CARGO)' scripts/package '$(abspath $(TARGET_DIR))' $(if $(VERIFY),--verify)

# The oldest Rust that the manifests promise, through rustup, in a target directory of its own.
MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
test-msrv: ## check that all crates compile with the oldest Rust that they promise (needs rustup)
	@scripts/setup build
	rustup toolchain install --profile minimal '$(MSRV)'
	rustup run '$(MSRV)' cargo check --locked --workspace --target-dir '$(abspath $(TARGET_DIR))/msrv'

wheel: ## build the wheel of the Python bindings, and try it in an environment of its own
	@scripts/setup python
	scripts/wheel '$(PYTHON)' '$(abspath $(TARGET_DIR))/wheels'

bench-python: python-stage ## compare the Python bindings with the library, python-apt and python-debian
	$(CARGO) build --locked --release --package vclust-benches --example baseline
	PYTHONPATH='$(PYTHON_STAGE)' VCLUST_APT_UNIVERSE='$(abspath $(TARGET_DIR))/apt-universe' \
	    $(PYTHON) scripts/bench-python --baseline '$(TARGET_DIR)/release/examples/baseline'

test-boot: ## start images and clones under QEMU: an address, logins, a compiler, MPI (needs root)
	@scripts/setup boot
	$(CARGO) test --locked --package vclust-qemu --test domains -- --ignored --nocapture
	$(CARGO) test --locked --package vclust-grid --test boot -- --ignored --nocapture --test-threads=1

# KILLS starts and stops are killed, at moments drawn by SEED; ONLY is a part of a test's name.
test-up: ## bring clusters up for real, use them, and break them in every way (KILLS=30 ONLY=...; needs root)
	@scripts/setup up
	VCLUST_TEST_KILLS=$(KILLS) $(if $(filter command%,$(origin SEED)),VCLUST_TEST_SEED=$(SEED)) \
	    $(CARGO) test --locked --package vclust-cli --test up -- \
	    --ignored --nocapture --test-threads=1 --skip xen:: $(ONLY)

# The path of the program of a package's tests, once it is built.
test_program = $$($(CARGO) test --locked --package $(1) --test $(2) --no-run --message-format=json | \
    sed -n 's/.*"executable":"\([^"]*$(2)-[^"]*\)".*/\1/p' | tail -n 1)
XEN := $(TARGET_DIR)/xen
# How tests of clusters are run on an emulated Xen host.
TEST_XEN_CLUSTERS = VCLUST=$(VCLUST) STATE=$(XEN)/clusters MEMORY=3G CONTROL=1G scripts/test-xen $(XEN) \
    "$(call test_program,vclust-cli,up)" --ignored --nocapture --test-threads=1

# ONLY is a part of a page's path, such as first-cluster.
test-book: ## run the commands of the book that start machines (ONLY=...; needs root)
	@scripts/setup book
	ONLY='$(ONLY)' $(CARGO) test --locked --package vclust-cli --test book -- --ignored --nocapture

# ONLY is a part of a test's name.
test-xen: build ## run domains and clusters under a real Xen, which QEMU emulates (ONLY=...; needs root)
	@scripts/setup xen
	scripts/test-xen $(XEN) "$(call test_program,vclust-xen,domains)" \
	    --ignored --nocapture --test-threads=1 $(ONLY)
	scripts/xen-state $(XEN)/clusters $(VCLUST) layers
	$(TEST_XEN_CLUSTERS) xen::$(ONLY) --skip xen::install

test-xen-install: build ## have PV and PVH guests of an emulated Xen host install their disks (needs root)
	@scripts/setup xen
	scripts/xen-state $(XEN)/clusters $(VCLUST) layers install
	GUESTS=pv $(TEST_XEN_CLUSTERS) xen::install
	GUESTS=pvh $(TEST_XEN_CLUSTERS) xen::install

prove-images: build ## compare images with mmdebstrap's roots (SETS=..., ONLY=name, TWICE=1)
	@scripts/setup images
	$(PYTHON) tests/images/prove.py --vclust $(VCLUST) --directory $(TARGET_DIR)/images \
	    --sets $(SETS) $(if $(ONLY),--only $(ONLY)) $(if $(TWICE),--twice) --report $(TARGET_DIR)/images.json

lint: ## check format, lints, documentation and scripts
	@scripts/setup lint
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps
	scripts/lint-files

bench: build ## run the benchmarks on this machine's package lists: in-process, then whole processes
	@scripts/setup apt
	$(CARGO) bench --locked --package vclust-benches --benches
	$(CARGO) build --locked --release --package vclust-benches --example load_index
	$(PYTHON) scripts/bench-process --vclust $(VCLUST) --directory $(TARGET_DIR)/apt-universe \
	    --load-index $(TARGET_DIR)/release/examples/load_index

bench-up: build ## time `vclust up` by phases (needs root; QUICK=1 for a trial)
	@scripts/setup clusters
	$(PYTHON) scripts/bench-up --vclust $(VCLUST) --directory $(TARGET_DIR)/bench-up $(if $(QUICK),--quick)

bench-learning: build ## compare what clusters were predicted to take with what they took (needs root)
	@scripts/setup clusters
	$(PYTHON) scripts/bench-learning --vclust $(VCLUST) --directory $(TARGET_DIR)/bench-learning

evaluation: build ## replay cache policies on real requests and write docs/src/evaluation.md (EVALUATION_REQUESTS=...)
	@scripts/setup evaluation
	$(PYTHON) scripts/evaluate --vclust $(VCLUST) --docs docs/src --count $(EVALUATION_REQUESTS)

priors: ## make the estimator's shipped priors anew (fetches 1.9 GB of packages, once)
	@scripts/setup build
	$(PYTHON) scripts/prior-tables.py --directory $(TARGET_DIR)/priors
	$(CARGO) run --locked --release --package vclust-benches --example fit_priors -- \
	    vclust-core/data/estimates

fuzz: ## fuzz each parser for FUZZ_SECONDS seconds
	@scripts/setup build
	scripts/fuzz $(FUZZ_SECONDS)

doc: ## build the API documentation, and the book where mdbook is installed
	@scripts/setup build
	$(CARGO) doc --locked --workspace --no-deps
	@if command -v mdbook >/dev/null; then \
	    mdbook build docs --dest-dir '$(abspath $(TARGET_DIR))/book'; \
	else \
	    echo 'mdbook is not installed, so the book is not built; its sources are in docs/src'; \
	fi

man: build ## write the man pages to target/man
	rm -rf '$(TARGET_DIR)/man'
	$(VCLUST) manual --man-pages '$(TARGET_DIR)/man'

reference: build ## write the book's page of the command line anew
	$(VCLUST) manual >docs/src/reference/command-line.md

# Completions go where each shell looks for those of packages.
install: man ## install the command, its man pages and completions under $(DESTDIR)$(PREFIX)
	install -D -m 755 $(VCLUST) '$(DESTDIR)$(PREFIX)/bin/vclust'
	install -D -m 644 README.md '$(DESTDIR)$(PREFIX)/share/doc/vclust/README.md'
	install -D -m 644 LICENSE '$(DESTDIR)$(PREFIX)/share/doc/vclust/LICENSE'
	install -D -m 644 -t '$(DESTDIR)$(PREFIX)/share/man/man1' '$(TARGET_DIR)'/man/*.1
	set -e; for shell in bash:bash-completion/completions/vclust zsh:zsh/site-functions/_vclust \
	    fish:fish/vendor_completions.d/vclust.fish; do \
	        $(VCLUST) completions $${shell%%:*} >'$(TARGET_DIR)/completions'; \
	        install -D -m 644 '$(TARGET_DIR)/completions' '$(DESTDIR)$(PREFIX)'/share/$${shell#*:}; \
	done

deb: build ## make a Debian package of what `make install` installs
	@scripts/setup deb
	scripts/deb '$(TARGET_DIR)/deb'

test-install: deb ## install into a directory, and the Debian package into another, and look
	scripts/test-install $(VCLUST) '$(TARGET_DIR)'/deb/vclust_*.deb

clean: ## remove everything that was built
	$(CARGO) clean
