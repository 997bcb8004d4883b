import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { parse, stringify } from "yaml";
import { kubectl } from "../admission/support.ts";

const main = new URL("../../../src/cli/main.ts", import.meta.url).pathname;

function mlsecops(args: readonly string[], kubeconfig?: string) {
  const env = kubeconfig === undefined ? {} : { KUBECONFIG: kubeconfig };
  return execa(process.execPath, [main, ...args], { reject: false, all: true, env });
}

interface KubeConfig {
  readonly clusters: { name?: string; cluster: { server: string } }[];
  readonly users: { user: Record<string, unknown> }[];
  readonly contexts: { name: string; context: { cluster: string } }[];
  "current-context": string;
}

describe("mlsecops preflight", function () {
  this.timeout(60_000);
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "preflight-"));
  });
  after(() => rm(directory, { recursive: true }));

  /** The kubeconfig of the cluster under test, changed. */
  async function changed(change: (config: KubeConfig) => void): Promise<string> {
    const { output } = await kubectl(["config", "view", "--raw", "--flatten"]);
    const config = parse(output) as KubeConfig;
    change(config);
    const path = join(directory, "kubeconfig");
    await writeFile(path, stringify(config));
    return path;
  }

  it("reads a real cluster: what does not depend on its nodes is ok", async () => {
    const { all, exitCode } = await mlsecops(["preflight"]);
    for (const name of ["API server", "image volumes", "admission policies", "rights to install"])
      assert.match(all, new RegExp(`^  ${name} +ok `, "m"));
    assert.match(all, /^ {2}kinds +ok .*(not installed|all \d+ are served)/m);
    // A control plane of simulated nodes lacks a runtime; a real node lacks nothing.
    const real = /container runtime +ok/.test(all);
    assert.equal(exitCode, real ? 0 : 1, all);
    if (!real) assert.match(all, /container runtime +LACKING +no image volumes on kwok-0/);
  });

  it("says what a user without rights cannot do, and does not take silence for an answer", async () => {
    const { stdout: token } = await execa("kubectl", ["create", "token", "default", "-n", "default"]);
    const kubeconfig = await changed(({ users }) => users.forEach((entry) => (entry.user = { token })));
    const { all, exitCode } = await mlsecops(["preflight", "--kubeconfig", kubeconfig]);
    assert.match(all, /^ {2}rights to install +LACKING +you cannot create namespaces, patch namespaces, /m);
    assert.match(all, /^ {2}container runtime +cannot tell +403 nodes is forbidden/m);
    assert.equal(exitCode, 1);
  });

  it("cannot tell where nobody listens, and says why", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    const kubeconfig = await changed(({ clusters }) =>
      clusters.forEach(({ cluster }) => (cluster.server = `https://127.0.0.1:${port}`)),
    );
    const { all, exitCode } = await mlsecops(["preflight"], kubeconfig);
    assert.match(all, new RegExp(`API server +cannot tell +connect ECONNREFUSED 127.0.0.1:${port}`));
    assert.equal(exitCode, 3);
  });

  it("asks the cluster of the context that is named, and says which there are", async () => {
    const kubeconfig = await changed((config) => {
      const [here] = config.contexts;
      assert(here !== undefined);
      here.name = "here";
      config.clusters.push({ name: "nowhere", cluster: { server: "https://127.0.0.1:9" } });
      config.contexts.push({ name: "elsewhere", context: { ...here.context, cluster: "nowhere" } });
      config["current-context"] = "elsewhere";
    });
    const found = await mlsecops(["preflight", "--without-nodes", "--kubeconfig", kubeconfig, "--context", "here"]);
    assert.match(found.all, /^ {2}API server +ok /m);
    assert.equal((await mlsecops(["preflight", "--context", "elsewhere"], kubeconfig)).exitCode, 3);
    const { all, exitCode } = await mlsecops(["preflight", "--context", "there"], kubeconfig);
    assert.match(all, /^mlsecops: --context there: the kubeconfig has no such context; there is here, elsewhere$/m);
    assert.equal(exitCode, 2);
  });

  it("ends with 2 when its command line is wrong", async () => {
    assert.equal((await mlsecops(["preflght"])).exitCode, 2);
  });
});
