import assert from "node:assert/strict";
import { z } from "zod";
import { type Answer, ask } from "../../../src/cli/ask.ts";

describe("an answer of the fluent client", () => {
  const response = { status: 403, statusText: "Forbidden", data: {} };
  const table: readonly (readonly [string, unknown, Answer<never>])[] = [
    ["not found", { ...response, status: 404 }, { state: "absent" }],
    [
      "refused, with the API server's reason",
      { ...response, data: { kind: "Status", message: "nodes is forbidden" } },
      { state: "unknown", reason: "403 nodes is forbidden" },
    ],
    ["refused by something else", response, { state: "unknown", reason: "403 Forbidden" }],
    [
      "not connected, which the client calls status 400",
      { ...response, status: 400, e: new TypeError("fetch failed", { cause: new Error("connect ECONNREFUSED") }) },
      { state: "unknown", reason: "connect ECONNREFUSED" },
    ],
    [
      "not readable, though the status is 200",
      { ...response, status: 200, e: new SyntaxError("Unexpected end of JSON input") },
      { state: "unknown", reason: "Unexpected end of JSON input" },
    ],
    [
      "not found, but broken off",
      { ...response, status: 404, e: new Error("terminated") },
      { state: "unknown", reason: "terminated" },
    ],
    [
      "not connected to any of several addresses",
      new AggregateError([new Error("connect ETIMEDOUT")]),
      { state: "unknown", reason: "connect ETIMEDOUT" },
    ],
    ["an error of our own", new Error("no cluster"), { state: "unknown", reason: "no cluster" }],
    [
      "of another shape",
      z.string().safeParse(1).error,
      { state: "unknown", reason: "the answer is not of the shape that Kubernetes documents" },
    ],
    ["something else", "oops", { state: "unknown", reason: "the client failed without saying why" }],
  ];
  for (const [what, thrown, expected] of table)
    it(`${what}: ${expected.state}`, async () => {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as the client does
      assert.deepEqual(await ask(() => Promise.reject(thrown)), expected);
    });

  it("that came: known", async () => {
    assert.deepEqual(await ask(() => Promise.resolve(7)), { state: "known", value: 7 });
  });
});
