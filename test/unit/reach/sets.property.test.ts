import assert from "node:assert/strict";
import { BlockList } from "node:net";
import fc from "fast-check";
import {
  type Address,
  areDisjointRanges,
  containsRanges,
  includes,
  isWholeSpace,
  parseAddress,
  parseCidr,
  union,
  without,
} from "../../../src/reach/addresses.ts";
import { LabelSelector } from "../../../src/reach/index.ts";
import { type Selector, areDisjoint, contains, isContradiction, matches } from "../../../src/reach/labels.ts";
import { type PortMatch, areDisjointPorts, containsPort, matchesPort } from "../../../src/reach/ports.ts";
import { selector } from "./support/arbitraries.ts";

const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.integer({ min: 0, max: 40 }).map((last) => `10.0.0.${last}`),
);
const range = fc.oneof(
  fc.tuple(fc.ipV4(), fc.nat(32)).map(([ip, bits]) => `${ip}/${bits}`),
  fc.tuple(fc.ipV6(), fc.nat(128)).map(([ip, bits]) => `${ip}/${bits}`),
  fc.tuple(fc.nat(40), fc.integer({ min: 24, max: 32 })).map(([last, bits]) => `10.0.0.${last}/${bits}`),
);
const isMapped = (text: string): boolean => text.includes(":") && parseAddress(text.split("/")[0] ?? "")?.family === 4;
const rangesOf = (text: string) => parseCidr(text) ?? [];
const small = Array.from({ length: 64 }, (_, last) => parseAddress(`10.0.0.${last}`) as Address);
const sets = fc.array(
  range.filter((text) => text.startsWith("10.0.0.")),
  { maxLength: 4 },
);

describe("reach: sets of addresses", () => {
  it("hold what Node's own block lists hold", () => {
    fc.assert(
      fc.property(address, range, (ip, text) => {
        if (isMapped(ip) || isMapped(text)) return;
        const [network = "", bits = ""] = text.split("/");
        const list = new BlockList();
        list.addSubnet(network, Number(bits), network.includes(":") ? "ipv6" : "ipv4");
        const parsed = parseAddress(ip);
        assert.ok(parsed !== undefined);
        const isSame = ip.includes(":") === network.includes(":");
        assert.equal(includes(rangesOf(text), parsed), isSame && list.check(ip, ip.includes(":") ? "ipv6" : "ipv4"));
      }),
      { numRuns: 1_000 },
    );
  });

  it("are joined, cut and compared as sets are", () => {
    fc.assert(
      fc.property(sets, sets, (some, others) => {
        const [a, b] = [union(...some.map(rangesOf)), union(...others.map(rangesOf))];
        const isIn = (texts: readonly string[], at: Address): boolean =>
          texts.some((text) => includes(rangesOf(text), at));
        for (const at of small) {
          assert.equal(includes(a, at), isIn(some, at));
          assert.equal(includes(without(a, b), at), isIn(some, at) && !isIn(others, at));
        }
        assert.equal(without(union(a, b), b).length === 0, containsRanges(b, a));
        assert.equal(areDisjointRanges(a, b), containsRanges(without(a, b), a));
      }),
    );
  });

  for (const text of [
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0/8",
    "10.0.0.0/8/8",
    "fd00::/129",
    "::ffff:10.0.0.0/104",
    "fe80::1%eth0/64",
    "010.0.0.0/8",
    "/8",
    "",
  ]) {
    it(`are not read from ${JSON.stringify(text)}`, () => {
      assert.equal(parseCidr(text), undefined);
    });
  }

  it("are everything only with both families", () => {
    assert.ok(isWholeSpace(union(rangesOf("0.0.0.0/0"), rangesOf("::/0"))));
    assert.ok(isWholeSpace(union(rangesOf("0.0.0.0/1"), rangesOf("128.0.0.0/1"), rangesOf("::/0"))));
    assert.ok(!isWholeSpace(rangesOf("0.0.0.0/0")));
  });
});

/** All that can be told apart: each label may be missing, one of the values that rules name, or another one. */
const values = [undefined, "a", "b", "c", "z"] as const;
const allLabels = values.flatMap((app) =>
  values.map((tier) => ({ ...(app === undefined ? {} : { app }), ...(tier === undefined ? {} : { tier }) })),
);

describe("reach: sets of labels", () => {
  it("are compared exactly", () => {
    fc.assert(
      fc.property(selector, selector, (first, second) => {
        const [a, b]: [Selector, Selector] = [LabelSelector.parse(first), LabelSelector.parse(second)];
        assert.equal(
          contains(a, b),
          allLabels.every((labels) => !matches(b, labels) || matches(a, labels)),
        );
        assert.equal(
          areDisjoint(a, b),
          allLabels.every((labels) => !matches(b, labels) || !matches(a, labels)),
        );
        assert.equal(
          isContradiction(a),
          allLabels.every((labels) => !matches(a, labels)),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  for (const [what, raw] of [
    ["a field that is not known", { matchFields: [] }],
    ["an operator that is not known", { matchExpressions: [{ key: "a", operator: "Gt", values: ["1"] }] }],
    ["In without values", { matchExpressions: [{ key: "a", operator: "In" }] }],
    ["Exists with values", { matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] }],
  ] as const) {
    it(`are not read with ${what}`, () => {
      assert.equal(LabelSelector.safeParse(raw).success, false);
    });
  }

  it("take names of JavaScript for the labels that they are", () => {
    const selector = LabelSelector.parse({ matchExpressions: [{ key: "constructor", operator: "Exists" }] });
    assert.equal(matches(selector, {}), false);
    assert.equal(matches(selector, { constructor: "x" }), true);
  });
});

const protocol = fc.constantFrom("TCP" as const, "UDP" as const);
const numbered = fc
  .tuple(protocol, fc.integer({ min: 1, max: 9 }), fc.nat(4))
  .map(([protocol, first, more]): PortMatch => ({ protocol, first, last: first + more }));
const named = fc
  .tuple(fc.option(protocol, { nil: undefined }), fc.constantFrom("x", "y"))
  .map(([protocol, name]): PortMatch => ({ protocol, name }));
const port = fc.oneof({ weight: 3, arbitrary: numbered }, { weight: 1, arbitrary: named });

describe("reach: sets of ports", () => {
  it("contain, or miss, what they are said to, whatever numbers names have", () => {
    const pods = fc.array(
      fc.record({ name: fc.constantFrom("x", "y"), protocol, port: fc.integer({ min: 1, max: 14 }) }),
      { maxLength: 3 },
    );
    fc.assert(
      fc.property(fc.array(port, { minLength: 1, maxLength: 3 }), port, pods, (outer, inner, names) => {
        const isContained = containsPort(outer, inner);
        const isMissed = areDisjointPorts(outer, inner);
        for (const protocol of ["TCP", "UDP"] as const)
          for (let number = 1; number < 15; number++) {
            const wanted = { protocol, port: number, names };
            if (!matchesPort([inner], wanted)) continue;
            if (isContained) assert.ok(matchesPort(outer, wanted));
            if (isMissed) assert.ok(!matchesPort(outer, wanted));
          }
      }),
      { numRuns: 1_000 },
    );
  });
});
