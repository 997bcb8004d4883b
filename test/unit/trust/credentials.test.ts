import assert from "node:assert/strict";
import { inspect } from "node:util";
import { parseDockerConfigJson, type Credentials } from "../../../src/trust/index.ts";
import { selectCredential } from "../../../src/trust/credentials.ts";

function parse(auths: object): Credentials {
  const parsed = parseDockerConfigJson(JSON.stringify({ auths }));
  assert.ok(parsed.ok, "expected credentials");
  return parsed.credentials;
}

const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString("base64") });

function userFor(credentials: Credentials, registry: string, repository: string): string | undefined {
  const basic = selectCredential(credentials, registry, repository)?.basic.slice("Basic ".length);
  return basic === undefined ? undefined : Buffer.from(basic, "base64").toString();
}

describe("credentials of registries", () => {
  it("reads auth, and username with password", () => {
    const credentials = parse({
      "a.example.com": auth("u:p:with:colons"),
      "b.example.com": { username: "v", password: "q" },
    });
    assert.equal(userFor(credentials, "a.example.com", "x"), "u:p:with:colons");
    assert.equal(userFor(credentials, "b.example.com", "x"), "v:q");
    assert.equal(userFor(credentials, "c.example.com", "x"), undefined);
  });

  const places: readonly (readonly [key: string, registry: string, repository: string, matches: boolean])[] = [
    ["https://index.docker.io/v1/", "docker.io", "library/nginx", true],
    ["docker.io", "docker.io", "library/nginx", true],
    ["registry-1.docker.io", "docker.io", "library/nginx", true],
    ["https://registry.example.com", "registry.example.com", "a", true],
    ["https://registry.example.com/v2/", "registry.example.com", "a", true],
    ["Registry.Example.com", "registry.example.com", "a", true],
    ["registry.example.com:5000", "registry.example.com", "a", false],
    ["registry.example.com", "registry.example.com:5000", "a", false],
    ["registry.example.com:5000", "registry.example.com:5000", "a", true],
    ["*.example.com", "registry.example.com", "a", true],
    ["*.example.com", "a.registry.example.com", "a", false],
    ["*.example.com", "example.com", "a", false],
    ["example.com", "evilexample.com", "a", false],
    ["registry.example.com/team", "registry.example.com", "team/model", true],
    ["registry.example.com/team", "registry.example.com", "team2/model", false],
    ["registry.example.com/team/model", "registry.example.com", "team", false],
  ];
  for (const [key, registry, repository, matches] of places) {
    it(`gives what is for ${key} ${matches ? "to" : "not to"} ${registry}/${repository}`, () => {
      assert.equal(userFor(parse({ [key]: auth("u:p") }), registry, repository), matches ? "u:p" : undefined);
    });
  }

  it("prefers the more specific path", () => {
    const credentials = parse({
      "r.io": auth("all:x"),
      "r.io/team/model": auth("model:x"),
      "r.io/team": auth("team:x"),
    });
    assert.equal(userFor(credentials, "r.io", "team/model"), "model:x");
    assert.equal(userFor(credentials, "r.io", "team/other"), "team:x");
    assert.equal(userFor(credentials, "r.io", "other"), "all:x");
  });

  it("shows a password nowhere", () => {
    const credentials = parse({ "r.io": auth("user:hunter2") });
    const shown = `${JSON.stringify(credentials)} ${inspect(credentials, { depth: 9, showHidden: true })}`;
    assert.doesNotMatch(shown, /hunter2|dXNlc/);
    assert.notEqual(credentials[0]?.fingerprint, parse({ "r.io": auth("user:hunter3") })[0]?.fingerprint);
  });

  for (const text of [
    "",
    "{}",
    "[]",
    '{"auths": 1}',
    '{"auths": {"r.io": {"auth": "hunter2"}}}',
    '{"auths": {"r.io": {"username": "hunter2"}}}',
    "hunter2{",
    '{"auths": {"r.io": {"auth": 5}}}',
  ]) {
    it(`refuses ${text.replaceAll("hunter2", "…")} and repeats none of it`, () => {
      const parsed = parseDockerConfigJson(text);
      assert.ok(!parsed.ok);
      assert.doesNotMatch(parsed.message, /hunter2/);
    });
  }
});
