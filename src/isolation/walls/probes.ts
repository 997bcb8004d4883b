import type { DnsPlace } from "./network.ts";
import type { OpenRule } from "./peers.ts";

/** No rule of a spec can have that name: a dot is not allowed there. */
const name = "operator.probes";

/** Lets the operator ask the pods that it made itself how they are, where a model asks for that; nobody else. Pure. */
export function probeRule({ namespace, podLabels }: DnsPlace): OpenRule {
  const pods = { "app.kubernetes.io/managed-by": "mlsecops-operator" };
  return {
    rule: { name, pods, ports: [{ port: 1, endPort: 65_535, protocol: "TCP" }], from: [] },
    direction: "Ingress",
    peers: [{ kind: "Pods", namespace, pods: podLabels }],
    hosts: [],
  };
}
