import {
  type LivingPolicy,
  type OperatorIdentity,
  admissionPolicies,
  policyGuard,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
} from "../admission/index.ts";
import { GRANT_NAME, VERSION, admissionGrant, kinds } from "../api/index.ts";
import {
  type Clock,
  type KubeObject,
  type ObjectClient,
  type ResourceType,
  customResourceDefinitionType,
  isKubeError,
  podType,
  sleep,
} from "../kube/index.ts";
import type { Answer, Facts } from "./decide.ts";

const leaseType: ResourceType = {
  group: "coordination.k8s.io",
  version: "v1",
  kind: "Lease",
  plural: "leases",
  namespaced: true,
};

/** Longer than a leader may take to renew, in milliseconds, and how often it is looked. */
const renewalMs = { limit: 20_000, between: 1000 };

export interface Asked {
  readonly identity: OperatorIdentity;
  readonly lease: string;
  /** What selects the operator's pods. */
  readonly podSelector: string;
  readonly leaderElect: boolean;
}

export interface Asking {
  readonly client: ObjectClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Reads, and tries one write as a dry run. Never rejects. */
export async function gather(asked: Asked, asking: Asking): Promise<Facts> {
  const { client } = asking;
  const { namespace } = asked.identity;
  const [missingKinds, problems, pods, leader, forgery] = await Promise.all([
    ask(() => readMissingKinds(client)),
    ask(() => readPolicyProblems(client, asked.identity)),
    ask(() => readPods(client, asked)),
    asked.leaderElect ? ask(() => watchLease(asked, asking)) : undefined,
    forge(client, namespace),
  ]);
  return { missingKinds, policyProblems: problems, pods, leader, forgery };
}

interface Definition extends KubeObject {
  readonly spec: { readonly versions: readonly { readonly name: string; readonly served: boolean }[] };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function readMissingKinds(client: ObjectClient): Promise<readonly string[]> {
  const found = await client.list<Definition>(customResourceDefinitionType);
  const served = found
    .filter(({ spec, status }) => {
      const isEstablished = status?.conditions?.some(({ type, status }) => type === "Established" && status === "True");
      return isEstablished === true && spec.versions.some(({ name, served }) => name === VERSION && served);
    })
    .map(({ metadata }) => metadata.name);
  return kinds.map(({ resource }) => `${resource.plural}.${resource.group}`).filter((name) => !served.includes(name));
}

async function readPolicyProblems(client: ObjectClient, identity: OperatorIdentity): Promise<readonly string[]> {
  const [policies, bindings] = await Promise.all([
    client.list<LivingPolicy>(validatingAdmissionPolicy),
    client.list<LivingPolicy>(validatingAdmissionPolicyBinding),
  ]);
  const problems = policyGuard(admissionPolicies(identity), (kind, name) =>
    (kind === "ValidatingAdmissionPolicy" ? policies : bindings).find(({ metadata }) => metadata.name === name),
  );
  return problems();
}

interface Pod extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

async function readPods(client: ObjectClient, { identity, podSelector }: Asked) {
  const found = await client.list<Pod>(podType, { namespace: identity.namespace, labelSelector: podSelector });
  return found.map(({ metadata, status }) => ({
    name: metadata.name,
    isReady: status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false,
  }));
}

interface Lease extends KubeObject {
  readonly spec?: { readonly holderIdentity?: string; readonly renewTime?: string };
}

/** Times in it are of another machine's clock: what counts is that it changes. */
async function watchLease({ identity, lease: name }: Asked, { client, clock, signal }: Asking) {
  const read = async () => (await client.get<Lease>(leaseType, { namespace: identity.namespace, name }))?.spec;
  const end = clock.monotonic() + renewalMs.limit;
  const first = await read();
  let now = first;
  while (now?.renewTime === first?.renewTime && clock.monotonic() < end)
    if (await sleep(clock, renewalMs.between, signal)) now = await read();
    else break;
  const { holderIdentity: holder = "", renewTime } = now ?? {};
  return { holder, isRenewed: renewTime !== undefined && renewTime !== first?.renewTime };
}

/** A grant of nothing, in a namespace where none is read: were it accepted, it would still be a dry run. */
async function forge(client: ObjectClient, namespace: string): Promise<Facts["forgery"]> {
  const grant = { metadata: { name: GRANT_NAME, namespace }, spec: { digests: {}, revisions: {} } };
  try {
    await client.create(admissionGrant.resource, grant, { dryRun: true });
    return { value: { accepted: true, message: "" } };
  } catch (error) {
    if (isKubeError(error, "Forbidden", "Invalid")) return { value: { accepted: false, message: error.message } };
    return { unknown: messageOf(error) };
  }
}

async function ask<T>(request: () => Promise<T>): Promise<Answer<T>> {
  try {
    return { value: await request() };
  } catch (error) {
    return { unknown: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
