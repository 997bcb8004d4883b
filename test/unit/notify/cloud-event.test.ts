import assert from "node:assert/strict";
import { ModelEvent } from "../../../src/api/index.ts";
import { changesOf, cloudEventOf } from "../../../src/notify/index.ts";
import { digest, modelOf, rolledBack, serving, time } from "./support.ts";

const [change] = changesOf(serving, rolledBack, new Date(time(9)));
assert.ok(change);

describe("a CloudEvent of a change", () => {
  it("has the attributes of the specification, and data without anything else of the status", () => {
    assert.deepEqual(cloudEventOf(modelOf(), { ...change, digest: digest(2) }), {
      specversion: "1.0",
      id: "evt_2a7129bd77245cb12ee3026d0b5a132e",
      source: "/apis/mlsecops.io/v1alpha1/namespaces/shop/securemodels/iris",
      type: "io.mlsecops.model.rolledback",
      subject: "iris-b",
      time: time(5),
      datacontenttype: "application/json",
      dataschema: "https://mlsecops.io/events/model/v1alpha1",
      data: {
        namespace: "shop",
        model: "iris",
        uid: "uid-iris",
        generation: 3,
        revision: "iris-b",
        from: "iris-b",
        to: "iris-a",
        digest: digest(2),
        reason: "SignalBad",
        message: "errors is 0.5",
      },
    });
  });

  it("is what its schema says, with a message cut to its length", () => {
    const event = cloudEventOf(modelOf(), { ...change, message: "ü".repeat(5_000) });
    assert.deepEqual(ModelEvent.parse(event), event);
  });

  it("has the same id whenever it is told, and another one for all that differs", () => {
    const id = (part: object, model = modelOf()) => cloudEventOf(model, { ...change, ...part }).id;
    const ids = [
      id({}),
      id({}, modelOf([], "other")),
      id({ type: "io.mlsecops.model.unhealthy" }),
      id({ revision: "iris-c" }),
      id({ to: "iris-0" }),
      id({ at: new Date(time(6)) }),
      id({ reason: "CrashLoop" }),
    ];
    assert.equal(id({ message: "other numbers" }), ids[0]);
    assert.equal(new Set(ids).size, ids.length);
  });
});
