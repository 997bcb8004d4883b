import {
  type SecureNamespace,
  type SecureNamespaceSpec,
  type SecureNamespaceStatus,
  secureNamespace,
} from "../api/index.ts";
import { type Fact, evidenceObject } from "../governance/index.ts";
import { type ReconcileResult, applyStatus, isKubeError } from "../kube/index.ts";
import { announceBreaches } from "./announce.ts";
import { FIELD_MANAGER } from "./cluster.ts";
import { enforcementFacts, isolationFacts } from "./evidence.ts";
import type { Pass } from "./pass.ts";
import { type Halt, haltedStatus, withIsolation } from "./status.ts";

/** Says why the pass ends here, and does nothing else. */
export async function haltPass(
  pass: Pass,
  raw: SecureNamespace,
  status: SecureNamespaceStatus | undefined,
  halt: Halt,
): Promise<ReconcileResult> {
  const at = { generation: raw.metadata.generation ?? 0, now: pass.deps.now() };
  await writeStatus(pass, raw, haltedStatus(status, halt, at));
  return {};
}

/** Evidence of it comes first: the status names the head of the chain. */
export async function writeStatus(pass: Pass, raw: SecureNamespace, status: SecureNamespaceStatus): Promise<void> {
  recordFacts(pass, raw, () => [...enforcementFacts(raw.spec.profile, status), ...isolationFacts(status)]);
  announceBreaches(pass, raw, status);
  const evidence = pass.deps.evidence?.head(raw.metadata.uid ?? "") ?? raw.status?.evidence;
  const along = evidence === undefined ? undefined : { evidence };
  await applyStatus(pass.client, secureNamespace.resource, raw, { status, fieldManager: FIELD_MANAGER, along });
}

export function recordFacts({ deps }: Pass, raw: SecureNamespace, facts: () => readonly Fact[]): void {
  const object = evidenceObject(secureNamespace.resource, raw);
  if (object !== undefined) deps.evidence?.record(object, facts);
}

/** Returns the object as it then is. The first time there is nothing to hurry with. */
export async function reportBreaches(
  pass: Pass,
  raw: SecureNamespace,
  { spec, status }: { readonly spec: SecureNamespaceSpec; readonly status: SecureNamespaceStatus | undefined },
): Promise<SecureNamespace> {
  if (status?.conditions?.some(({ type }) => type === "Isolated") !== true) return raw;
  const seen = {
    name: pass.name,
    generation: raw.metadata.generation ?? 0,
    spec,
    reach: pass.deps.reach({ ...raw, spec }),
  };
  const next = withIsolation(status, seen, pass.deps.now());
  // Of the rest of the status nothing is known yet, and the cache may be behind what this operator has written.
  recordFacts(pass, raw, () => isolationFacts(next));
  const { resourceVersion } = raw.metadata;
  const write = { status: next, fieldManager: FIELD_MANAGER, resourceVersion };
  try {
    await applyStatus(pass.client, secureNamespace.resource, raw, write);
  } catch (error) {
    if (!isKubeError(error, "Conflict")) throw error;
    // The cache is behind: what was said already is not said again.
    const living = await pass.client.get<SecureNamespace>(secureNamespace.resource, raw.metadata);
    return living?.status === undefined ? raw : { ...raw, status: living.status };
  }
  announceBreaches(pass, raw, next);
  return { ...raw, status: next };
}
