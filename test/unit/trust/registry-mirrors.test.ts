import assert from "node:assert/strict";
import { Egress } from "../../../src/egress/index.ts";
import {
  parseDockerConfigJson,
  parseRegistryMirrors,
  type RegistryMirror,
  Verifier,
} from "../../../src/trust/index.ts";
import type { RegistryReader } from "../../../src/trust/registry.ts";
import { isRegistryError, type RegistryError, type RegistryErrorCode } from "../../../src/trust/registry-error.ts";
import { connectRegistry } from "../../../src/trust/registry-mirrored.ts";
import { sourcesOf } from "../../../src/trust/registry-mirrors.ts";
import type { RegistryOptions } from "../../../src/trust/registry-session.ts";
import { digestOf, now, policy, release } from "./support/build.ts";
import { answer, bundleType, FakeRegistry, hangUp, manifestType, on, type Fault } from "./support/fake-registry.ts";

describe("the list of mirrors", () => {
  it("is read, and the registry itself is asked last unless it says otherwise", () => {
    const parsed = parseRegistryMirrors(
      '[{"registry": "docker.io", "mirrors": ["m.example.com:5000/hub", "n.example.com"]},' +
        ' {"registry": "ghcr.io", "mirrors": ["m.example.com/ghcr"], "originFallback": false}]',
    );
    assert.ok(parsed.ok);
    const places = (registry: string) =>
      sourcesOf({ registry, repository: "a/b", name: `${registry}/a/b` }, parsed.mirrors).map(
        ({ place, isOrigin }) => `${place.registry} ${place.repository} ${place.name ?? ""} ${isOrigin}`,
      );
    assert.deepEqual(places("docker.io"), [
      "m.example.com:5000 hub/a/b docker.io/a/b false",
      "n.example.com a/b docker.io/a/b false",
      "docker.io a/b docker.io/a/b true",
    ]);
    assert.deepEqual(places("ghcr.io"), ["m.example.com ghcr/a/b ghcr.io/a/b false"]);
    assert.deepEqual(places("quay.io"), ["quay.io a/b quay.io/a/b true"]);
  });

  it("knows the hub of Docker by the name that it has in references", () => {
    const parsed = parseRegistryMirrors('[{"registry": "index.docker.io", "mirrors": ["m.example.com"]}]');
    assert.ok(parsed.ok);
    assert.equal(parsed.mirrors[0]?.registry, "docker.io");
  });

  const refused: readonly (readonly [text: string, message: RegExp])[] = [
    ["docker.io=m.example.com", /must be JSON like/],
    ["{}", /expected array/],
    ['[{"registry": "docker.io", "mirrors": []}]', /Too small/],
    ['[{"registry": "docker.io", "mirrors": ["https://m.example.com"]}]', /no scheme/],
    ['[{"registry": "docker.io", "mirrors": ["m.example.com/../x"]}]', /no scheme/],
    ['[{"registry": "docker.io", "mirrors": ["u:p@m.example.com"]}]', /no scheme/],
    ['[{"registry": "docker.io/library", "mirrors": ["m.example.com"]}]', /the host of a registry/],
    ['[{"registry": "docker.io", "mirrors": ["m.io"], "orginFallback": false}]', /Unrecognized key/],
    ['[{"registry": "a.io", "mirrors": ["m.io"]}, {"registry": "a.io", "mirrors": ["n.io"]}]', /each registry once/],
  ];
  for (const [text, message] of refused) {
    it(`refuses ${text}`, () => {
      const parsed = parseRegistryMirrors(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.message, message);
    });
  }
});

