import assert from "node:assert/strict";
import fc from "fast-check";
import { distinctAuthorities, marksOf, type Candidate } from "../../../src/trust/threshold.ts";

function vouch(authority: string, ...marks: string[]): Candidate {
  return { authority, marks };
}

/** All ways to give each authority one of its signers, or nobody. */
function bruteForce(candidates: readonly Candidate[]): number {
  const authorities = [...new Set(candidates.map(({ authority }) => authority))];
  const best = (at: number, taken: ReadonlySet<string>): number => {
    const authority = authorities[at];
    if (authority === undefined) return taken.size;
    const own = candidates.filter((one) => one.authority === authority && !taken.has(one.marks[0] ?? ""));
    const ways = own.map(({ marks: [mark = ""] }) => best(at + 1, new Set([...taken, mark])));
    return Math.max(best(at + 1, taken), ...ways);
  };
  return best(0, new Set());
}

describe("distinct authorities", () => {
  const cases: readonly (readonly [what: string, candidates: readonly Candidate[], count: number])[] = [
    ["nobody", [], 0],
    ["one", [vouch("a", "1")], 1],
    ["one who signed twice", [vouch("a", "1"), vouch("a", "2")], 1],
    ["one key under two names", [vouch("a", "1"), vouch("b", "1")], 1],
    ["two", [vouch("a", "1"), vouch("b", "2")], 2],
    ["what takes the first at hand gets wrong", [vouch("a", "1"), vouch("a", "2"), vouch("b", "1")], 2],
    [
      "a chain that has to be moved along",
      [vouch("a", "1"), vouch("a", "2"), vouch("b", "1"), vouch("b", "3"), vouch("c", "1"), vouch("d", "3")],
      3,
    ],
    ["two names of one identity", [vouch("a", "key 1", "x"), vouch("b", "key 2", "x")], 1],
    ["two identities with one key", [vouch("a", "key 1", "x"), vouch("b", "key 1", "y")], 1],
    ["a key and a certificate of the same key", [vouch("a", "key 1"), vouch("b", "key 1", "x")], 1],
    [
      "those who are one through a third",
      [vouch("a", "key 1", "x"), vouch("b", "key 2", "y"), vouch("c", "key 1", "z"), vouch("c", "key 2", "z")],
      1,
    ],
    ["two with keys and names of their own", [vouch("a", "key 1", "x"), vouch("b", "key 2", "y")], 2],
  ];
  for (const [what, candidates, count] of cases) {
    it(`are ${count}: ${what}`, () => {
      assert.equal(distinctAuthorities(candidates), count);
      assert.equal(distinctAuthorities([...candidates].reverse()), count);
    });
  }

  const anyCandidates = fc.array(
    fc.record({
      authority: fc.constantFrom("a", "b", "c", "d", "e"),
      marks: fc.tuple(fc.constantFrom("1", "2", "3", "4", "5")),
    }),
    { maxLength: 10 },
  );

  it("are as many as there can be at best, by trying all ways", () => {
    fc.assert(
      fc.property(anyCandidates, (candidates) => {
        assert.equal(distinctAuthorities(candidates), bruteForce(candidates));
      }),
      { numRuns: 300 },
    );
  });

  it("are never more than authorities, keys or identities, in any order", () => {
    const any = fc.array(
      fc
        .tuple(
          fc.constantFrom("a", "b", "c", "d"),
          fc.constantFrom("1", "2", "3", "4"),
          fc.constantFrom("w", "x", "y", "z"),
        )
        .map(([authority, key, name]) => vouch(authority, `key ${key}`, `identity ${name}`)),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(any, fc.nat(), (candidates, turn) => {
        const count = distinctAuthorities(candidates);
        for (const at of [0, 1]) assert.ok(count <= new Set(candidates.map(({ marks }) => marks[at])).size);
        assert.ok(count <= new Set(candidates.map(({ authority }) => authority)).size);
        assert.ok(count >= 1);
        const turned = [
          ...candidates.slice(turn % candidates.length),
          ...candidates.slice(0, turn % candidates.length),
        ];
        assert.equal(distinctAuthorities(turned), count);
      }),
      { numRuns: 300 },
    );
  });

  it("are counted in time, also with as many signatures as are looked at", () => {
    const many = Array.from({ length: 16 * 128 }, (_, at) => vouch(`a${at % 16}`, `key ${at}`, `name ${at % 100}`));
    assert.equal(distinctAuthorities(many), 16);
  });

  it("know somebody by key and by identity, and no two names look alike", () => {
    assert.deepEqual(marksOf({ keyFingerprint: "k" }), ["key k"]);
    assert.notEqual(
      marksOf({ keyFingerprint: "k", subject: "a", issuer: "b" })[1],
      marksOf({ keyFingerprint: "k", subject: "a" })[1],
    );
    assert.notEqual(
      marksOf({ keyFingerprint: "k", subject: 'a","b' })[1],
      marksOf({ keyFingerprint: "k", subject: "a", issuer: "b" })[1],
    );
  });
});
