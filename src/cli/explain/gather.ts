import { kind } from "kubernetes-fluent-client";
import type {
  AdmissionGrantSpec,
  ClusterTrustPolicy,
  ModelRevision,
  SecureModel,
  SecureNamespace,
} from "../../api/index.ts";
import type { Verdict } from "../../trust/index.ts";
import type { PolicyAccount } from "../account/schema.ts";
import type { Answer } from "../ask.ts";
import {
  type Listed,
  readGrant,
  readModel,
  readNamespace,
  readObjects,
  readPolicies,
  readRevisions,
} from "../cluster.ts";
import { Pod } from "../pod.ts";

/** What a registry says now of one reference. */
export interface Refreshed {
  readonly verdict: Verdict;
  readonly accounts: readonly PolicyAccount[];
  /** Whether what is in it was read, too. */
  readonly content: boolean;
}

/** What lies around an object in its namespace. */
export interface Surroundings {
  readonly policies: Answer<Listed<ClusterTrustPolicy>>;
  readonly secured: Answer<SecureNamespace>;
  readonly grant: Answer<AdmissionGrantSpec>;
  readonly pods: Answer<readonly Pod[]>;
}

export interface ModelFacts extends Surroundings {
  readonly model: SecureModel;
  readonly revisions: Answer<Listed<ModelRevision>>;
}

export interface NamespaceFacts extends Surroundings {
  readonly namespace: SecureNamespace;
}

export async function gatherModel(namespace: string, name: string): Promise<Answer<ModelFacts>> {
  const model = await readModel(namespace, name);
  if (model.state !== "known") return model;
  const [around, revisions] = await Promise.all([surroundings(namespace), readRevisions(namespace)]);
  return { state: "known", value: { ...around, model: model.value, revisions } };
}

export async function gatherNamespace(name: string): Promise<Answer<NamespaceFacts>> {
  const namespace = await readNamespace(name);
  if (namespace.state !== "known") return namespace;
  return { state: "known", value: { ...(await surroundings(name)), namespace: namespace.value } };
}

async function surroundings(namespace: string): Promise<Surroundings> {
  const [policies, secured, grant, pods] = await Promise.all([
    readPolicies(),
    readNamespace(namespace),
    readGrant(namespace),
    readObjects(kind.Pod, Pod, namespace),
  ]);
  return { policies, secured, grant, pods };
}
