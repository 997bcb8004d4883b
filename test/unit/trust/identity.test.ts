import assert from "node:assert/strict";
import fc from "fast-check";
import {
  compileIdentity,
  describeIdentity,
  identityMaterial,
  matchesIdentity,
  type Identity,
  type IdentityPattern,
  type IdentitySource,
} from "../../../src/trust/identity.ts";

function compiled(source: IdentitySource): IdentityPattern {
  const result = compileIdentity(source);
  assert(result.ok, result.ok ? "" : result.problem);
  return result.pattern;
}

describe("an identity", () => {
  const issuer = "https://issuer.example";
  const cases: readonly (readonly [what: string, source: IdentitySource, identity: Identity, matches: boolean])[] = [
    ["the subject", { subject: "a@b.example" }, { subject: "a@b.example" }, true],
    ["the subject, whoever the issuer is", { subject: "a" }, { subject: "a", issuer }, true],
    ["another subject", { subject: "a" }, { subject: "b" }, false],
    ["the subject in another case", { subject: "a@b.example" }, { subject: "A@b.example" }, false],
    ["no subject", { subject: "a" }, {}, false],
    ["no subject, whatever is allowed", { subjectRegExp: ".*" }, { issuer }, false],
    ["subject and issuer", { subject: "a", issuer }, { subject: "a", issuer }, true],
    ["the subject by nobody", { subject: "a", issuer }, { subject: "a" }, false],
    ["the subject by another", { subject: "a", issuer }, { subject: "a", issuer: `${issuer}/` }, false],
    ["an issuer that matches", { subject: "a", issuerRegExp: "https://.*" }, { subject: "a", issuer }, true],
    ["an issuer of which a part matches", { subject: "a", issuerRegExp: "issuer" }, { subject: "a", issuer }, false],
    ["a subject that matches as a whole", { subjectRegExp: "a|b" }, { subject: "b" }, true],
    ["a subject of which the beginning matches", { subjectRegExp: "a|b" }, { subject: "ax" }, false],
    ["a subject of which the end matches", { subjectRegExp: "a|b" }, { subject: "xb" }, false],
    ["a subject with a line more", { subjectRegExp: "(?m)^a$" }, { subject: "a\nb" }, false],
    ["a name that the expression does not escape", { subjectRegExp: "a.b" }, { subject: "axb" }, true],
  ];
  for (const [what, source, identity, matches] of cases) {
    it(`${matches ? "matches" : "does not match"} ${what}`, () => {
      assert.equal(matchesIdentity(compiled(source), identity), matches);
    });
  }

  const refused: readonly (readonly [source: IdentitySource, problem: RegExp])[] = [
    [{}, /needs a subject/],
    [{ issuer }, /needs a subject/],
    [{ subjectRegExp: "(" }, /^subjectRegExp is not a regular expression in RE2's syntax/],
    [{ subject: "a", issuerRegExp: "(" }, /^issuerRegExp is not a regular expression/],
    [{ subjectRegExp: "(a)\\1" }, /^subjectRegExp is not/],
    [{ subjectRegExp: "(?=a)" }, /^subjectRegExp is not/],
    [{ subjectRegExp: "a".repeat(513) }, /more than 512 characters/],
    [{ subjectRegExp: "a{500}b{500}".repeat(40) }, /too large/],
    [{ subjectRegExp: "((a{100}){100}){100}" }, /RE2/],
  ];
  for (const [source, problem] of refused) {
    it(`is not ${JSON.stringify(source).slice(0, 60)}`, () => {
      const result = compileIdentity(source);
      assert(!result.ok);
      assert.match(result.problem, problem);
    });
  }

  it("takes the exact text for what it is, however it looks", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string(), (exact, other) => {
        assert.equal(matchesIdentity(compiled({ subject: exact }), { subject: exact }), true);
        assert.equal(matchesIdentity(compiled({ subject: exact }), { subject: other }), exact === other);
      }),
    );
  });

  it("reads the same to people as an expression, and differs in a fingerprint", () => {
    const [exact, pattern] = [compiled({ subject: "/a/" }), compiled({ subjectRegExp: "a" })];
    assert.equal(describeIdentity(exact), describeIdentity(pattern));
    assert.notDeepEqual(identityMaterial(exact), identityMaterial(pattern));
    assert.equal(describeIdentity(compiled({ subject: "a", issuer: "b" })), "a by b");
  });
});
