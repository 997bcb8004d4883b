import { kinds, VERSION } from "../../../src/api/index.ts";
import { known } from "../../../src/cli/ask.ts";
import type { Facts } from "../../../src/cli/preflight/facts.ts";

/** A cluster that lacks nothing, and whatever a test says instead. */
export function facts(changes: Partial<Facts> = {}): Facts {
  return {
    version: { major: 1, minor: 35, name: "v1.35.4" },
    imageVolumeGate: known(true),
    admissionKinds: known(["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]),
    definitions: known(kinds.map(({ resource }) => ({ ...resource, served: [VERSION] }))),
    rights: [{ name: "create namespaces", allowed: known(true) }],
    nodes: known([{ name: "node1", ready: true, runtime: "containerd://2.1.4" }]),
    dns: known({ services: ["kube-dns"], readyEndpoints: 2 }),
    daemonSets: known(["kindnet"]),
    ...changes,
  };
}
