/** Reads from the cluster that was selected, with the caller's rights. It writes nothing. */
import { type GenericClass, K8s } from "kubernetes-fluent-client";
import { z } from "zod";
import {
  type KindDefinition,
  type ModelAction,
  type ModelRevision,
  type SecureModel,
  type SecureNamespace,
  type AdmissionGrant,
  type AdmissionGrantSpec,
  type ClusterTrustPolicy,
  admissionGrant,
  clusterTrustPolicy,
  GRANT_NAME,
  modelAction,
  modelRevision,
  parseObject,
  secureModel,
  secureNamespace,
} from "../api/index.ts";
import {
  AdmissionGrantKind,
  ClusterTrustPolicyKind,
  ModelActionKind,
  ModelRevisionKind,
  SecureModelKind,
  SecureNamespaceKind,
} from "../api/fluent.ts";
import type { KubeObject } from "../kube/index.ts";
import { type Answer, ask, known } from "./ask.ts";

/** Objects of one kind, and those that are there but do not parse. */
export interface Listed<T> {
  readonly objects: readonly T[];
  readonly unreadable: readonly { readonly namespace?: string; readonly name: string; readonly problem: string }[];
}

const Meta = z.looseObject({ metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }) });

export function readPolicies(): Promise<Answer<Listed<ClusterTrustPolicy>>> {
  return list(ClusterTrustPolicyKind, clusterTrustPolicy, undefined);
}

export function readNamespaces(): Promise<Answer<Listed<SecureNamespace>>> {
  return list(SecureNamespaceKind, secureNamespace, undefined);
}

/** Of one namespace, or of all. */
export function readModels(namespace: string | undefined): Promise<Answer<Listed<SecureModel>>> {
  return list(SecureModelKind, secureModel, namespace);
}

export function readRevisions(namespace: string): Promise<Answer<Listed<ModelRevision>>> {
  return list(ModelRevisionKind, modelRevision, namespace);
}

export function readActions(namespace: string): Promise<Answer<Listed<ModelAction>>> {
  return list(ModelActionKind, modelAction, namespace);
}

export function readModel(namespace: string, name: string): Promise<Answer<SecureModel>> {
  return one(secureModel, () => K8s(SecureModelKind).InNamespace(namespace).Get(name));
}

export function readNamespace(name: string): Promise<Answer<SecureNamespace>> {
  return one(secureNamespace, () => K8s(SecureNamespaceKind).Get(name));
}

export async function readGrant(namespace: string): Promise<Answer<AdmissionGrantSpec>> {
  const grant: Answer<AdmissionGrant> = await one(admissionGrant, () =>
    K8s(AdmissionGrantKind).InNamespace(namespace).Get(GRANT_NAME),
  );
  return grant.state === "known" ? known(grant.value.spec) : grant;
}

/** Objects of kinds that are not ours, as the API server sends them. */
export async function readObjects<T>(
  model: GenericClass,
  schema: z.ZodType<T>,
  namespace: string,
): Promise<Answer<readonly T[]>> {
  return ask(async () => {
    const { items } = await K8s(model).InNamespace(namespace).Get();
    return items.map((item) => schema.parse(item));
  });
}

async function list<S extends z.ZodType, T extends z.ZodType, O>(
  model: GenericClass,
  definition: KindDefinition<S, T>,
  namespace: string | undefined,
): Promise<Answer<Listed<O>>> {
  return ask(async () => {
    const { items } = await (namespace === undefined ? K8s(model).Get() : K8s(model).InNamespace(namespace).Get());
    const objects: O[] = [];
    const unreadable: Listed<O>["unreadable"][number][] = [];
    for (const item of items) {
      const raw = Meta.parse(item) as KubeObject;
      const parsed = parseObject(definition, raw);
      const { name, namespace: of } = raw.metadata;
      if (parsed.ok) objects.push(parsed.value as O);
      else unreadable.push({ name, problem: parsed.message, ...(of === undefined ? {} : { namespace: of }) });
    }
    return { objects, unreadable };
  });
}

async function one<S extends z.ZodType, T extends z.ZodType, O>(
  definition: KindDefinition<S, T>,
  get: () => Promise<unknown>,
): Promise<Answer<O>> {
  const raw = await ask(async () => Meta.parse(await get()) as KubeObject);
  if (raw.state !== "known") return raw;
  const parsed = parseObject(definition, raw.value);
  return parsed.ok ? known(parsed.value as O) : { state: "unknown", reason: parsed.message };
}
