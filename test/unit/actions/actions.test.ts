import assert from "node:assert/strict";
import { actionReconciler, exceptionsOf, ordersFor } from "../../../src/actions/index.ts";
import type { ModelAction, ModelActionStatus } from "../../../src/api/index.ts";
import { type EventDetail, type KubeObject, Store, createLogger } from "../../../src/kube/index.ts";
import { FakeClient } from "../../support/fake-client.ts";

const created = "2026-03-01T12:00:00Z";
const digest = `sha256:${"a".repeat(64)}`;

function action(spec: Partial<ModelAction["spec"]> = {}, metadata: object = {}): ModelAction {
  return {
    metadata: { name: "incident", namespace: "shop", uid: "a", generation: 1, creationTimestamp: created, ...metadata },
    spec: {
      type: "BreakGlass",
      digest,
      reason: "INC-4711, the signing service is down",
      approver: "jane@example.com",
      notAfter: "2026-03-01T14:00:00Z",
      ...spec,
    },
  };
}

const at = (time: string): Date => new Date(`2026-03-01T${time}:00Z`);

async function pass(object: ModelAction, now: Date) {
  const client = new FakeClient();
  client.add("modelactions", object);
  const store = new Store<ModelAction>();
  store.put(structuredClone(object));
  const events: EventDetail[] = [];
  const reconcile = actionReconciler({
    client,
    store,
    usedBy: () => ["SecureModel iris"],
    events: { emit: (_regarding, detail) => events.push(detail) },
    now: () => now,
  });
  const log = createLogger({ level: "silent" });
  const result = await reconcile("shop/incident", { log, signal: new AbortController().signal, reconcileId: "test" });
  const written = client.objects.get("modelactions/shop/incident") as
    (KubeObject & { readonly status?: ModelActionStatus }) | undefined;
  return { result, status: written?.status, writes: client.writes, events };
}

describe("A ModelAction that breaks the glass", () => {
  it("counts until its end", () => {
    assert.equal(exceptionsOf([action()], at("13:59"))[0]?.approver, "jane@example.com");
    assert.deepEqual(exceptionsOf([action()], at("14:00")), []);
  });

  it("counts no more when it is being deleted", () => {
    assert.deepEqual(exceptionsOf([action({}, { deletionTimestamp: created })], at("12:01")), []);
  });

  for (const [what, bad] of [
    ["for more than a day, whatever admitted it", action({ notAfter: "2026-03-02T12:00:01Z" })],
    ["without a time of creation", action({}, { creationTimestamp: undefined })],
    ["without a digest", action({ digest: "sha256:1" })],
    ["until a time that is none", action({ notAfter: "tomorrow" })],
  ] as const) {
    it(`does not count ${what}`, () => assert.deepEqual(exceptionsOf([bad], at("12:01")), []));
  }

  it("says in its status that it is open, who uses it, and looks again at its end", async () => {
    const { result, status, events } = await pass(action(), at("13:00"));
    assert.equal(status?.conditions?.[0]?.reason, "GlassBroken");
    assert.deepEqual(status.usedBy, ["SecureModel iris"]);
    assert.equal(result.requeueAfterMs, 3_600_000);
    assert.deepEqual(
      events.map(({ type, reason }) => `${type}/${reason}`),
      ["Warning/GlassBroken"],
    );
  });

  it("says that it has ended, and is used by nobody then", async () => {
    const { result, status } = await pass(action(), at("14:00"));
    assert.equal(status?.conditions?.[0]?.reason, "ActionExpired");
    assert.deepEqual(status.usedBy, []);
    assert.deepEqual(result, {});
  });

  it("is written once", async () => {
    const first = await pass(action(), at("13:00"));
    assert.ok(first.status);
    const second = await pass({ ...action(), status: first.status }, at("13:00"));
    assert.deepEqual([second.writes, second.events], [[], []]);
  });
});

describe("A ModelAction about a model", () => {
  const order = (spec: object, metadata: object = {}): ModelAction => ({
    metadata: { name: "order", namespace: "shop", uid: "a", generation: 1, creationTimestamp: created, ...metadata },
    spec: { type: "Pause", model: "iris", reason: "INC-4711, it is wrong", requestedBy: "jane@example.com", ...spec },
  });

  it("counts for its model while it exists, oldest first", () => {
    const actions = [
      order({ type: "Promote", revision: "iris-2" }, { name: "b", creationTimestamp: "2026-03-01T12:00:01Z" }),
      order({ type: "Ban", revision: "iris-2" }, { name: "z" }),
      order({}, { name: "y" }),
      order({ model: "rose" }),
      order({}, { deletionTimestamp: created }),
      action(),
    ];
    assert.deepEqual(
      ordersFor(actions, "iris").map(({ name, type }) => `${name} ${type}`),
      ["y Pause", "z Ban", "b Promote"],
    );
  });

  it("opens no glass", () => assert.deepEqual(exceptionsOf([order({})], at("12:01")), []));

  it("says that it is in force, and who wants it", async () => {
    const { status, events, result } = await pass(order({}, { name: "incident" }), at("12:01"));
    const [condition] = status?.conditions ?? [];
    assert.deepEqual([condition?.status, condition?.reason], ["True", "InForce"]);
    assert.match(condition?.message ?? "", /jane@example\.com has paused model iris.*INC-4711/);
    assert.equal(events[0]?.type, "Normal");
    assert.deepEqual(result, {});
  });

  for (const [what, bad] of [
    ["with a revision that nobody asks for", order({ revision: "iris-2" })],
    ["without the revision", order({ type: "Ban" })],
    ["without a model", order({ model: undefined })],
    ["with a digest", order({ digest })],
  ] as const)
    it(`does not count ${what}`, () => assert.deepEqual(ordersFor([bad], "iris"), []));
});
