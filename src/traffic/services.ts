import { createHash } from "node:crypto";
import { GROUP, type ModelRevision, type SecureModel, ownerReference, secureModel } from "../api/index.ts";
import { MODEL_LABEL, REVISION_LABEL } from "../admission/index.ts";
import { type KubeObject, type ResourceType, apiVersionOf, serviceType } from "../kube/index.ts";

/** The port that Services of models have. */
export const SERVICE_PORT = 80;

/** Whom a Service selects: all pods of the model, those of one revision, or nobody. */
export type Selected = "All" | "None" | ModelRevision;

/** Of a Service, what this room reads. */
export interface ServiceObject extends KubeObject {
  readonly spec?: { readonly selector?: Readonly<Record<string, string>> };
}

/** The Service by which the revision that comes can be asked before it gets requests of others. */
export function candidateName(model: string): string {
  return `${model}-candidate`;
}

export function modelService(
  model: SecureModel,
  { name, selected, port }: { readonly name: string; readonly selected: Selected; readonly port: number },
): KubeObject {
  return owned(serviceType, model, {
    name,
    spec: {
      type: "ClusterIP",
      selector: selectorOf(model.metadata.name, selected),
      ports: [{ name: "http", port: SERVICE_PORT, targetPort: port, protocol: "TCP" }],
    },
  });
}

/** The labels that a Service selects by. */
export function selectorOf(model: string, selected: Selected): Record<string, string> {
  // No model can have that name, so nothing is selected.
  if (selected === "None") return modelLabels("QUARANTINED");
  if (selected === "All") return modelLabels(model);
  return { ...modelLabels(model), [REVISION_LABEL]: selected.metadata.name };
}

/**
 * A hash of the spec. Who compares objects by what should be there sees no difference where a label of a selector is gone,
 * and would leave a Service at one revision that should lead to all.
 */
const SPEC_LABEL = `${GROUP}/spec-hash`;

/** An object of the model: labelled as it, and removed with it. */
export function owned(
  type: ResourceType,
  model: SecureModel,
  { name, spec }: { readonly name: string; readonly spec: unknown },
): KubeObject {
  const { name: owner, namespace } = model.metadata;
  return {
    apiVersion: apiVersionOf(type),
    kind: type.kind,
    metadata: {
      name,
      namespace: namespace ?? "",
      labels: { ...modelLabels(owner), [SPEC_LABEL]: hashOf(spec) },
      ownerReferences: [ownerReference(secureModel, model)],
    },
    spec,
  } as KubeObject;
}

function hashOf(spec: unknown): string {
  return createHash("sha256").update(JSON.stringify(spec)).digest("hex").slice(0, 16);
}

function modelLabels(model: string): Record<string, string> {
  return { "app.kubernetes.io/managed-by": "mlsecops-operator", [MODEL_LABEL]: model };
}

/** The living Services that do not select what they should, by name. */
export function misdirected(
  living: readonly KubeObject[],
  wanted: readonly { readonly name: string; readonly selector: Readonly<Record<string, string>> }[],
): readonly string[] {
  const services = new Map(
    living.filter(({ kind }) => kind === serviceType.kind).map((one) => [one.metadata.name, one as ServiceObject]),
  );
  return wanted
    .filter(({ name, selector }) => !same(services.get(name)?.spec?.selector, selector))
    .map(({ name }) => name);
}

function same(living: Readonly<Record<string, string>> | undefined, wanted: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(wanted);
  return Object.keys(living ?? {}).length === keys.length && keys.every((key) => living?.[key] === wanted[key]);
}
