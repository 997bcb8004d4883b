import assert from "node:assert/strict";
import type { ClusterTrustPolicy } from "../../../src/api/index.ts";
import { type EventDetail, type KubeObject, Store, createLogger } from "../../../src/kube/index.ts";
import {
  ClusterTrustPolicySpec,
  type ClusterTrustPolicyStatus,
  clusterTrustPolicy,
} from "../../../src/api/cluster-trust-policy.ts";
import { parseObject } from "../../../src/api/index.ts";
import { policyReconciler, resolvePolicy, unreadablePolicy } from "../../../src/trust/index.ts";
import { FakeClient } from "../../support/fake-client.ts";
import { vector } from "./support/build.ts";
import { pem } from "./support/vectors.ts";

const now = new Date("2030-01-01T00:00:00Z");
const secretRef = { name: "release-key", key: "cosign.pub" };

function policy(authorities: readonly object[]): ClusterTrustPolicy {
  const spec = ClusterTrustPolicySpec.parse({ scope: { references: ["registry.example/**"] }, authorities });
  return { metadata: { name: "release", uid: "p", generation: 3 }, spec };
}

/** One pass over the policy. `secrets` is what the operator's namespace holds. */
async function pass(
  object: ClusterTrustPolicy,
  secrets: Record<string, Record<string, string>> = {},
  time: Date = now,
) {
  const client = new FakeClient();
  client.add("clustertrustpolicies", object);
  const store = new Store<ClusterTrustPolicy>();
  store.put(structuredClone(object));
  const events: EventDetail[] = [];
  const reconcile = policyReconciler({
    client,
    store,
    resolved: () => {
      const parsed = parseObject(clusterTrustPolicy, object);
      return parsed.ok
        ? resolvePolicy(parsed.value, {
            secret: (name) => secrets[name],
            kmsKey: () => ({ state: "Unknown", problem: "no answer" }),
          })
        : unreadablePolicy("release", 3, parsed.message);
    },
    dependents: () => 2,
    events: { emit: (_regarding, detail) => events.push(detail) },
    now: () => time,
  });
  const log = createLogger({ level: "silent" });
  await reconcile("release", { log, signal: new AbortController().signal, reconcileId: "test" });
  const written = client.objects.get("clustertrustpolicies/release") as
    (KubeObject & { readonly status?: ClusterTrustPolicyStatus }) | undefined;
  return { status: written?.status, writes: client.writes, events };
}

