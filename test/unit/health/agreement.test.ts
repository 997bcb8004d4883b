import assert from "node:assert/strict";
import { EgressError, type EgressRequest } from "../../../src/egress/index.ts";
import { type Agreement, type Look, isNear, lookAtAgreement } from "../../../src/health/index.ts";

const agreement: Agreement = {
  path: "/v2/models/iris/infer",
  bodies: ['{"n": 0}', '{"n": 1}', '{"n": 2}', '{"n": 3}'],
  json: ["outputs[0].data"],
  tolerance: 0.1,
  maxLatencyMs: 1000,
};
const mine = { address: "10.0.0.1", port: 8080 };
const theirs = { address: "10.0.0.2", port: 9090 };

type Answer = readonly number[] | "NoConnection" | "Late" | { readonly status: number } | { readonly body: string };

/** What a pod answers to the request of each number. */
type Pod = (n: number) => Answer;

const right: Pod = (n) => [n, n];
const except =
  (which: number, answer: Answer): Pod =>
  (n) =>
    n === which ? answer : right(n);

async function look(
  pods: { readonly mine?: Pod; readonly theirs?: Pod },
  targets: Partial<Parameters<typeof lookAtAgreement>[1]> = {},
  asked: EgressRequest[] = [],
): Promise<Look> {
  const sender = {
    request: (request: EgressRequest) => {
      asked.push(request);
      const pod = new URL(request.url).hostname === mine.address ? pods.mine : pods.theirs;
      const { n } = JSON.parse(typeof request.body === "string" ? request.body : "") as { n: number };
      const answer = (pod ?? right)(n);
      if (answer === "NoConnection") return Promise.reject(new EgressError("ConnectionFailed", "no connection"));
      if (answer === "Late") return Promise.reject(new EgressError("Timeout", "late"));
      const status = "status" in answer ? answer.status : 200;
      const body = "body" in answer ? answer.body : JSON.stringify({ id: request.url, outputs: [{ data: answer }] });
      return Promise.resolve({ status, headers: new Map(), url: new URL(request.url), body: Buffer.from(body) });
    },
  };
  const context = { signal: new AbortController().signal, monotonic: () => 0 };
  return lookAtAgreement(sender, { mine, theirs, ...targets }, agreement, context);
}

function told(found: Look): string {
  if (found.kind === "Value") return String(found.value);
  return found.kind === "Wrong" ? found.message : found.kind === "Error" ? `${found.reason}: ${found.message}` : "";
}

const cases: readonly [string, { readonly mine?: Pod; readonly theirs?: Pod }, string][] = [
  ["all answers are alike", {}, "1"],
  ["a number differs within the tolerance", { mine: except(1, [1.05, 0.95]) }, "1"],
  ["a number differs by more", { mine: except(1, [1.2, 1]) }, "0.75"],
  ["one answer is shorter", { mine: except(3, [3]) }, "0.75"],
  ["the one that comes fails", { mine: except(0, { status: 500 }) }, "0.75"],
  ["the one that comes answers with something else", { mine: except(0, { body: "<html>" }) }, "0.75"],
  ["the one that comes differs always", { mine: () => [9, 9] }, "0"],
  ["the one that comes is late", { mine: except(2, "Late") }, "TooSlow: no answer within 1000 ms"],
  ["the one that comes cannot be reached", { mine: except(2, "NoConnection") }, "Unreachable: no connection"],
  [
    "neither answers in time: that is nobody's fault",
    { mine: except(2, "Late"), theirs: except(2, "Late") },
    "NoBaseline: of the revision that serves, late",
  ],
  [
    "the one that serves cannot be reached",
    { theirs: except(2, "NoConnection") },
    "NoBaseline: of the revision that serves, no connection",
  ],
  [
    "the one that serves fails",
    { theirs: except(2, { status: 503 }) },
    "NoBaseline: of the revision that serves, the status is 503, not 200",
  ],
  [
    "the one that serves does not say what is compared",
    { theirs: except(2, { body: "{}" }) },
    "NoBaseline: of the revision that serves, outputs[0].data is not in the answer",
  ],
];

describe("comparing a version's answers with those of the one that serves", () => {
  for (const [what, pods, says] of cases)
    it(`is right when ${what}`, async () => {
      assert.equal(told(await look(pods)), says);
    });

  it("asks both the same, one request after the other", async () => {
    const asked: EgressRequest[] = [];
    await look({}, {}, asked);
    assert.equal(asked.length, 8);
    assert.deepEqual(asked[0]?.url, "http://10.0.0.1:8080/v2/models/iris/infer");
    assert.deepEqual(asked[1]?.url, "http://10.0.0.2:9090/v2/models/iris/infer");
    assert.deepEqual(asked[0].body, asked[1].body);
  });

  it("needs a pod of both", async () => {
    assert.match(told(await look({}, { mine: undefined })), /^NoTarget/);
    assert.match(told(await look({}, { theirs: undefined })), /^NoBaseline: no pod/);
  });
});

describe("values that are alike", () => {
  for (const [a, b, wanted] of [
    [1, 1.05, true],
    [1, "1", false],
    ["cat", "cat", true],
    [[1, [2, 3]], [1, [2, 3.1]], true],
    [{ a: 1, b: "x" }, { b: "x", a: 1.1 }, true],
    [{ a: 1 }, { a: 1, b: 2 }, false],
    [{ a: undefined }, { b: undefined }, false],
    [[1], { 0: 1 }, false],
    [null, null, true],
    [null, {}, false],
  ] as const)
    it(`${JSON.stringify(a)} and ${JSON.stringify(b)}: ${wanted ? "are" : "are not"}`, () => {
      assert.equal(isNear(a, b, 0.1 + 1e-9), wanted);
    });
});
