import assert from "node:assert/strict";
import { SecureNamespaceSpec } from "../../../../src/api/index.ts";
import { type Surroundings, consequencesOf } from "../../../../src/cli/preview/consequences.ts";
import type { Runnable } from "../../../../src/cli/preview/gather.ts";
import { indexOf, namespace, pod, policy, type RawObject } from "../../reach/support/raw.ts";

const closed = policy("prod/mlsecops-default-deny", { podSelector: {}, policyTypes: ["Ingress", "Egress"] });

function around(objects: readonly RawObject[], changes: Partial<Surroundings> = {}): Surroundings {
  const world = indexOf([namespace("prod"), ...objects]);
  return { world, enforcesNames: false, secured: { state: "known", value: ["prod"] }, ...changes };
}

function running(name: string, changes: object = {}): Runnable {
  const securityContext = {
    ...{ allowPrivilegeEscalation: false, runAsNonRoot: true, capabilities: { drop: ["ALL"] } },
    seccompProfile: { type: "RuntimeDefault" },
  };
  const spec = { containers: [{ name: "main", image: "x", securityContext }], ...changes };
  return { kind: "Pod", metadata: { name }, labels: {}, spec, pod: { metadata: { name }, spec } };
}

function said(runnables: readonly Runnable[], of: Surroundings | undefined, spec: object = {}): readonly string[] {
  const parsed = SecureNamespaceSpec.parse({ profile: "training", enforcement: "Enforce", ...spec });
  return consequencesOf({ namespace: "prod", spec: parsed, runnables }, of).map(
    ({ what, object, message }) => `${what} ${object}: ${message}`,
  );
}

describe("what Enforce would change", () => {
  it("is nothing where the walls stand already, and pods are as they should be", () => {
    assert.deepEqual(said([running("a")], around([closed])), []);
  });

  it("is what is open now", () => {
    const found = said([], around([pod("prod/web", "10.0.0.1")]));
    assert.deepEqual(found, [
      "Cut Namespace/prod: open for egress now; only what spec.network declares stays (1 pods, for example web)",
      "Cut Namespace/prod: open for ingress now; only what spec.network declares stays (1 pods, for example web)",
    ]);
  });

  it("is not what opens the namespace all the same: that is named", () => {
    const objects: readonly RawObject[] = [
      closed,
      policy("prod/allow-all", { podSelector: {}, ingress: [{}] }),
      {
        kind: "Service",
        metadata: { name: "door", namespace: "prod" },
        spec: { type: "NodePort", ports: [{ port: 80 }] },
      },
    ];
    const found = said([], around(objects));
    assert.match(found[0] ?? "", /^Breach NetworkPolicy\/allow-all: PolicyWidens: ingress from everybody/);
    assert.match(found[1] ?? "", /^Breach Service\/door: NodePort/);
    assert.deepEqual(
      said([], around(objects), { network: { exposed: [{ kind: "Service", name: "door" }] } }).length,
      1,
    );
  });

  it("is what Pod Security refuses, at the level of the spec", () => {
    const bare = running("bare", { containers: [{ name: "main", image: "x" }] });
    assert.match(
      said([bare], undefined)[0] ?? "",
      /^PodSecurity Pod\/bare: Pod Security restricted refuses it: .*and 1 more$/,
    );
    assert.deepEqual(said([bare], undefined, { podSecurity: "baseline" }), []);
  });

  it("is a token that later pods will not have", () => {
    const volumes = [{ name: "kube-api-access", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } }];
    assert.match(said([running("a", { volumes })], undefined)[0] ?? "", /^Token Pod\/a: it has the token/);
  });

  it("is a quota below what runs", () => {
    assert.match(
      said([running("a"), running("b")], undefined, { quota: { pods: "1" } })[0] ?? "",
      /^Quota spec\.quota: .*pods is 1, and 2 is in use/,
    );
  });

  it("is not what is declared and cannot be opened", () => {
    const ports = [{ port: 443 }];
    const network = {
      egress: [
        { name: "api", ports, to: [{ fqdn: "api.example.com" }] },
        { name: "peer", ports, to: [{ secureNamespace: { name: "other" } }] },
      ],
    };
    const reasons = (of: Surroundings) => said([], of, { network }).map((text) => text.split(":")[0]);
    assert.deepEqual(reasons(around([closed])), ["Network FqdnNotEnforceable", "Network PeerMissing"]);
    const unknown = { state: "unknown", reason: "403" } as const;
    assert.deepEqual(reasons(around([closed], { enforcesNames: true, secured: unknown })), []);
  });
});
