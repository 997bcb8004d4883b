import assert from "node:assert/strict";
import { inspect } from "node:util";
import { missingCredential, parseDockerConfigJson, type Credentials } from "../../../src/trust/index.ts";
import { selectCredential } from "../../../src/trust/credentials.ts";

function parse(auths: object): Credentials {
  const parsed = parseDockerConfigJson(JSON.stringify({ auths }));
  assert.ok(parsed.ok, "expected credentials");
  return parsed.credentials;
}

const auth = (text: string): { auth: string } => ({ auth: Buffer.from(text).toString("base64") });

async function loginFor(credentials: Credentials, registry: string, repository: string): Promise<string | undefined> {
  const login = await selectCredential(credentials, registry, repository)?.login(registry);
  if (login === undefined) return undefined;
  if (login.kind !== "Basic") return `${login.kind} ${login.token}`;
  return Buffer.from(login.authorization.slice("Basic ".length), "base64").toString();
}

describe("credentials of registries", () => {
  it("reads auth, and username with password", async () => {
    const credentials = parse({
      "a.example.com": auth("u:p:with:colons"),
      "b.example.com": { username: "v", password: "q" },
    });
    assert.equal(await loginFor(credentials, "a.example.com", "x"), "u:p:with:colons");
    assert.equal(await loginFor(credentials, "b.example.com", "x"), "v:q");
    assert.equal(await loginFor(credentials, "c.example.com", "x"), undefined);
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
    it(`gives what is for ${key} ${matches ? "to" : "not to"} ${registry}/${repository}`, async () => {
      assert.equal(await loginFor(parse({ [key]: auth("u:p") }), registry, repository), matches ? "u:p" : undefined);
    });
  }

  it("prefers the more specific path", async () => {
    const credentials = parse({
      "r.io": auth("all:x"),
      "r.io/team/model": auth("model:x"),
      "r.io/team": auth("team:x"),
    });
    assert.equal(await loginFor(credentials, "r.io", "team/model"), "model:x");
    assert.equal(await loginFor(credentials, "r.io", "team/other"), "team:x");
    assert.equal(await loginFor(credentials, "r.io", "other"), "all:x");
  });

  it("reads tokens, which count before a password", async () => {
    const credentials = parse({
      "a.example.com": { ...auth("<token>:"), identitytoken: "refresh" },
      "b.example.com": { registrytoken: "bearer", identitytoken: "refresh", username: "u", password: "p" },
      "c.example.com": { identitytoken: "", registrytoken: "", username: "u", password: "p" },
    });
    assert.equal(await loginFor(credentials, "a.example.com", "x"), "RefreshToken refresh");
    assert.equal(await loginFor(credentials, "b.example.com", "x"), "Bearer bearer");
    assert.equal(await loginFor(credentials, "c.example.com", "x"), "u:p");
  });

  it("say that they are missing only where no other fits", () => {
    const credentials = [missingCredential("Secret a/b is missing: create it"), ...parse({ "r.io": auth("u:p") })];
    assert.equal(selectCredential(credentials, "r.io", "x")?.missing, undefined);
    const missing = selectCredential(credentials, "other.io", "x");
    assert.equal(missing?.missing, true);
    assert.equal(missing.fingerprint, "anonymous");
  });

  it("shows a password nowhere", () => {
    const credentials = parse({ "r.io": auth("user:hunter2"), "s.io": { identitytoken: "hunter2" } });
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
    '{"auths": {"r.io": {"identitytoken": "hunter2\\r\\nx: y"}}}',
    '{"auths": {"r.io": {"registrytoken": "hunter2 hunter2"}}}',
  ]) {
    it(`refuses ${text.replaceAll("hunter2", "…")} and repeats none of it`, () => {
      const parsed = parseDockerConfigJson(text);
      assert.ok(!parsed.ok);
      assert.doesNotMatch(parsed.message, /hunter2/);
    });
  }
});
