import { type GenericClass, K8s, kind } from "kubernetes-fluent-client";
import { AdmissionGrantKind, SecureModelKind, SecureNamespaceKind } from "../../../src/api/fluent.ts";
import { GRANT_NAME } from "../../../src/api/index.ts";
import { eventually } from "./wait.ts";

/** Undefined where there is no such object. */
export async function find<T extends GenericClass>(
  model: T,
  name: string,
  namespace?: string,
): Promise<InstanceType<T> | undefined> {
  try {
    const all = K8s(model);
    return await (namespace === undefined ? all.Get(name) : all.InNamespace(namespace).Get(name));
  } catch (error) {
    if ((error as { status?: number }).status === 404) return undefined;
    throw error;
  }
}

export interface ConditionView {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

interface WithConditions {
  readonly status?: {
    readonly conditions?: readonly (ConditionView & { readonly type: string })[] | undefined;
  };
}

const unknown: ConditionView = { status: "Unknown", reason: "", message: "" };

export function condition(object: WithConditions | undefined, type = "Ready"): ConditionView {
  return object?.status?.conditions?.find((one) => one.type === type) ?? unknown;
}

/** Waits until the model's Ready condition has the reason. */
export function modelBecomes(namespace: string, name: string, reason: string, timeoutMs?: number) {
  return eventually(
    `SecureModel ${namespace}/${name} with Ready=${reason}`,
    () => find(SecureModelKind, name, namespace),
    (model) => condition(model).reason === reason,
    timeoutMs,
  );
}

/** Waits until the model was left for an older revision, for a reason that says so, and that one serves. */
export function goesBackTo(
  revision: string | undefined,
  namespace: string,
  name: string,
  reason = /./,
): Promise<InstanceType<typeof SecureModelKind> | undefined> {
  return eventually(
    `SecureModel ${namespace}/${name} goes back to ${revision ?? "none"} for ${String(reason)}`,
    () => find(SecureModelKind, name, namespace),
    (model) =>
      condition(model).reason === "RolledBack" &&
      reason.test(condition(model).message) &&
      condition(model, "Serving").status === "True" &&
      model?.status?.active?.revision === revision,
    150_000,
  );
}

/** Waits until the version that runs was found healthy; returns its revision. */
export async function becomesHealthy(namespace: string, name: string): Promise<string | undefined> {
  const model = await eventually(
    `SecureModel ${namespace}/${name} is healthy`,
    () => find(SecureModelKind, name, namespace),
    (found) => condition(found, "Healthy").status === "True",
    60_000,
  );
  return model?.status?.active?.revision;
}

export function namespaceBecomes(name: string, reason: string, timeoutMs?: number) {
  return eventually(
    `SecureNamespace ${name} with Ready=${reason}`,
    () => find(SecureNamespaceKind, name),
    (namespace) => condition(namespace).reason === reason,
    timeoutMs,
  );
}

export async function grantOf(namespace: string) {
  return (await find(AdmissionGrantKind, GRANT_NAME, namespace))?.spec;
}

/** Names of the pods that are not on their way out. */
export async function podNames(namespace: string, model?: string): Promise<readonly string[]> {
  const all = K8s(kind.Pod).InNamespace(namespace);
  const { items } = await (model === undefined ? all : all.WithLabel("mlsecops.io/model", model)).Get();
  return items
    .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
    .map(({ metadata }) => metadata?.name ?? "");
}

export interface EventView {
  readonly type: string;
  readonly reason: string;
  readonly object: string;
  readonly note: string;
}

export async function events(namespace: string): Promise<readonly EventView[]> {
  const { items } = await K8s(kind.CoreEvent).InNamespace(namespace).Get();
  return items.map((event) => ({
    type: event.type ?? "",
    reason: event.reason ?? "",
    object: `${event.involvedObject.kind ?? ""}/${event.involvedObject.name ?? ""}`,
    note: event.message ?? "",
  }));
}
