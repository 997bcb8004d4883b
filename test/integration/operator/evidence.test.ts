import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { parseAllDocuments } from "yaml";
import { type EvidencePredicate, KEY_CHAIN, type SecureNamespace, secureNamespace } from "../../../src/api/index.ts";
import { DirectoryStore, readRecord } from "../../../src/governance/index.ts";
import type { KubeObject } from "../../../src/kube/index.ts";
import { apply, must } from "../admission/support.ts";
import { until } from "../kube/support.ts";
import { operatorNamespace } from "./support/installation.ts";
import { type Lane, modelName, models } from "./support/lane.ts";
import { type OperatorProcess, quiet } from "./support/operator-process.ts";
import { Stage, reach } from "./support/stage.ts";

const main = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const chart = fileURLToPath(new URL("../../../charts/mlsecops-operator", import.meta.url));
const { signal } = new AbortController();

interface WithEvidence extends KubeObject {
  readonly status?: { readonly evidence?: { readonly sequence: number; readonly head: string } };
}

interface Report {
  readonly chains: readonly { readonly object?: { readonly namespace?: string }; readonly records: number }[];
}

/** What the chart makes for evidence: an empty Secret, an empty ConfigMap, and the right to fill these two. */
async function installEvidence(): Promise<void> {
  const { stdout } = await execa("helm", [
    ...["template", "mlsecops-operator", chart, "--namespace", operatorNamespace],
    ...["--set", "evidence.store=Repository,evidence.repository.reference=registry.test/e"],
    ...["--show-only", "templates/evidence.yaml"],
  ]);
  const objects = parseAllDocuments(stdout).map((document) => document.toJS() as KubeObject);
  assert.deepEqual(
    objects.map(({ kind }) => kind),
    ["Secret", "ConfigMap", "Role", "RoleBinding"],
  );
  // As on a first installation.
  for (const { kind = "", metadata } of objects)
    await must(["delete", kind, metadata.name, "-n", operatorNamespace, "--ignore-not-found"]);
  await apply(objects);
}

async function audit(...args: readonly string[]): Promise<string> {
  const command = [...process.execArgv, main, "audit", "verify", "--key-from-cluster", ...args];
  const { all, exitCode } = await execa(process.execPath, command, { reject: false, all: true });
  assert.equal(exitCode, 0, all);
  return all;
}

