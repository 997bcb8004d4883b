import assert from "node:assert/strict";
import { actionReconciler, actionsAbout, exceptionsOf, ordersFor } from "../../../src/actions/index.ts";
import { type ModelAction, type ModelActionStatus, isPerson } from "../../../src/api/index.ts";
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

async function pass(object: ModelAction, now: Date, others: readonly ModelAction[] = []) {
  const client = new FakeClient();
  client.add("modelactions", object);
  const store = new Store<ModelAction>();
  for (const one of [object, ...others]) store.put(structuredClone(one));
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

  it("counts a ban last of those of one second: it starts nothing", () => {
    const ban = order({ type: "Ban", revision: "iris-2" }, { name: "a" });
    const promote = order({ type: "Promote", revision: "iris-2" }, { name: "b" });
    for (const actions of [
      [ban, promote],
      [promote, ban],
    ])
      assert.deepEqual(
        ordersFor(actions, "iris").map(({ name }) => name),
        ["b", "a"],
      );
  });

  it("Bad input: two users who promote and ban at once are both told what came of it", async () => {
    const ban = order({ type: "Ban", revision: "iris-2" }, { name: "ban" });
    const promote = order(
      { type: "Promote", revision: "iris-2", requestedBy: "bob@example.com" },
      { name: "incident" },
    );
    const { status, events } = await pass(promote, at("12:01"), [ban]);
    const [condition] = status?.conditions ?? [];
    assert.deepEqual([condition?.status, condition?.reason], ["False", "Overruled"]);
    assert.match(
      condition?.message ?? "",
      /^it does not count: jane@example\.com bans revision iris-2 \(ModelAction ban\)/,
    );
    assert.deepEqual(
      events.map(({ type, reason, action }) => `${type} ${reason} ${action}`),
      ["Normal Overruled Promote"],
    );
    const other = await pass({ ...ban, metadata: { ...ban.metadata, name: "incident" } }, at("12:01"), [
      { ...promote, metadata: { ...promote.metadata, name: "promote" } },
    ]);
    assert.equal(other.status?.conditions?.[0]?.reason, "InForce");
    const newer = {
      ...promote,
      metadata: { ...promote.metadata, name: "x", creationTimestamp: "2026-03-01T12:00:30Z" },
    };
    const after = await pass({ ...ban, metadata: { ...ban.metadata, name: "incident" } }, at("12:01"), [newer]);
    assert.equal(after.status?.conditions?.[0]?.reason, "Overruled");
  });

  it("is overruled by none about another revision, and by none of the same kind", async () => {
    const ban = order({ type: "Ban", revision: "iris-2" }, { name: "incident" });
    const others = [
      order({ type: "Promote", revision: "iris-1" }, { name: "promote" }),
      order({ type: "Ban", revision: "iris-2" }, { name: "z" }),
      order({ type: "Approve", revision: "iris-2" }, { name: "z-approve" }),
    ];
    assert.equal((await pass(ban, at("12:01"), others)).status?.conditions?.[0]?.reason, "InForce");
  });

  it("wakes those about the same model", () => {
    const all = [order({}, { name: "a" }), order({ model: "rose" }, { name: "b" }), action()];
    assert.deepEqual(actionsAbout(order({}), all), ["shop/a"]);
    assert.deepEqual(actionsAbout(action(), all), []);
  });

  it("ends a pause by itself, and looks again at its end", async () => {
    const pause = order({ notAfter: "2026-03-01T14:00:00Z" }, { name: "incident" });
    const first = await pass(pause, at("13:00"));
    assert.equal(first.status?.conditions?.[0]?.reason, "InForce");
    assert.match(first.status.conditions[0].message, /has paused model iris until 2026-03-01T14:00:00\.000Z/);
    assert.equal(first.result.requeueAfterMs, 3_600_000);
    const last = await pass(pause, at("14:00"));
    assert.equal(last.status?.conditions?.[0]?.reason, "ActionExpired");
    assert.deepEqual([last.result, last.events[0]?.type, last.events[0]?.action], [{}, "Normal", "Pause"]);
  });

  it("tells people from machines by their names", () => {
    for (const name of ["jane", "jane@example.com", "system:admin", "oidc:system"]) assert.ok(isPerson(name), name);
    for (const name of ["system:serviceaccount:a:b", "system:node:n", "system:kube-scheduler", "system:anonymous"])
      assert.ok(!isPerson(name), name);
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
    ["that approves no revision", order({ type: "Approve" })],
    ["that resumes a revision", order({ type: "Resume", revision: "iris-2" })],
    ["that ends and is no pause", order({ type: "Ban", revision: "iris-2", notAfter: "2026-03-01T14:00:00Z" })],
  ] as const)
    it(`does not count ${what}`, () => assert.deepEqual(ordersFor([bad], "iris"), []));
});
