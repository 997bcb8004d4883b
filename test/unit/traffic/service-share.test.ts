import assert from "node:assert/strict";
import { includes } from "../../../src/kube/apply-changes.ts";
import { candidateWeight, serviceShare } from "../../../src/traffic/index.ts";
import { MODEL, NOBODY, model, ofRevision, one, revision, services, specOf, split, two } from "./support.ts";

const selected = (parts: Parameters<typeof split>[0]) => services(serviceShare.objects(model, split(parts)));

describe("traffic by plain Services", () => {
  it("goes to the active revision alone, and the other has an address of its own", () => {
    assert.deepEqual(selected({ weight: 0 }), {
      "iris-candidate": { selector: ofRevision("iris-two"), to: [8080] },
      iris: { selector: ofRevision("iris-one"), to: [8080] },
    });
    assert.deepEqual(Object.keys(selected({ candidate: undefined, weight: 50 })), ["iris"]);
  });

  it("goes to all pods of the model between 0 and 100, and to the candidate alone at 100", () => {
    for (const weight of [1, 50, 99]) assert.deepEqual(selected({ weight })["iris"]?.selector, MODEL);
    assert.deepEqual(selected({ weight: 100 })["iris"]?.selector, ofRevision("iris-two"));
  });

  it("goes to all pods where one Deployment replaces them", () => {
    const all = selected({ candidate: undefined, weight: 0, inPlace: true });
    assert.deepEqual(all, { iris: { selector: MODEL, to: [8080] } });
  });

  it("goes to who is there: the first revision gets all or nothing", () => {
    assert.deepEqual(selected({ active: undefined, weight: 10 })["iris"]?.selector, ofRevision("iris-two"));
    assert.deepEqual(selected({ active: undefined, weight: 0 })["iris"]?.selector, NOBODY);
    assert.deepEqual(selected({ active: undefined, candidate: undefined, weight: 0 })["iris"]?.selector, NOBODY);
  });

  it("follows the port of the revision that answers, and does not share between two ports", () => {
    const other = revision("iris-two", 9090);
    assert.deepEqual(selected({ candidate: other, weight: 100 })["iris"]?.to, [9090]);
    assert.deepEqual(selected({ candidate: other, weight: 50 })["iris"], {
      selector: ofRevision("iris-one"),
      to: [8080],
    });
    const { done, message } = serviceShare.progress([], split({ candidate: other, weight: 50 }));
    assert.equal(done, false);
    assert.match(message, /between ports 8080 and 9090: keep the port/);
  });

  it("belongs to its model", () => {
    for (const { metadata } of serviceShare.objects(model, split())) {
      assert.equal(metadata.namespace, "shop");
      const { "mlsecops.io/spec-hash": hash = "", ...labels } = metadata.labels ?? {};
      assert.deepEqual(labels, MODEL);
      assert.match(hash, /^[0-9a-f]{16}$/);
      assert.deepEqual(
        metadata.ownerReferences?.map(({ kind, name, uid, controller }) => ({ kind, name, uid, controller })),
        [{ kind: "SecureModel", name: "iris", uid: "m1", controller: true }],
      );
    }
  });

  it("is applied also where a selector only loses a label", () => {
    const [, before] = serviceShare.objects(model, split());
    const [, after] = serviceShare.objects(model, split({ weight: 50 }));
    assert.ok(before !== undefined && after !== undefined);
    assert.ok(includes(specOf(before), specOf(after)));
    assert.ok(!includes(before, after));
  });

  it("stops in quarantine, and the address stays", () => {
    assert.deepEqual(services(serviceShare.quarantined(model, 8080)), { iris: { selector: NOBODY, to: [8080] } });
  });

  it("is done when the living Services select what they should", () => {
    const now = split({ weight: 20 });
    const before = serviceShare.objects(model, split({ weight: 0 }));
    assert.deepEqual(serviceShare.progress(before, now), {
      done: false,
      message: "Service iris does not select its pods yet",
    });
    assert.deepEqual(serviceShare.progress([], now), {
      done: false,
      message: "Service iris, iris-candidate does not select its pods yet",
    });
    assert.deepEqual(serviceShare.progress(serviceShare.objects(model, now), now), {
      done: true,
      message: "requests are shared by the number of pods, 20% for iris-two",
    });
    const all = split({ weight: 100 });
    assert.equal(serviceShare.progress(serviceShare.objects(model, all), all).message, "all requests go to iris-two");
  });

  it("cannot copy requests, and says so", () => {
    const { done, message } = serviceShare.progress([], split({ mirror: true }));
    assert.equal(done, false);
    assert.match(message, /cannot copy requests: give spec.strategy.traffic.httpRoute/);
  });
});

describe("the weight of a candidate", () => {
  it("is nothing without one, and all where nothing else serves", () => {
    assert.equal(candidateWeight(split({ candidate: undefined, weight: 30 })), 0);
    assert.equal(candidateWeight(split({ active: undefined, weight: 30 })), 100);
    assert.equal(candidateWeight(split({ active: undefined, weight: 0 })), 0);
    assert.equal(candidateWeight(split({ active: one, candidate: two, weight: 30 })), 30);
  });
});
