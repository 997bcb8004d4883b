import assert from "node:assert/strict";
import fc from "fast-check";
import { EgressError, type EgressRequest } from "../../../src/egress/index.ts";
import {
  type Expectation,
  type Look,
  type Probe,
  atPath,
  isJsonPath,
  pickTarget,
  probePod,
  readProbe,
} from "../../../src/health/index.ts";

const answer = { outputs: [{ name: "label", data: [0.5, 2, 3] }], model: "iris" };
const expects = (part: Partial<Expectation>): Expectation => ({ path: "model", tolerance: 0, ...part });

const cases: Record<string, { json?: Expectation[]; status?: number; tookMs?: number; body?: unknown; says: string }> =
  {
    "the right status": { says: "0.1" },
    "another status": { status: 500, says: "WrongStatus: the status is 500, not 200" },
    "the right text": { json: [expects({ text: "iris" })], says: "0.1" },
    "another text": { json: [expects({ text: "rose" })], says: 'WrongAnswer: model is "iris", not "rose"' },
    "a number in tolerance": {
      json: [expects({ path: "outputs[0].data[0]", number: 0.51, tolerance: 0.02 })],
      says: "0.1",
    },
    "a number out of tolerance": {
      json: [expects({ path: "outputs[0].data[0]", number: 0.6, tolerance: 0.02 })],
      says: "WrongAnswer: outputs[0].data[0] is 0.5, not 0.6 ± 0.02",
    },
    "a text where a number is to be": {
      json: [expects({ number: 1 })],
      says: 'WrongAnswer: model is "iris", not 1',
    },
    "the right numbers": { json: [expects({ path: "outputs[0].data", numbers: [0.5, 2, 3] })], says: "0.1" },
    "one of the numbers is another": {
      json: [expects({ path: "outputs[0].data", numbers: [0.5, 1, 3] })],
      says: "WrongAnswer: outputs[0].data [1] is 2, not 1",
    },
    "fewer numbers": {
      json: [expects({ path: "outputs[0].data", numbers: [0.5, 2] })],
      says: "WrongAnswer: outputs[0].data is a list of 3, not a list of 2 numbers",
    },
    "nothing at the path": {
      json: [expects({ path: "outputs[1].data", number: 1 })],
      says: "WrongAnswer: outputs[1].data is not in the answer",
    },
    "no JSON": { body: undefined, json: [expects({ text: "iris" })], says: "WrongAnswer: model is not in the answer" },
    late: { tookMs: 600, says: "TooSlow: it took 600 ms, more than 500 ms" },
  };

function told(look: Look): string {
  return look.kind === "Value" ? String(look.value) : look.kind === "Wrong" ? look.message : look.kind;
}

describe("comparing a model's answer with the right one", () => {
  for (const [name, one] of Object.entries(cases))
    it(name, () => {
      const { json = [], status = 200, tookMs = 100, says } = one;
      const body = "body" in one ? one.body : answer;
      assert.equal(told(readProbe({ status: 200, json, maxLatencyMs: 500 }, { status, body, tookMs })), says);
    });
});

describe("probing a pod", () => {
  const probe: Probe = {
    path: "/v2/models/iris/infer",
    method: "POST",
    body: "{}",
    status: 200,
    json: [],
    maxLatencyMs: 500,
  };
  const run = async (
    sent: EgressRequest[],
    reply: () => Promise<{ status: number; body: Buffer }>,
    address = "10.0.0.1",
  ) => {
    let time = 0;
    const request = async (asked: EgressRequest) => {
      sent.push(asked);
      return { headers: new Map<string, string>(), url: new URL("http://x"), ...(await reply()) };
    };
    const options = { signal: new AbortController().signal, monotonic: () => (time += 20) };
    return probePod({ request }, { address, port: 8080 }, probe, options);
  };

  it("asks as it is told, and measures", async () => {
    const sent: EgressRequest[] = [];
    const look = await run(sent, () => Promise.resolve({ status: 200, body: Buffer.from("{}") }));
    assert.deepEqual(look, { kind: "Value", value: 0.02 });
    assert.equal(sent[0]?.url, "http://10.0.0.1:8080/v2/models/iris/infer");
    assert.equal(sent[0].body, "{}");
    await run(sent, () => Promise.resolve({ status: 200, body: Buffer.from("{}") }), "fd00::1");
    assert.equal(sent[1]?.url, "http://[fd00::1]:8080/v2/models/iris/infer");
  });

  it("holds a late answer against the model, and none at all against nobody", async () => {
    const fails = (code: "Timeout" | "ConnectionFailed") => () => Promise.reject(new EgressError(code, "x"));
    assert.equal(told(await run([], fails("Timeout"))), "TooSlow: no answer within 500 ms");
    assert.equal(told(await run([], fails("ConnectionFailed"))), "Error");
  });

  it("asks one pod after the other", () => {
    const addresses = ["10.0.0.2", "10.0.0.1"];
    assert.deepEqual(
      [0, 1, 2].map((turn) => pickTarget(addresses, turn)),
      ["10.0.0.1", "10.0.0.2", "10.0.0.1"],
    );
    assert.equal(pickTarget([], 3), undefined);
  });
});

describe("a path into JSON", () => {
  it("is written in one way", () => {
    for (const path of ["a", "a.b", "a[0]", "a[0][1].b-c[2]", "_x1"]) assert.ok(isJsonPath(path), path);
    for (const path of ["", ".", "a.", "[0]", "a[]", "a[-1]", "a..b", "$.a", "a['b']", "a[0]b", "x".repeat(300)])
      assert.ok(!isJsonPath(path), path);
  });

  it("finds what is there, and nothing that every object has", () => {
    assert.equal(atPath({ a: [{ b: 1 }, { b: 2 }] }, "a[1].b"), 2);
    for (const path of ["constructor", "toString", "__proto__.x", "a.length", "a[9]", "b"])
      assert.equal(atPath({ a: [] }, path), undefined, path);
  });

  it("never throws", () => {
    fc.assert(fc.property(fc.jsonValue(), fc.string(), (value, path) => void atPath(value, path)));
  });
});