describe("Rule 8: every decision leaves evidence, of the operator itself", function () {
  this.timeout(300_000);
  const stage = new Stage();
  let directory: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "evidence-"));
    await stage.set();
    await installEvidence();
  });
  after(async () => {
    await stage.strike();
    await rm(directory, { recursive: true });
  });

  async function evidenceOf(uid: string): Promise<readonly EvidencePredicate[]> {
    const store = new DirectoryStore(directory);
    const entries = (await store.list(signal)).filter(({ chain }) => chain === uid);
    const records = await Promise.all(entries.map((entry) => store.read(entry, signal)));
    return records.map((bytes) => {
      const read = readRecord(bytes);
      assert.ok(read.ok);
      return read.statement.predicate;
    });
  }

  async function model(lane: Lane): Promise<WithEvidence | undefined> {
    return stage.installation.admin.get<WithEvidence>(models, { namespace: lane.name, name: modelName });
  }

  const has = async (uid: string, type: string) =>
    (await evidenceOf(uid)).some(({ decision }) => decision.type === type);

  it("in a directory: killed again and again, the chains stay sound and miss nothing", async () => {
    const [lane] = stage.lanes(1);
    assert.ok(lane);
    const args = ["--evidence-store=Directory", `--evidence-directory=${directory}`];
    const count = async () => (await new DirectoryStore(directory).list(signal)).length;
    /** What is said of this tenant; what other tests have left in the cluster may be verified again meanwhile. */
    const written = async (): Promise<readonly unknown[]> => {
      const namespace = await stage.installation.admin.get(secureNamespace.resource, { name: lane.name });
      const chains = [(await model(lane))?.metadata.uid ?? "", namespace?.metadata.uid ?? ""];
      return Promise.all(chains.map(async (chain) => (await evidenceOf(chain)).map(({ decision }) => decision)));
    };
    const isEnforced = async () => {
      const namespace = await stage.installation.admin.get<SecureNamespace>(secureNamespace.resource, {
        name: lane.name,
      });
      return (
        namespace?.status?.conditions?.some(({ type, status }) => type === "Enforced" && status === "True") === true
      );
    };
    let operator: OperatorProcess | undefined;
    try {
      await lane.create();
      const uid = (await model(lane))?.metadata.uid ?? "";
      // Killed as soon as something more was written down, with the rest under way.
      for (let died = 0; died < 4; died++) {
        const before = await count();
        operator = await stage.operator({ args });
        await until(async () => (await count()) > before || (await lane.serves("v1")), 120_000);
        await operator.kill();
      }
      operator = await stage.operator({ args });
      await reach([lane], () => lane.serves("v1"), { operator, withinMs: 120_000 });
      await until(() => has(uid, "Grant"));
      await lane.trust(false);
      await until(() => has(uid, "Withdrawal"), 60_000);
      await operator.kill();
      operator = await stage.operator({ args });
      await reach([lane], () => lane.quarantined(), { operator, withinMs: 120_000 });
      await until(() => has(uid, "Quarantine"));
      // The last pod is gone: what is still to be said of the namespace and of other objects is written down too.
      await until(isEnforced, 60_000);
      await quiet(operator);
      await operator.kill();
      // One that finds all as it was has nothing to add.
      const before = await written();
      operator = await stage.operator({ args });
      await until(() => operator?.log.includes("evidence is recorded") === true, 60_000);
      await quiet(operator);
      assert.deepEqual(await written(), before);

      const decisions = (await evidenceOf(uid)).map(({ decision }) => decision);
      const outcomes = decisions.flatMap((one) => (one.type === "Verdict" ? [one.outcome] : []));
      assert.deepEqual(outcomes.slice(-2), ["Verified", "Rejected"]);
      assert.equal(decisions.filter(({ type }) => type === "Quarantine").length, 1);
      const report = await audit("--dir", directory, "--object", `SecureModel/${lane.name}/${modelName}`);
      assert.match(report, new RegExp(`SecureModel/${lane.name}/${modelName} +${decisions.length} .* sound`));
      assert.match(report, new RegExp(`^${KEY_CHAIN} +1 .* sound`, "m"));
      await audit("--dir", directory);

      const evidence = (await model(lane))?.status?.evidence;
      assert.ok(evidence !== undefined, "the status names the head of the chain");
      await audit("--dir", directory, "--head", evidence.head);
      const { stdout } = await execa("kubectl", [
        "get",
        "secret",
        "mlsecops-evidence-key",
        "-n",
        operatorNamespace,
        "-o",
        "yaml",
      ]);
      const key = /evidence\.key: (\S+)/.exec(stdout)?.[1] ?? "";
      assert.ok(key.length > 100);
      assert.ok(!operator.log.includes(key) && !operator.log.includes("PRIVATE"), "no key in the log");
    } finally {
      await operator?.kill();
    }
  });

  it("in a repository of the cluster's registry", async () => {
    const [lane] = stage.lanes(1);
    assert.ok(lane);
    const repository = `${process.env["MLSECOPS_REGISTRY"] ?? ""}/evidence/${randomUUID()}`;
    const ca = process.env["MLSECOPS_REGISTRY_CA"] ?? "";
    const operator = await stage.operator({
      args: ["--evidence-store=Repository", `--evidence-repository=${repository}`],
    });
    try {
      await lane.create();
      await reach([lane], () => lane.serves("v1"), { operator, withinMs: 120_000 });
      await lane.trust(false);
      await reach([lane], () => lane.quarantined(), { operator, withinMs: 120_000 });
      const records = async (): Promise<number> => {
        const { chains } = JSON.parse(await audit("--repository", repository, "--ca-file", ca, "-o", "json")) as Report;
        return chains.find(({ object }) => object?.namespace === lane.name)?.records ?? 0;
      };
      // At least: verdict, grant, withdrawal, verdict, quarantine.
      await until(async () => (await records()) >= 5, 60_000);
    } finally {
      await operator.kill();
    }
  });
});
