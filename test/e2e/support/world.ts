import { execa } from "execa";
import { randomBytes } from "node:crypto";
import { readFile, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { Artifacts } from "./artifacts.ts";
import { apply, helm, kubectl, must } from "./kubectl.ts";
import { TEST_LABEL, namespaceObject, secureNamespace } from "./objects.ts";
import { namespaceBecomes } from "./read.ts";
import { TroubleRegistry, required } from "./trouble-registry.ts";

export const SYSTEM = "mlsecops-system";
export const RELEASE = "mlsecops";
export const CHART = "charts/mlsecops-operator";
export const DEPLOYMENT = "mlsecops-operator";

/** What all suites share: the operator as Helm installs it, registries, and somebody who signs. */
export interface World {
  readonly registry: string;
  readonly trouble: TroubleRegistry;
  readonly artifacts: Artifacts;
  /** The model server, signed, by digest. */
  readonly runtime: string;
  /** An image that nobody signed, by digest. */
  readonly unsigned: string;
  readonly image: { readonly repository: string; readonly digest: string };
  /** The values that the operator is installed with. */
  readonly values: string;
}

let opened: Promise<World> | undefined;

/** Prepares everything once for all suites of the process. */
export function openWorld(): Promise<World> {
  opened ??= open();
  return opened;
}

after(async () => {
  if (opened !== undefined) await (await opened).trouble.stop();
});

async function open(): Promise<World> {
  const registry = required("MLSECOPS_REGISTRY");
  const ca = await readFile(required("MLSECOPS_REGISTRY_CA"), "utf8");
  await clear();
  const trouble = await TroubleRegistry.start(registry, ca);
  const [artifacts, image, runtimeDigest, unsignedDigest] = await Promise.all([
    Artifacts.create(registry, ca),
    operatorImage(registry),
    build("runtime-onnx"),
    build("toolbox"),
  ]);
  const runtime = `${registry}/mlsecops/runtime-onnx@${runtimeDigest}`;
  await artifacts.sign(runtime);
  const values = join(await mkdtemp(join(tmpdir(), "values-")), "values.yaml");
  await writeFile(
    values,
    stringify({
      image,
      deniedAddresses: ["10.200.0.1/32", "10.96.0.1/32"],
      registry: { caBundle: `${ca.trim()}\n${trouble.ca}` },
    }),
  );
  const world = {
    registry,
    trouble,
    artifacts,
    runtime,
    unsigned: `${registry}/mlsecops/toolbox@${unsignedDigest}`,
    image,
    values,
  };
  await install(world);
  return world;
}

/** `changed` are values beside those of the world, as `--set` takes them. */
export async function install({ values }: Pick<World, "values">, ...changed: readonly string[]): Promise<void> {
  const { ok, output } = await helm([
    ...["upgrade", "--install", RELEASE, CHART, "--namespace", SYSTEM, "--create-namespace"],
    // Kinds and policies outlive what installed them, be it another release or kubectl.
    ...["--values", values, "--take-ownership", "--wait", "--timeout", "90s"],
    ...changed.flatMap((value) => ["--set", value]),
  ]);
  if (!ok) throw new Error(`helm upgrade --install: ${output}`);
}

/** What the demo, or an earlier run, left: its policies would have a say in what is tested here. */
async function clear(): Promise<void> {
  const mine = ["-l", TEST_LABEL, "--ignore-not-found", "--wait=false"];
  await kubectl(["delete", "ctp,sns,namespaces", ...mine]);
  await kubectl(["delete", "ctp", "demo", "--ignore-not-found", "--wait=false"]);
  await kubectl(["-n", SYSTEM, "delete", "secrets", ...mine]);
  for (const name of ["demo-serving", "demo-training"]) {
    await kubectl(["delete", `sns/${name}`, `namespace/${name}`, "--ignore-not-found", "--wait=false"]);
  }
}

/** The image that runs already; built where the operator is not installed. */
async function operatorImage(registry: string): Promise<World["image"]> {
  const path = "jsonpath={.spec.template.spec.containers[0].image}";
  const { ok, output } = await kubectl(["-n", SYSTEM, "get", "deployment", DEPLOYMENT, "-o", path]);
  const [repository = "", digest = ""] = ok ? output.split("@") : [];
  if (digest !== "") return { repository, digest };
  return { repository: `${registry}/mlsecops/operator`, digest: await build("operator") };
}

async function build(image: string): Promise<string> {
  const { stdout } = await execa("images/build", [image, "--push", "--json"]);
  return (JSON.parse(stdout) as { digest: string }).digest;
}

export function unique(name: string): string {
  return `${name}-${randomBytes(3).toString("hex")}`;
}

/** A namespace with a SecureNamespace, ready. `spec` is added to a serving one that enforces. */
export async function securedNamespace(name: string, spec: object, ready = "Enforced"): Promise<void> {
  await apply(namespaceObject(name), secureNamespace(name, spec));
  await namespaceBecomes(name, ready);
}

/** Takes away what a suite made; nobody waits for it. */
export async function discard(...objects: readonly string[]): Promise<void> {
  for (const object of objects) await must(["delete", object, "--ignore-not-found", "--wait=false"]);
}

export async function operatorPod(): Promise<{ name: string; ip: string; restarts: number }> {
  const selector = ["-l", `app.kubernetes.io/name=${DEPLOYMENT}`, "--field-selector=status.phase=Running"];
  const { items } = JSON.parse(await must(["-n", SYSTEM, "get", "pods", ...selector, "-o", "json"])) as {
    items: {
      metadata: { name: string; deletionTimestamp?: string };
      status: { podIP: string; containerStatuses?: { restartCount: number }[] };
    }[];
  };
  const pod = items.find(({ metadata }) => metadata.deletionTimestamp === undefined);
  if (pod === undefined) throw new Error("the operator does not run");
  const restarts = pod.status.containerStatuses?.reduce((sum, { restartCount }) => sum + restartCount, 0) ?? 0;
  return { name: pod.metadata.name, ip: pod.status.podIP, restarts };
}

/** How many passes its controllers have made since the operator started, however they ended. */
export async function reconciles(): Promise<number> {
  const { ip } = await operatorPod();
  const text = await (await fetch(`http://${ip}:8081/metrics`)).text();
  const counts = [...text.matchAll(/^mlsecops_reconcile_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}