describe("The status of a ClusterTrustPolicy", () => {
  const key = vector("p256.pub").toString("base64");
  const byKey = { name: "team", key: { inline: vector("p256.pub").toString() } };
  const bySecret = { name: "team", key: { secretRef } };
  const cases: readonly [string, readonly object[], Record<string, Record<string, string>>, string, RegExp][] = [
    ["a key inline", [byKey], {}, "True/KeysResolved", /1 authorities are usable, 1 must sign/],
    ["a key from a Secret", [bySecret], { "release-key": { "cosign.pub": key } }, "True/KeysResolved", /1 authorities/],
    ["a Secret that is missing", [bySecret], {}, "False/KeysUnusable", /team: .*release-key/],
    ["a Secret without that key", [bySecret], { "release-key": { other: key } }, "False/KeysUnusable", /cosign\.pub/],
    [
      "text that is no key",
      [{ ...byKey, key: { inline: "-----BEGIN PUBLIC KEY-----\nx" } }],
      {},
      "False/KeysUnusable",
      /team/,
    ],
    ["nobody", [], {}, "False/NoAuthorities", /spec\.authorities/],
  ];
  for (const [title, authorities, secrets, expected, message] of cases) {
    it(`${title}: ${expected}`, async () => {
      const { status, events } = await pass(policy(authorities), secrets);
      const ready = status?.conditions?.find(({ type }) => type === "Ready");
      assert.equal(`${ready?.status ?? ""}/${ready?.reason ?? ""}`, expected);
      assert.match(ready?.message ?? "", message);
      assert.equal(status?.observedGeneration, 3);
      assert.equal(status.dependents, 2);
      assert.deepEqual(
        events.map(({ type, reason }) => `${type}/${reason}`),
        [`${expected.startsWith("True") ? "Normal" : "Warning"}/${expected.split("/")[1] ?? ""}`],
      );
    });
  }

  it("says so while it is suspended, and keeps what it said of the keys", async () => {
    const first = await pass(policy([byKey]));
    assert.ok(first.status);
    const object = { ...policy([byKey]), status: first.status };
    const { status } = await pass({ ...object, spec: { ...object.spec, suspend: true, authorities: [] } });
    assert.equal(status?.conditions?.[0]?.reason, "Suspended");
    assert.deepEqual(status.authorities, first.status.authorities);
  });

  it("says which timestamp authority is missing, and does not fail over it", async () => {
    const object = policy([byKey]);
    const timestampAuthorities = [{ name: "own", certificateChain: { secretRef: { name: "absent", key: "ca.crt" } } }];
    const { status } = await pass({ ...object, spec: { ...object.spec, timestampAuthorities } });
    const [ready, fresh] = status?.conditions ?? [];
    assert.equal(ready?.reason, "InvalidSpec");
    assert.match(ready.message, /timestampAuthorities own: there is no Secret absent/);
    assert.equal(fresh?.reason, "Fresh");
  });

  it("is bounded, however much is wrong", async () => {
    const conditions = Array.from({ length: 16 }, () => ({ expression: `"${"x".repeat(2000)}" +` }));
    const attestations = Array.from({ length: 8 }, (_, at) => ({ name: `a${at}`, predicateType: "t", conditions }));
    const object = policy([byKey]);
    const spec = ClusterTrustPolicySpec.parse({ ...object.spec, attestations });
    const { status } = await pass({ ...object, spec });
    const ready = status?.conditions?.find(({ type }) => type === "Ready");
    assert.equal(ready?.reason, "InvalidSpec");
    assert.ok(ready.message.length <= 2048);
  });

  it("says what ends, and tells people once", async () => {
    const object = policy([]);
    const spec = ClusterTrustPolicySpec.parse({
      ...object.spec,
      timestampAuthorities: [{ name: "own", certificateChain: { inline: pem("tsa-chain") } }],
      authorities: [
        { name: "ca", certificate: { ca: { inline: pem("chain") }, subjects: [{ subject: "a@b.example" }] } },
      ],
    });
    const at = async (time: string, status?: ClusterTrustPolicyStatus) => {
      const result = await pass({ ...object, spec, ...(status === undefined ? {} : { status }) }, {}, new Date(time));
      const fresh = result.status?.conditions?.find(({ type }) => type === "TrustFresh");
      return { ...result, says: `${fresh?.status ?? ""}/${fresh?.reason ?? ""}` };
    };
    const first = await at("2030-01-01T00:00:00Z");
    assert.equal(first.says, "True/Fresh");
    const [authority] = first.status?.authorities ?? [];
    assert.equal(authority?.kind, "Certificate");
    assert.match(authority.trustRootFingerprint ?? "", /^sha256:/);
    const end = new Date(authority.expiresAt ?? "");
    assert.ok(end > new Date("2040-01-01"));
    assert.deepEqual(
      first.events.map(({ reason }) => reason),
      ["KeysResolved"],
    );
    assert.ok(first.status);
    const soon = await at(new Date(end.getTime() - 86_400_000).toISOString(), first.status);
    assert.equal(soon.says, "False/ExpiresSoon");
    assert.deepEqual(
      soon.events.map(({ type, reason }) => `${type}/${reason}`),
      ["Warning/ExpiresSoon"],
    );
    assert.ok(soon.status);
    const over = await at(end.toISOString(), soon.status);
    assert.equal(over.says, "False/Expired");
    assert.ok(over.status);
    assert.deepEqual((await at(end.toISOString(), over.status)).events, []);
  });

  it("is written once", async () => {
    const first = await pass(policy([byKey]));
    assert.ok(first.status);
    const second = await pass({ ...policy([byKey]), status: first.status });
    assert.deepEqual(second.writes, []);
    assert.deepEqual(second.events, []);
  });
});
