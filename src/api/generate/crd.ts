import type { KindDefinition } from "../kind.ts";
import { requiredRule, structuralSchema } from "./structural.ts";

/** The CustomResourceDefinition of a kind, apiextensions.k8s.io/v1. */
export function crdOf(kind: KindDefinition): Record<string, unknown> {
  const { group, version, plural, namespaced } = kind.resource;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${plural}.${group}`,
      labels: { "app.kubernetes.io/part-of": "mlsecops-operator" },
    },
    spec: {
      group,
      scope: namespaced ? "Namespaced" : "Cluster",
      names: {
        kind: kind.resource.kind,
        listKind: `${kind.resource.kind}List`,
        plural,
        singular: kind.resource.kind.toLowerCase(),
        shortNames: kind.shortNames,
        categories: ["mlsecops"],
      },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: kind.columns,
          subresources: { status: {}, ...scaleOf(kind) },
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  };
}

function scaleOf(kind: KindDefinition): Record<string, unknown> {
  if (kind.scale === undefined) return {};
  return {
    scale: {
      specReplicasPath: kind.scale.spec,
      statusReplicasPath: kind.scale.status,
      labelSelectorPath: kind.scale.selector,
    },
  };
}

function objectSchema(kind: KindDefinition): Record<string, unknown> {
  // Where users write, a missing spec is named by a rule, which can show one; see structuralSchema.
  const { example } = kind;
  const rules = [...(example === undefined ? [] : [requiredRule("spec", example)]), ...kind.rules];
  return {
    type: "object",
    description: kind.summary,
    ...(example === undefined ? { required: ["spec"] } : {}),
    ...(rules.length > 0 ? { "x-kubernetes-validations": rules } : {}),
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      spec: structuralSchema(kind.spec, { written: example === undefined ? "operator" : "user" }),
      status: structuralSchema(kind.status),
    },
  };
}