describe("a registry with mirrors", () => {
  let origin: FakeRegistry;
  let first: FakeRegistry;
  let second: FakeRegistry;
  let egress: Egress;
  beforeEach(async () => {
    [origin, first, second] = await Promise.all([FakeRegistry.start(), FakeRegistry.start(), FakeRegistry.start()]);
    egress = new Egress({
      plainHttpHosts: ["registry.test"],
      resolver: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
      addressCheck: () => undefined,
    });
  });
  afterEach(async () => {
    await egress.close();
    await Promise.all([origin, first, second].map((registry) => registry.stop()));
  });

  const all = () => [origin, first, second];
  const mirrors = (originFallback = true): readonly RegistryMirror[] => [
    { registry: origin.host, mirrors: [first.host, second.host], originFallback },
  ];
  const options = (): RegistryOptions => ({
    egress,
    plainHttpHosts: all().map(({ host }) => host),
    timeoutMs: 500,
    now: () => now,
  });
  const reader = (originFallback = true, overrides: Partial<RegistryOptions> = {}): RegistryReader =>
    connectRegistry({ registry: origin.host, repository: "models/iris", name: origin.name }, mirrors(originFallback), {
      ...options(),
      ...overrides,
    });
  const asked = () => all().map(({ requests }) => requests.length);

  async function failure(promise: Promise<unknown>, code: RegistryErrorCode): Promise<RegistryError> {
    const error: unknown = await promise.then(
      () => undefined,
      (caught: unknown) => caught,
    );
    assert.ok(isRegistryError(error, code), `expected ${code}, got ${String(error)}`);
    return error;
  }

  it("is read from the first mirror that has what is asked for", async () => {
    const digest = first.pushArtifact("model", "v1");
    second.pushArtifact("other", "v1");
    origin.pushArtifact("model", "v1");
    const from = reader();
    assert.equal(await from.resolveTag("v1"), digest);
    await from.manifest(digest);
    await from.verifyBlob(first.pushBlob("model"), 1000);
    assert.deepEqual(asked(), [0, 3, 0]);
    assert.deepEqual(from.warnings, []);
  });

  it("is asked for what no mirror has, without a warning", async () => {
    const digest = origin.pushArtifact("model", "v1");
    const from = reader();
    assert.equal(await from.resolveTag("v1"), digest);
    assert.equal((await from.blob(origin.pushBlob("model"), 100)).toString(), "model");
    assert.deepEqual(from.warnings, []);
    assert.deepEqual(asked(), [2, 2, 2]);
  });

  const bad: readonly (readonly [what: string, fault: Fault, message: RegExp])[] = [
    ["500", answer(500), /answered HTTP 500/],
    ["503", answer(503), /answered HTTP 503/],
    ["429", answer(429, { "retry-after": "30" }), /HTTP 429/],
    ["401", answer(401), /refuses/],
    ["403", answer(403), /refuses/],
    ["hangs up", hangUp, /no connection/],
    ["is silent", () => true, /did not answer within 500 ms/],
    ["is a page for people", answer(200, { "content-type": "text/html" }, "<html>"), /other than a manifest/],
    ["redirects to the metadata of the cloud", answer(307, { location: "http://169.254.169.254/" }), /169\.254/],
    ["lies", answer(200, { "content-type": manifestType }, "{}"), /another digest/],
  ];
  for (const [what, fault, message] of bad) {
    it(`is read from the next when a mirror ${what}, with a warning`, async () => {
      const digest = second.pushArtifact("model", "v1");
      first.fault = fault;
      const from = reader();
      await from.manifest(digest);
      const [warning, ...others] = from.warnings;
      assert.deepEqual(others, []);
      assert.match(warning ?? "", new RegExp(`^mirror ${first.host} is passed over: `));
      assert.match(warning ?? "", message);
    });
  }

  it("does not wait again for a mirror that did not answer", async () => {
    const digest = second.pushArtifact("model", "v1");
    first.fault = answer(500);
    const from = reader();
    await from.manifest(digest);
    await from.manifest(digest);
    assert.equal(first.requests.length, 1);
  });

  it("is unavailable only when all fail, and each is named", async () => {
    for (const registry of all()) registry.fault = answer(500);
    const error = await failure(reader().manifest(digestOf("a")), "Unavailable");
    for (const { host } of all()) assert.match(error.message, new RegExp(`${host}: ${host} answered HTTP 500`));
  });

  const outcomes: readonly (readonly [string, number, number, number, RegistryErrorCode, number?])[] = [
    ["nobody has it", 404, 404, 404, "NotFound"],
    ["mirrors fail and the registry itself has it not", 500, 403, 404, "NotFound"],
    ["the registry itself refuses", 404, 404, 401, "Unauthorized"],
    ["all refuse", 401, 403, 401, "Unauthorized"],
    ["some refuse and some are down", 401, 500, 401, "Unavailable"],
    ["all limit the rate", 429, 429, 429, "RateLimited", 9000],
    ["one limits the rate", 404, 404, 429, "RateLimited", 9000],
  ];
  for (const [what, one, two, three, code, retryAfterMs] of outcomes) {
    it(`where ${what}: ${code}`, async () => {
      const headers = { "retry-after": "9" };
      [first.fault, second.fault, origin.fault] = [answer(one, headers), answer(two, headers), answer(three, headers)];
      assert.equal((await failure(reader().manifest(digestOf("a")), code)).retryAfterMs, retryAfterMs);
    });
  }

  const alone: readonly (readonly [string, number, number, RegistryErrorCode])[] = [
    ["one has it not and the other is down", 404, 500, "Unavailable"],
    ["one is down and the other has it not", 500, 404, "Unavailable"],
    ["one refuses and the other has it not", 403, 404, "Unauthorized"],
    ["both have it not", 404, 404, "NotFound"],
  ];
  for (const [what, one, two, code] of alone) {
    it(`with mirrors alone, of which ${what}: ${code}`, async () => {
      [first.fault, second.fault] = [answer(one), answer(two)];
      await failure(reader(false).manifest(digestOf("a")), code);
      assert.equal(origin.requests.length, 0);
    });
  }

  it("is altered where a mirror, of mirrors alone, holds altered content and the others none", async () => {
    first.fault = answer(200, { "content-type": manifestType }, "{}");
    await failure(reader(false).manifest(digestOf("a")), "DigestMismatch");
    await failure(reader().manifest(digestOf("a")), "NotFound");
  });

  it("is never asked where the administrator says so", async () => {
    const digest = origin.pushArtifact("model", "v1");
    await failure(reader(false).manifest(digest), "NotFound");
    first.fault = answer(500);
    await failure(reader(false).manifest(digest), "Unavailable");
    assert.equal(origin.requests.length, 0);
  });

  it("does not take a wrong address of a mirror for the tenant's", async () => {
    for (const registry of all()) registry.fault = answer(307, { location: "https://u:p@other.test/" });
    await failure(reader(false).manifest(digestOf("a")), "Unavailable");
    [first.fault, second.fault] = [answer(404), answer(404)];
    await failure(reader().manifest(digestOf("a")), "AddressDenied");
  });

  it("ends with the caller, not with the next mirror", async () => {
    await failure(reader(true, { signal: AbortSignal.abort() }).manifest(digestOf("a")), "Aborted");
    assert.deepEqual(asked(), [0, 0, 0]);
  });

  it("gets each the credentials that are for it", async () => {
    const auths = {
      [first.host]: { username: "first", password: "1" },
      [origin.host]: { username: "origin", password: "2" },
    };
    const parsed = parseDockerConfigJson(JSON.stringify({ auths }));
    assert.ok(parsed.ok);
    for (const registry of all()) {
      registry.fault = (request, response) =>
        request.headers.authorization === undefined &&
        answer(401, { "www-authenticate": 'Basic realm="r"' })(request, response);
    }
    const from = reader(true, { credentials: parsed.credentials });
    await failure(from.manifest(digestOf("a")), "NotFound");
    const sent = all().map(({ requests }) => requests.flatMap(({ authorization }) => authorization ?? []));
    const basic = (login: string) => [`Basic ${Buffer.from(login).toString("base64")}`];
    assert.deepEqual(sent, [basic("origin:2"), basic("first:1"), []]);
    assert.notEqual(from.identity, reader().identity);
    assert.equal(reader().identity, "anonymous");
  });

  describe("what is attached", () => {
    it("comes from the first that lists anything: a mirror may have copied the artifact alone", async () => {
      const digest = origin.pushArtifact("model");
      first.pushArtifact("model");
      origin.attach(digest, "one");
      const [found] = await reader().referrers(digest);
      assert.equal(found?.artifactType, bundleType);
    });

    it("is nothing where the registry itself says so, or all of mirrors alone do", async () => {
      const digest = origin.pushArtifact("model");
      assert.deepEqual(await reader(false).referrers(digest), []);
      second.fault = on("/referrers/", answer(500));
      assert.deepEqual(await reader().referrers(digest), []);
      await failure(reader(false).referrers(digest), "Unavailable");
      origin.fault = on("/referrers/", answer(500));
      await failure(reader().referrers(digest), "Unavailable");
    });
  });

  it("gives a verdict on the name that was written, with a warning for the mirror that failed", async () => {
    const digest = origin.pushArtifact("model", "v1");
    first.fault = (request, response) => request.method === "HEAD" && answer(500)(request, response);
    const bundleVerifier = { verifyBundle: () => Promise.reject(new Error("not asked")) };
    const verifier = new Verifier({ ...options(), bundleVerifier, mirrors: mirrors(), clock: () => now });
    const { verdict, artifact } = await verifier.verify({
      reference: `${origin.name}:v1`,
      use: "Image",
      namespace: "prod",
      policies: [policy({ references: [origin.name], authorities: [{ name: "release", key: release }] })],
      now,
    });
    assert.equal(verdict.reason, "NoSignature");
    assert.deepEqual([artifact?.name, artifact?.digest], [origin.name, digest]);
    assert.match(verdict.warnings.join(), new RegExp(`mirror ${first.host} is passed over`));
  });
});
