import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type AddressCheck, Egress } from "../../egress/index.ts";
import { StoreError, basicLogin } from "../../governance/index.ts";
import { type Clock, sleep } from "../../kube/index.ts";
import { parseReference } from "../../trust/index.ts";
import type { ImportPlan, ImportResult } from "../plan.ts";
import { HttpSource, headersOf } from "./http.ts";
import { ImportError } from "./import-error.ts";
import { importSource } from "./import-source.ts";
import { Pusher, hostOf } from "./push.ts";
import { S3Source, keysOf } from "./s3.ts";
import type { Source } from "./source.ts";
import { VolumeSource } from "./volume.ts";

export interface Surroundings {
  /** Folders: of the volume, the two Secrets, and one to write to. */
  readonly volume: string;
  readonly secret: string;
  readonly login: string;
  readonly scratch: string;
  readonly caBundle: string | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Only a test, which has its servers on loopback, has reason to. */
  readonly addressCheck?: AddressCheck | undefined;
}

const pausesMs = [1_000, 5_000];
/** For one file, or one upload. The Job's own deadline is shorter than several of these. */
const transferMs = 60 * 60_000;
const waitMs = 5 * 60_000;

/** Imports as the plan says, with a few attempts where the trouble may pass. Never rejects but with what is not foreseen. */
export async function runImport(plan: ImportPlan, around: Surroundings): Promise<ImportResult> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await attemptOnce(plan, around);
    } catch (error) {
      if (!(error instanceof ImportError)) throw error;
      const pauseMs = pausesMs[attempt];
      const isLast = !error.isPassing || pauseMs === undefined || !(await sleep(around.clock, pauseMs, around.signal));
      if (isLast) return { outcome: "Failed", reason: error.reason, message: error.message.slice(0, 1024) };
    }
  }
}

async function attemptOnce(plan: ImportPlan, around: Surroundings): Promise<ImportResult> {
  const parsed = parseReference(plan.repository);
  if (!parsed.ok) throw new ImportError("Misconfigured", `spec.source.import.repository: ${parsed.message}`);
  const { registry, repository } = parsed.reference;
  const { plainHttpHosts } = plan;
  const common = {
    plainHttpHosts,
    deniedAddresses: plan.deniedAddresses,
    caBundle: around.caBundle,
    timeoutMs: waitMs,
    connectTimeoutMs: 10_000,
    addressCheck: around.addressCheck,
  };
  // Two ways out, so that what one may reach the other may not.
  const toSource = new Egress({ ...common, allowedHosts: sourceHosts(plan.source) });
  const toRegistry = new Egress({ ...common, allowedHosts: registryHosts(registry, plan.tokenHosts) });
  try {
    const source = await sourceOf(plan, around, toSource);
    const basic = plan.login ? await loginOf(around.login, registry, repository) : undefined;
    const { signal } = around;
    const pusher = new Pusher({
      ...{ egress: toRegistry, target: { registry, repository }, plainHttpHosts },
      ...{ basic, signal, deadlineMs: transferMs },
    });
    return await importSource(plan, { source, pusher, scratch: around.scratch });
  } finally {
    await toSource.close();
    await toRegistry.close();
  }
}

/** "host:port", so that no other port of the same host is meant. */
function sourceHosts(source: ImportPlan["source"]): readonly string[] {
  if (source.kind === "pvc") return [];
  const own = new URL(source.kind === "s3" ? source.endpoint : source.url);
  const listed = source.kind === "http" ? source.redirectHosts : [];
  return [hostPort(own.host, own.protocol), ...listed.map((host) => hostPort(host, "https:"))];
}

function registryHosts(registry: string, tokenHosts: readonly string[]): readonly string[] {
  const known = registry === "docker.io" ? ["auth.docker.io"] : [];
  // The port of a registry without one is 443, or 80 where it may be spoken to in the clear.
  return [hostOf(registry), ...[...known, ...tokenHosts].map((host) => hostPort(host, "https:"))];
}

function hostPort(host: string, protocol: string): string {
  return /:\d+$/.test(host) ? host : `${host}:${protocol === "http:" ? 80 : 443}`;
}

async function sourceOf({ source }: ImportPlan, around: Surroundings, egress: Egress): Promise<Source> {
  const asking = { egress, signal: around.signal, deadlineMs: transferMs };
  switch (source.kind) {
    case "pvc":
      return new VolumeSource(around.volume, source.path ?? "");
    case "http":
      return new HttpSource(source, asking, source.secret ? headersOf(await entriesOf(around.secret)) : {});
    case "s3": {
      const keys = source.secret ? keysOf(await entriesOf(around.secret)) : undefined;
      return new S3Source(source, asking, keys, () => around.clock.now());
    }
  }
}

/** The entries of a mounted Secret. */
async function entriesOf(directory: string): Promise<ReadonlyMap<string, string>> {
  // Beside the entries lie the folders that the kubelet swaps: their names start with two dots.
  const names = (await readdir(directory)).filter((name) => !name.startsWith(".."));
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name), "utf8")] as const)),
  );
}

async function loginOf(directory: string, registry: string, repository: string): Promise<string | undefined> {
  const hint =
    "import.pushSecret must be of type kubernetes.io/dockerconfigjson; make it with kubectl create secret docker-registry";
  const text = (await entriesOf(directory)).get(".dockerconfigjson");
  if (text === undefined) throw new ImportError("Misconfigured", hint);
  try {
    return basicLogin(text, registry, repository);
  } catch (error) {
    if (error instanceof StoreError) throw new ImportError("Misconfigured", hint, error);
    throw error;
  }
}
