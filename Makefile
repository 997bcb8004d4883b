# Everything people and CI do here. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Each target starts clusters or builds of its own; they do not gain from running side by side.
.NOTPARALLEL:

# The Node of package-lock.json, not the machine's. npm itself runs on the machine's.
NODE := node_modules/.bin/node
LOCAL := tools/cluster/cluster
# A cluster that is there already, for the targets that say so: KUBECONFIG=FILE, or CLUSTER=kind.
EXISTING := $(KUBECONFIG)$(CLUSTER)
# The test vectors are kept byte for byte.
PRETTIER := $(NODE) node_modules/prettier/bin/prettier.cjs --log-level=warn . '!test/vectors/**'

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  demo, preflight, test-integration, test-e2e and these two of test run on the local cluster, or on one that is there:'
	@echo '    make TARGET KUBECONFIG=FILE      that one. With nodes: MLSECOPS_REGISTRY, MLSECOPS_REGISTRY_CA, see tools/README.md'
	@echo '    make TARGET CLUSTER=kind         one that kind makes of kind-config.yaml (needs kind and a container engine; untested)'
	@echo '  A KUBECONFIG of your environment counts: `env -u KUBECONFIG make …` is the local cluster.'

# ---------------------------------------------------------------------- setup

# npm writes this file at the end of each install.
node_modules/.package-lock.json: package-lock.json
	@if [ -L node_modules ]; then \
	  echo "node_modules is a symbolic link, and npm ci would empty $$(readlink node_modules): remove the link (rm node_modules) and call make again" >&2; exit 1; \
	fi
	@mkdir -p build && . tools/cluster/lib/common.sh && with_progress 'npm ci' build/npm.log npm ci --no-audit --no-fund || \
	  { tail -n 30 build/npm.log >&2; exit 1; }
	@touch $@

.PHONY: setup tools
setup: node_modules/.package-lock.json tools ## npm ci, build the local cluster and the images (first time: about 15 minutes)
	@demo/prepare

tools:
	$(LOCAL) build

# ---------------------------------------------------------------------- source

.PHONY: verify check-format check-lint check-types check-generated check-licences generate manifests format
verify: check-format check-lint check-types check-generated check-licences ## format, lint, types, generated files, licences (-k: all of them, whatever fails)

check-format: node_modules/.package-lock.json
	$(PRETTIER) --check

check-lint: node_modules/.package-lock.json
	$(NODE) node_modules/eslint/bin/eslint.js .

check-types: node_modules/.package-lock.json
	$(NODE) node_modules/typescript/bin/tsc -p .

check-generated: node_modules/.package-lock.json
	$(NODE) --import=tsx src/generate/main.ts --check

check-licences: node_modules/.package-lock.json
	$(NODE) release/licences.ts

generate: node_modules/.package-lock.json ## write all that is generated from the schemas
	$(NODE) --import=tsx src/generate/main.ts

manifests: node_modules/.package-lock.json ## render the chart into manifests/install (after a change of the chart)
	@$(LOCAL) build helm
	@. tools/cluster/lib/common.sh && PATH="$$BIN:$$PATH" $(NODE) --import=tsx src/generate/manifests.ts

format: node_modules/.package-lock.json ## format all files in place
	$(PRETTIER) --write

# ---------------------------------------------------------------------- tests

.PHONY: demo preflight
# `up` builds what a node needs, and nothing else.
demo: node_modules/.package-lock.json ## the main job on a real cluster, step by step
ifeq ($(EXISTING),)
	@$(LOCAL) up && demo/prepare && $(LOCAL) exec -- demo/run
else
	@tools/cluster/existing pods registry disk -- demo/run
endif

preflight: node_modules/.package-lock.json ## what a cluster lacks to run the operator
ifeq ($(EXISTING),)
	@$(LOCAL) up && $(LOCAL) exec -- $(NODE) src/cli/main.ts preflight
else
	@tools/cluster/existing pods -- true
endif

.PHONY: test test-unit test-programs test-faults test-node coverage test-integration test-e2e test-cluster test-images
test: setup ## all suites; the last line is "N passed, N failed"
	@test/run

test-unit: node_modules/.package-lock.json ## functions and modules, without a cluster
	@test/run unit

test-programs: node_modules/.package-lock.json ## beside real programs on loopback, without a cluster: promtool, helm, an S3 store, KServe's SDK
	@test/run programs

test-faults: node_modules/.package-lock.json ## what goes wrong around the operator, in the long form; FAULTS_SEED=7 FAULTS_SCHEDULES=1 repeats one schedule
	@test/faults/run

test-node: node_modules/.package-lock.json ## the same on this machine's own Node, 20.19 or newer
	@node --import=tsx node_modules/mocha/bin/mocha.js 'test/unit/**/*.test.ts'

coverage: node_modules/.package-lock.json ## how much of src the unit tests reach; pages in coverage/
	@$(NODE) node_modules/c8/bin/c8.js --all --src src --include 'src/**' --reporter text --reporter html \
		$(NODE) node_modules/mocha/bin/mocha.js --reporter dot 'test/unit/**/*.test.ts'

.PHONY: mutation
mutation: node_modules/.package-lock.json ## which guards of src/trust no unit test misses; in 20 minutes at most, FILES="opinion vouching" for some
	@test/mutation/run $(FILES)

test-integration: node_modules/.package-lock.json ## against an API server; without root on a control plane, and then not all of it
	@test/run integration

test-e2e: node_modules/.package-lock.json ## the main job on a real node
	@test/run e2e

test-cluster: setup ## the local cluster itself
	@test/run cluster

test-images: setup ## the images, in their layers
	@test/run images

.PHONY: bench
bench: node_modules/.package-lock.json ## how fast it is, beside its peers in the same run; figures in build/bench/ (BENCH_MODELS=200: sooner)
	@test/bench/run

.PHONY: release
release: setup ## rehearse a release: signed images with SBOM and provenance, chart, manifests; in build/release/
	@release/run

# ---------------------------------------------------------------------- local cluster and images

.PHONY: cluster-up cluster-down cluster-status images clean
cluster-up: tools ## start the local cluster
	$(LOCAL) up

cluster-down: ## end the local cluster; nothing stays behind
	$(LOCAL) down

cluster-status: ## components, nodes, addresses; fails unless all is healthy
	$(LOCAL) status

images: setup ## build all images; prints name, digest and size
	images/build all

clean: ## remove what was built here (not the cache outside, nor node_modules)
	rm -rf build coverage
