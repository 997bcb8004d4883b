# Everything people and CI do here. `make help` lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# Each target starts clusters or builds of its own; they do not gain from running side by side.
.NOTPARALLEL:

# The Node of package-lock.json, not the machine's. npm itself runs on the machine's.
NODE := node_modules/.bin/node
CLUSTER := tools/cluster/cluster
# The test vectors are kept byte for byte.
PRETTIER := $(NODE) node_modules/prettier/bin/prettier.cjs --log-level=warn . '!test/vectors/**'

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' Makefile

# ---------------------------------------------------------------------- setup

# npm writes this file at the end of each install.
node_modules/.package-lock.json: package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

.PHONY: setup tools
setup: node_modules/.package-lock.json tools ## npm ci, and build the local cluster (first time: 15 to 25 minutes)

tools:
	$(CLUSTER) build

# ---------------------------------------------------------------------- source

.PHONY: verify check-format check-lint check-types check-generated generate format
verify: check-format check-lint check-types check-generated ## format, lint, types, generated files (-k: all of them, whatever fails)

check-format: node_modules/.package-lock.json
	$(PRETTIER) --check

check-lint: node_modules/.package-lock.json
	$(NODE) node_modules/eslint/bin/eslint.js .

check-types: node_modules/.package-lock.json
	$(NODE) node_modules/typescript/bin/tsc -p .

check-generated: node_modules/.package-lock.json
	$(NODE) --import=tsx src/generate/main.ts --check

generate: node_modules/.package-lock.json ## write all that is generated from the schemas
	$(NODE) --import=tsx src/generate/main.ts

format: node_modules/.package-lock.json ## format all files in place
	$(PRETTIER) --write

# ---------------------------------------------------------------------- tests

.PHONY: demo
demo: setup ## the main job on a real cluster, step by step
	@tools/cluster/cluster build && tools/cluster/cluster up && tools/cluster/cluster exec -- demo/run

.PHONY: test test-unit test-integration test-e2e test-cluster test-images
test: setup ## all suites; the last line is "N passed, N failed"
	@test/run

test-unit: node_modules/.package-lock.json ## functions and modules, without a cluster
	@test/run unit

test-integration: setup ## against the local cluster's API server
	@test/run integration

test-e2e: setup ## the main job on a real node
	@test/run e2e

test-cluster: setup ## the local cluster itself
	@test/run cluster

test-images: setup ## the images, in their layers
	@test/run images

# ---------------------------------------------------------------------- local cluster and images

.PHONY: cluster-up cluster-down cluster-status images clean
cluster-up: tools ## start the local cluster
	$(CLUSTER) up

cluster-down: ## end the local cluster; nothing stays behind
	$(CLUSTER) down

cluster-status: ## components, nodes, addresses; fails unless all is healthy
	$(CLUSTER) status

images: setup ## build all images; prints name, digest and size
	images/build all

clean: ## remove what was built here (not the cache outside, nor node_modules)
	rm -rf build coverage
