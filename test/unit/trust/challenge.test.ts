import assert from "node:assert/strict";
import fc from "fast-check";
import { parseChallenges } from "../../../src/trust/challenge.ts";

const read = (header: string): unknown =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

describe("WWW-Authenticate", () => {
  const cases: readonly (readonly [header: string, expected: unknown])[] = [
    ['Basic realm="r"', [["basic", { realm: "r" }]]],
    ["Basic", [["basic", {}]]],
    [
      'Bearer realm="https://auth.example.com/token",service="r.io",scope="repository:a/b:pull"',
      [["bearer", { realm: "https://auth.example.com/token", service: "r.io", scope: "repository:a/b:pull" }]],
    ],
    [
      'Bearer realm="https://a/", service=plain, error="x\\"y, z"',
      [["bearer", { realm: "https://a/", service: "plain", error: 'x"y, z' }]],
    ],
    [
      'Basic realm="one", Bearer realm="https://a/"',
      [
        ["basic", { realm: "one" }],
        ["bearer", { realm: "https://a/" }],
      ],
    ],
    [
      "Negotiate, Basic realm=x",
      [
        ["negotiate", {}],
        ["basic", { realm: "x" }],
      ],
    ],
    ["", []],
  ];
  for (const [header, expected] of cases)
    it(`reads ${header === "" ? "nothing" : header}`, () => assert.deepEqual(read(header), expected));

  it("takes any text, quickly", () => {
    fc.assert(fc.property(fc.string(), (text) => assert.doesNotThrow(() => parseChallenges(text))));
    const started = performance.now();
    for (const text of ['="\\'.repeat(100_000), 'a="'.repeat(100_000), "a ".repeat(100_000), "a".repeat(300_000)])
      parseChallenges(text);
    assert.ok(performance.now() - started < 500);
  });
});
