import { execa } from "execa";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SecureModelKind } from "../../../src/api/fluent.ts";
import { Artifacts } from "../../e2e/support/artifacts.ts";
import { goldenModel, rightAnswer } from "../../e2e/support/golden.ts";
import { apply, must } from "../../e2e/support/kubectl.ts";
import type { Count } from "../../e2e/support/load.ts";
import { namespaceObject, policy, secureNamespace } from "../../e2e/support/objects.ts";
import { becomesHealthy, find, goesBackTo, modelBecomes, namespaceBecomes } from "../../e2e/support/read.ts";
import { required } from "../../e2e/support/trouble-registry.ts";
import { type Counts, underLoad } from "../../e2e/support/under-load.ts";
import { answersWrongly } from "../../e2e/support/versions.ts";
import { eventually } from "../../e2e/support/wait.ts";
import { Installation } from "../../integration/operator/support/installation.ts";
import { OperatorProcess } from "../../integration/operator/support/operator-process.ts";
import { type Row, loads } from "../support/report.ts";

/** How often a version comes and goes in each of the ways. */
const rollbacks = 3;
const theirs = "none: what a pod does when it is to end is for its template to say";

/** What a pod does when it is told to end. */
interface Way {
  readonly what: string;
  /** As the model says it; absent: the default. */
  readonly drain?: string;
  /** How long the runtime itself goes on answering after SIGTERM. */
  readonly runtimeSeconds: number;
  readonly aim: string;
}

const ways: readonly Way[] = [
  { what: "the default drain of 10 s, and 3 s of the runtime's own", runtimeSeconds: 3, aim: "0" },
  { what: "the default drain of 10 s, and a runtime that ends at once", runtimeSeconds: 0, aim: "0" },
  { what: "drain: 0s, and 3 s of the runtime's own", drain: "0s", runtimeSeconds: 3, aim: "none" },
  { what: "drain: 0s, and a runtime that ends at once", drain: "0s", runtimeSeconds: 0, aim: "none" },
];

interface Served {
  readonly artifacts: Artifacts;
  readonly reference: string;
  /** By digest. */
  readonly runtime: string;
  /** Of an inference request. */
  readonly body: string;
}

/** Requests that fail while a version that answers wrongly comes, is found out and goes, on the real node; with and without draining. */
export async function drain(): Promise<readonly Row[]> {
  const installation = new Installation();
  await installation.install();
  const operator = await OperatorProcess.start(await installation.operatorKubeConfig());
  try {
    const served = await prepare();
    const rows: Row[] = [];
    for (const [index, way] of ways.entries()) rows.push(await tried(way, `bench-drain-${index}`, served));
    return rows;
  } catch (error) {
    throw new Error(operator.log, { cause: error });
  } finally {
    await operator.kill();
    installation.transport.close();
  }
}

/** A model and the runtime of the demo, signed, in the cluster's registry. */
async function prepare(): Promise<Served> {
  const registry = required("MLSECOPS_REGISTRY");
  const artifacts = await Artifacts.create(registry, await readFile(required("MLSECOPS_REGISTRY_CA"), "utf8"));
  const { stdout } = await execa("images/build", ["runtime-onnx", "--push", "--json"]);
  const runtime = `${registry}/mlsecops/runtime-onnx@${(JSON.parse(stdout) as { digest: string }).digest}`;
  await artifacts.sign(runtime);
  const digest = await artifacts.signedModel("bench/drain", "v1", "drain");
  const body = await readFile(join(artifacts.directory, "sample-request.json"), "utf8");
  return { artifacts, reference: `${registry}/bench/drain@${digest}`, runtime, body };
}

async function tried(way: Way, namespace: string, { artifacts, reference, runtime, body }: Served): Promise<Row> {
  const version = (name: string, container: object = {}): object => {
    const env = { MODEL_NAME: "iris", DRAIN_SECONDS: String(way.runtimeSeconds), VERSION: name };
    const named = Object.entries(env).map(([variable, value]) => ({ name: variable, value }));
    return goldenModel(namespace, reference, {
      runtime,
      body,
      container: { ...container, env: named },
      managed: way.drain === undefined ? {} : { drain: way.drain },
      spec: { rollback: { coolDown: "1s", maxPerDay: rollbacks, latchAfter: rollbacks + 1 } },
    });
  };
  const trust = policy(namespace, { references: ["**"], namespaces: [namespace] }, { inline: artifacts.publicKey });
  await apply(trust, namespaceObject(namespace));
  await apply(secureNamespace(namespace, { allowedImages: [{ name: "runtime", reference: runtime }] }));
  try {
    await namespaceBecomes(namespace, "Enforced");
    await apply(version("good"));
    await modelBecomes(namespace, "iris", "Serving", 90_000);
    const good = await becomesHealthy(namespace, "iris");
    const seen: Counts[] = [];
    for (let round = 1; round <= rollbacks; round++) {
      const load = { namespace, body, expected: rightAnswer };
      const counts = await underLoad(`${way.what}, rollback ${round}`, load, async () => {
        await apply(version(`wrong ${round}`, answersWrongly));
        // The status still says what became of the one before.
        await eventually(
          "the new version is asked",
          () => find(SecureModelKind, "iris", namespace),
          (model) => model?.status?.active?.revision !== good,
          60_000,
        );
        await goesBackTo(good, namespace, "iris", /golden/);
      });
      seen.push(counts);
    }
    return rowOf(way, seen);
  } finally {
    // Waits: the operator that is to let go of them ends after this.
    const objects = ["sns", "namespace", "ctp"].map((kind) => `${kind}/${namespace}`);
    await must(["delete", ...objects, "--ignore-not-found", "--timeout=120s"]);
  }
}

function rowOf({ what, aim, ...way }: Way, seen: readonly Counts[]): Row {
  const kept = seen.map((counts) => counts.kept);
  const fresh = seen.map((counts) => counts.fresh);
  return {
    what: `requests failed in ${rollbacks} rollbacks: ${what}`,
    ours: `kept connections: ${failed(kept)}; new ones: ${failed(fresh)}`,
    theirs,
    aim,
    raw: { way, kept, fresh, load: loads() },
  };
}

function failed(counts: readonly Count[]): string {
  const sum = (of: (count: Count) => number): number => counts.reduce((all, count) => all + of(count), 0);
  const reasons = [...new Set(counts.flatMap((count) => Object.keys(count.reasons)))];
  const why = reasons.map((reason) => `${reason} ${sum((count) => count.reasons[reason] ?? 0)}`);
  const many = sum((count) => count.failed);
  return `${many} of ${many + sum((count) => count.answered)}${many === 0 ? "" : ` (${why.join(", ")})`}`;
}
