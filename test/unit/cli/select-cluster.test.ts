import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { selectCluster } from "../../../src/cli/select-cluster.ts";
import { InputError } from "../../../src/cli/usage-error.ts";

const document = (current: string, ...names: readonly string[]): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: names.map((name) => ({ name, cluster: { server: `https://${name}.example.com` } })),
    users: names.map((name) => ({ name, user: { token: `token-${name}` } })),
    contexts: names.map((name) => ({ name, context: { cluster: name, user: name, namespace: `${name}-models` } })),
    "current-context": current,
  });

describe("the choice of a cluster", () => {
  const before = { KUBECONFIG: process.env["KUBECONFIG"], HOME: process.env["HOME"] };
  const wrong = (message: string): Error => new Error(`wrong: ${message}`);
  let directory: string;
  let kubeconfig: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "kubeconfig-"));
    kubeconfig = join(directory, "config");
    await writeFile(kubeconfig, document("staging", "staging", "production"));
  });
  afterEach(async () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
    await rm(directory, { recursive: true });
  });

  /** What kubernetes-fluent-client asks: it knows of nothing but the environment. */
  function asked(): string | undefined {
    const config = new KubeConfig();
    config.loadFromDefault();
    return `${config.getCurrentCluster()?.server ?? ""} ${config.getCurrentUser()?.token ?? ""}`;
  }

  it("is the current context's, where none is named", () => {
    assert.equal(selectCluster({ kubeconfig, context: undefined }, wrong).namespace, "staging-models");
    assert.equal(asked(), "https://staging.example.com token-staging");
  });

  it("is that of the context that is named, for all that asks", () => {
    for (const context of ["production", "staging", "production"]) {
      const { kubeConfig, namespace } = selectCluster({ kubeconfig, context }, wrong);
      assert.equal(namespace, `${context}-models`);
      assert.equal(kubeConfig.getCurrentCluster()?.server, `https://${context}.example.com`);
      assert.equal(asked(), `https://${context}.example.com token-${context}`);
    }
  });

  it("finds a context in the second of two files", async () => {
    const second = join(directory, "second");
    await writeFile(second, document("dr", "dr"));
    process.env["KUBECONFIG"] = `${kubeconfig}:${second}`;
    selectCluster({ kubeconfig: undefined, context: "production" }, wrong);
    assert.equal(asked(), "https://production.example.com token-production");
  });

  it("finds a context of the file in the home directory", async () => {
    delete process.env["KUBECONFIG"];
    process.env["HOME"] = directory;
    await mkdir(join(directory, ".kube"));
    await writeFile(join(directory, ".kube/config"), document("a", "a", "b"));
    selectCluster({ kubeconfig: undefined, context: "b" }, wrong);
    assert.equal(asked(), "https://b.example.com token-b");
  });

  it("says which contexts there are, where the one that is named is not", () => {
    assert.throws(
      () => selectCluster({ kubeconfig, context: "prod" }, wrong),
      (error) =>
        error instanceof InputError &&
        error.message === "--context prod: the kubeconfig has no such context; there is staging, production",
    );
  });

  it("says that there is no kubeconfig", () => {
    assert.throws(
      () => selectCluster({ kubeconfig: "/absent", context: "a" }, wrong),
      /^Error: wrong: no kubeconfig: .*absent/,
    );
  });
});
