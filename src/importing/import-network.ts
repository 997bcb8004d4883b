import { IMPORT_LABEL } from "../admission/index.ts";
import { type SecureModel, ownerReference, secureModel } from "../api/index.ts";
import { type KubeObject, apiVersionOf, networkPolicyType } from "../kube/index.ts";
import { importLabels } from "./job.ts";
import type { ImportSettings } from "./settings.ts";

/**
 * What import pods of the model may reach: names, and the ports of source and registry. A NetworkPolicy knows addresses only;
 * the program itself goes to these hosts alone. Nobody reaches the pods.
 */
export function importNetworkPolicy(model: SecureModel, settings: ImportSettings): KubeObject {
  const dns = ["UDP", "TCP"].map((protocol) => ({ protocol, port: 53 }));
  return {
    apiVersion: apiVersionOf(networkPolicyType),
    kind: networkPolicyType.kind,
    metadata: {
      name: `${model.metadata.name}-import`,
      namespace: model.metadata.namespace ?? "",
      labels: importLabels(model),
      ownerReferences: [ownerReference(secureModel, model)],
    },
    spec: {
      podSelector: { matchLabels: { [IMPORT_LABEL]: model.metadata.name } },
      policyTypes: ["Ingress", "Egress"],
      ingress: [],
      egress: [{ ports: dns }, { ports: importPorts(model, settings).map((port) => ({ protocol: "TCP", port })) }],
    },
  } as KubeObject;
}

/** The TCP ports of source and registry, each one once. */
export function importPorts(model: SecureModel, settings: ImportSettings): readonly number[] {
  const { s3, http, import: target } = model.spec.source;
  const [registry = ""] = (target?.repository ?? "").split("/");
  const isPlain = settings.plainHttpHosts.includes(registry);
  const ports = [
    portOf(registry, isPlain ? 80 : 443),
    ...(target?.tokenHosts ?? []).map((host) => portOf(host, 443)),
    ...(s3 === undefined ? [] : [portOfUrl(s3.endpoint)]),
    ...(http === undefined
      ? []
      : [portOfUrl(http.url), ...(http.redirectHosts ?? []).map((host) => portOf(host, 443))]),
  ];
  return [...new Set(ports)].sort((a, b) => a - b);
}

function portOf(host: string, fallback: number): number {
  const port = /:(\d+)$/.exec(host)?.[1];
  return port === undefined ? fallback : Number(port);
}

function portOfUrl(text: string): number {
  const url = new URL(text);
  return url.port === "" ? (url.protocol === "http:" ? 80 : 443) : Number(url.port);
}
