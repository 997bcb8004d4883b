import assert from "node:assert/strict";
import type { SecureModel } from "../../../src/api/index.ts";
import { EgressError } from "../../../src/egress/index.ts";
import { sinkOf } from "../../../src/notify/index.ts";
import { settle } from "../kube/fake-clock.ts";
import { Receivers } from "./fake-receivers.ts";
import { Office } from "./office.ts";
import { digest, modelOf, rolledBack, serving } from "./support.ts";

const minute = 60_000;
const onCall = { name: "on-call", url: "https://on-call.test/hook?token=hush" };
const audit = { name: "audit", url: "https://audit.test" };

describe("the notifier", () => {
  let receivers: Receivers;
  let office: Office;
  beforeEach(() => {
    receivers = new Receivers();
    office = new Office(receivers.sender).open();
  });
  afterEach(() => office.close());

  it("tells every sink of a model once, each only what it asks for", async () => {
    const model = modelOf([onCall, { ...audit, events: ["io.mlsecops.model.rolledback"] }]);
    const after = office.promote(model);
    office.notifier.changed(model, after, after);
    office.notifier.changed(model, after, { ...rolledBack, active: after.active });
    await settle();
    assert.deepEqual(receivers.typesAt("on-call.test"), ["promoted", "rolledback"]);
    assert.deepEqual(receivers.typesAt("audit.test"), ["rolledback"]);
    assert.equal(receivers.got[0]?.request.method, "POST");
    assert.equal(receivers.got[0].request.url, onCall.url);
    assert.deepEqual(receivers.got[0].request.headers, {
      "content-type": "application/cloudevents+json",
    });
    assert.deepEqual(await office.results(), { Delivered: 3 });
  });

  it("tells the administrator's sink of every model", async () => {
    await office.close();
    office = new Office(receivers.sender, sinkOf({ namespace: "mlsecops-system", ...audit })).open();
    office.promote(modelOf());
    office.promote(modelOf([], "other"));
    await settle();
    assert.deepEqual(
      receivers.got.map(({ event }) => event.data.model),
      ["iris", "other"],
    );
  });

  it("sends the same event again until it is taken, signed anew each time", async () => {
    office.addSecret();
    receivers.answer = () => ({ status: receivers.got.length < 3 ? 503 : 200 });
    office.promote(modelOf([{ ...onCall, secretRef: { name: "keys" } }]));
    await office.clock.advance(10_000);
    assert.equal(receivers.got.length, 3);
    assert.equal(new Set(receivers.got.map(({ request }) => request.body)).size, 1);
    const header = (name: string) => receivers.got.map(({ request }) => request.headers?.[name]);
    assert.deepEqual(header("webhook-id"), Array(3).fill(receivers.got[0]?.event.id));
    assert.equal(new Set(header("webhook-timestamp")).size, 3);
    assert.equal(new Set(header("webhook-signature")).size, 3);
    assert.deepEqual(await office.results(), { Delivered: 1 });
    assert.deepEqual(office.events, []);
  });

  it("gives up after an hour, says so, and repeats no address", async () => {
    receivers.answer = () => new EgressError("ConnectionFailed", "no connection to on-call.test (ECONNREFUSED)");
    office.promote(modelOf([onCall]));
    await office.clock.advance(59 * minute);
    assert.deepEqual(await office.results(), {});
    assert.ok(receivers.got.length > 10 && receivers.got.length < 25, `${receivers.got.length} attempts`);
    await office.clock.advance(2 * minute);
    assert.deepEqual(await office.results(), { Expired: 1 });
    assert.deepEqual(
      office.events.map(({ reason, note }) => [reason, note]),
      [
        [
          "NotificationDelayed",
          "io.mlsecops.model.promoted for sink on-call: no connection to on-call.test (ECONNREFUSED); it is tried again",
        ],
        [
          "NotificationLost",
          "io.mlsecops.model.promoted for sink on-call: it was not delivered within 60 min: no connection to on-call.test (ECONNREFUSED)",
        ],
      ],
    );
    assert.ok(!office.logged.join("").includes("hush"));
    const sent = receivers.got.length;
    await office.clock.advance(60 * minute);
    assert.equal(receivers.got.length, sent);
  });

  it("sends nothing twice that was refused, and goes on with the next", async () => {
    receivers.answer = () => ({ status: receivers.got.length === 1 ? 400 : 200 });
    const model = modelOf([onCall]);
    const after = office.promote(model);
    office.promote(model, "iris-c", after);
    await office.clock.advance(10 * minute);
    assert.deepEqual(
      receivers.got.map(({ event }) => event.subject),
      ["iris-b", "iris-c"],
    );
    assert.deepEqual(await office.results(), { Refused: 1, Delivered: 1 });
    assert.match(office.events[0]?.note ?? "", /for sink on-call: the receiver answers 400$/);
  });

  it("waits as long as a receiver asks for", async () => {
    receivers.answer = () => (receivers.got.length === 1 ? { status: 429, retryAfter: "600" } : { status: 200 });
    office.promote(modelOf([onCall]));
    await office.clock.advance(599_000);
    assert.equal(receivers.got.length, 1);
    await office.clock.advance(1_000);
    assert.equal(receivers.got.length, 2);
  });

  it("keeps no sink waiting for another one, nor whoever tells it", async () => {
    receivers.answer = (host) => (host === "on-call.test" ? "Hangs" : { status: 200 });
    const model = modelOf([onCall, audit]);
    let status = serving;
    for (const revision of ["iris-b", "iris-c", "iris-d"]) status = office.promote(model, revision, status);
    await settle();
    assert.equal(receivers.typesAt("on-call.test").length, 1);
    assert.deepEqual(receivers.typesAt("audit.test"), ["promoted", "promoted", "promoted"]);
  });

  it("holds a bounded number of events for a sink, and counts what it drops", async () => {
    receivers.answer = () => "Hangs";
    const model = modelOf([onCall]);
    let status = serving;
    for (let i = 0; i < 200; i++) status = office.promote(model, `iris-${i}`, status);
    await settle();
    // One is on its way, and 128 wait.
    assert.deepEqual(await office.results(), { Dropped: 71 });
    assert.equal(office.events.filter(({ reason }) => reason === "NotificationLost").length, 71);
  });

  it("sends no event without the signature that is asked for, and sends it once there is a key", async () => {
    const model = modelOf([{ ...onCall, secretRef: { name: "keys" } }]);
    office.addSecret({});
    office.promote(model);
    await office.clock.advance(10_000);
    assert.equal(receivers.got.length, 0);
    assert.match(office.events[0]?.note ?? "", /Secret keys has no label mlsecops.io\/use: cloudevents/);
    office.addSecret();
    await office.clock.advance(10_000);
    assert.equal(receivers.got.length, 1);
    assert.match(receivers.got[0]?.request.headers?.["webhook-signature"] ?? "", /^v1,/);
  });

  it("tells what a write whose answer was lost has changed, with the next one", async () => {
    const model = modelOf([onCall]);
    office.notifier.changed(model, undefined, serving);
    const after = { ...serving, active: { revision: "iris-b", digest: digest(2), since: "2026-01-01T00:01:00Z" } };
    office.notifier.changed(model, after, after);
    office.notifier.changed(model, after, after);
    await settle();
    assert.deepEqual(
      receivers.got.map(({ event }) => event.subject),
      ["iris-a", "iris-b"],
    );
  });

  it("sends no more when its term is over", async () => {
    receivers.answer = () => ({ status: 503 });
    office.promote(modelOf([onCall]));
    await settle();
    await office.close();
    await office.clock.advance(10 * minute);
    assert.equal(receivers.got.length, 1);
    receivers.answer = () => "Hangs";
    const other = new Office(receivers.sender).open();
    other.promote(modelOf([onCall, audit]));
    await settle();
    await other.close();
    assert.deepEqual(await other.results(), {});
  });

  it("throws nothing where a spec cannot be read", async () => {
    const specs = [{}, { notifications: "mail" }, { notifications: [{ name: "x", url: "ftp://x" }] }, undefined];
    for (const [i, spec] of specs.entries())
      office.promote({ ...modelOf([], `model-${i}`), spec } as unknown as SecureModel);
    await settle();
    assert.deepEqual(receivers.got, []);
    assert.match(office.logged.join(""), /what changed cannot be told/);
  });
});
