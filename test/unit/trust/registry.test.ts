import assert from "node:assert/strict";
import { isEgressError } from "../../../src/egress/index.ts";
import { missingCredential, parseDockerConfigJson, type Credentials } from "../../../src/trust/index.ts";
import { RegistryClient } from "../../../src/trust/registry.ts";
import { isRegistryError, type RegistryError, type RegistryErrorCode } from "../../../src/trust/registry-error.ts";
import { RegistryGate } from "../../../src/trust/registry-gate.ts";
import type { RegistryOptions } from "../../../src/trust/registry-session.ts";
import { fetchToken } from "../../../src/trust/registry-token.ts";
import { digestOf } from "./support/build.ts";
import {
  bundleType,
  answer,
  FakeRegistry,
  hangUp,
  on,
  indexType,
  manifestType,
  sha256,
  type Fault,
} from "./support/fake-registry.ts";

describe("RegistryClient", () => {
  let registry: FakeRegistry;
  beforeEach(async () => {
    registry = await FakeRegistry.start();
  });
  afterEach(() => registry.stop());

  function client(options: Partial<RegistryOptions> = {}): RegistryClient {
    return new RegistryClient(
      { registry: registry.host, repository: "models/iris" },
      { egress: registry.egress, plainHttpHosts: [registry.host], timeoutMs: 2000, ...options },
    );
  }

  async function failure(promise: Promise<unknown>, code: RegistryErrorCode, outcome: string): Promise<RegistryError> {
    const error: unknown = await promise.then(
      () => undefined,
      (caught: unknown) => caught,
    );
    assert.ok(isRegistryError(error, code), `expected ${code}, got ${String(error)}`);
    assert.equal(`${error.consequence.outcome} ${error.consequence.reason}`, outcome);
    return error;
  }

  function credentials(user = "u:p"): Credentials {
    const parsed = parseDockerConfigJson(
      JSON.stringify({ auths: { [registry.host]: { auth: Buffer.from(user).toString("base64") } } }),
    );
    assert.ok(parsed.ok);
    return parsed.credentials;
  }

  describe("manifests", () => {
    it("are read by digest, and a tag is resolved", async () => {
      const digest = registry.pushArtifact("model", "v1");
      assert.equal(await client().resolveTag("v1"), digest);
      const manifest = await client().manifest(digest);
      assert.equal(manifest.content.kind, "Manifest");
      assert.equal(sha256(manifest.bytes), digest);
    });

    it("are not fetched where the digest is all that is wanted", async () => {
      registry.pushArtifact("model", "v1");
      await client().resolveTag("v1");
      assert.deepEqual(
        registry.requests.map(({ method }) => method),
        ["HEAD"],
      );
    });

    it("of a registry that names no digest are hashed", async () => {
      const digest = registry.pushArtifact("model", "v1");
      for (const header of [undefined, "sha256:nonsense"]) {
        registry.fault = (request, response) => {
          const stored = registry.manifests.get("v1");
          response.writeHead(200, {
            "content-type": manifestType,
            ...(header === undefined ? {} : { "docker-content-digest": header }),
          });
          response.end(request.method === "HEAD" ? undefined : stored?.bytes);
          return true;
        };
        assert.equal(await client().resolveTag("v1"), digest);
      }
    });

    it("that are not there are a rejection", async () => {
      await failure(client().resolveTag("v1"), "NotFound", "Rejected ArtifactNotFound");
      const error = await failure(client().manifest(digestOf("a")), "NotFound", "Rejected ArtifactNotFound");
      assert.match(error.message, /has not registry\.test:\d+\/models\/iris@sha256:a+; push it/);
    });

    it("whose content has another digest are a rejection, whatever the registry says of them", async () => {
      const digest = registry.pushArtifact("model");
      const stored = registry.manifests.get(digest);
      assert.ok(stored !== undefined);
      registry.fault = answer(
        200,
        { "content-type": stored.type, "docker-content-digest": digest },
        `${stored.bytes.toString()} `,
      );
      await failure(client().manifest(digest), "DigestMismatch", "Rejected ManifestDigestMismatch");
    });

    it("that are some page of a proxy are no rejection", async () => {
      for (const headers of [{ "content-type": "text/html" }, {}] as Record<string, string>[]) {
        registry.fault = answer(200, headers, "<html>please log in</html>");
        await failure(client().manifest(digestOf("a")), "Unavailable", "Indeterminate RegistryUnavailable");
        await failure(client().resolveTag("v1"), "Unavailable", "Indeterminate RegistryUnavailable");
      }
    });

    it("that mean nothing, or two things, are a rejection", async () => {
      const both = registry.pushManifest({
        schemaVersion: 2,
        config: registry.pushBlob("{}"),
        layers: [],
        manifests: [],
      });
      await failure(client().manifest(both), "Malformed", "Rejected ArtifactUnsupported");
    });

    it("are bounded", async () => {
      const huge = registry.pushManifest({
        schemaVersion: 2,
        mediaType: indexType,
        manifests: [],
        annotations: { a: "x".repeat(5_000_000) },
      });
      await failure(client().manifest(huge), "TooLarge", "Rejected ArtifactUnsupported");
    });
  });

  describe("answers that say nothing about the artifact", () => {
    const statuses: readonly (readonly [status: number, code: RegistryErrorCode, outcome: string])[] = [
      [500, "Unavailable", "Indeterminate RegistryUnavailable"],
      [502, "Unavailable", "Indeterminate RegistryUnavailable"],
      [503, "Unavailable", "Indeterminate RegistryUnavailable"],
      [400, "Unavailable", "Indeterminate RegistryUnavailable"],
      [204, "Unavailable", "Indeterminate RegistryUnavailable"],
      [401, "Unauthorized", "Indeterminate RegistryUnauthorized"],
      [403, "Unauthorized", "Indeterminate RegistryUnauthorized"],
      [429, "RateLimited", "Indeterminate RegistryUnavailable"],
      [404, "NotFound", "Rejected ArtifactNotFound"],
      [410, "NotFound", "Rejected ArtifactNotFound"],
    ];
    for (const [status, code, outcome] of statuses) {
      it(`${status}: ${outcome}`, async () => {
        registry.fault = answer(status);
        await failure(client().manifest(digestOf("a")), code, outcome);
        await failure(client().resolveTag("v1"), code, outcome);
      });
    }

    it("429 and 503 say when to come back", async () => {
      for (const [text, ms] of [
        ["7", 7000],
        ["soon", undefined],
        ["Fri, 31 Dec 1999 23:59:59 GMT", undefined],
      ] as const) {
        registry.fault = answer(429, { "retry-after": text });
        assert.equal(
          (await failure(client().manifest(digestOf("a")), "RateLimited", "Indeterminate RegistryUnavailable"))
            .retryAfterMs,
          ms,
        );
      }
    });

    it("silence", async () => {
      registry.fault = () => true;
      await failure(client({ timeoutMs: 50 }).manifest(digestOf("a")), "Timeout", "Indeterminate RegistryUnavailable");
      await failure(
        client({ signal: AbortSignal.abort() }).manifest(digestOf("a")),
        "Aborted",
        "Indeterminate RegistryUnavailable",
      );
    });

    it("a connection that breaks", async () => {
      registry.fault = hangUp;
      const error = await failure(client().manifest(digestOf("a")), "Unavailable", "Indeterminate RegistryUnavailable");
      assert.ok(isEgressError(error.cause, "ConnectionFailed"));
    });

    it("an address that nobody may go to is a rejection", async () => {
      registry.fault = answer(307, { location: "https://u:p@other.test/" });
      await failure(client().manifest(digestOf("a")), "AddressDenied", "Rejected AddressDenied");
      await failure(
        client({ plainHttpHosts: [] }).manifest(digestOf("a")),
        "Unavailable",
        "Indeterminate RegistryUnavailable",
      );
    });
  });

  describe("what is attached", () => {
    it("is found by the referrers API, and by the tag where there is none", async () => {
      const digest = registry.pushArtifact("model");
      registry.attach(digest, "one");
      registry.attach(digest, "two");
      const byTag = await client().referrers(digest);
      registry.referrersApi = true;
      assert.deepEqual(await client().referrers(digest), byTag);
      assert.deepEqual(
        byTag.map(({ artifactType }) => artifactType),
        [bundleType, bundleType],
      );
      registry.manifests.delete(digest.replace(":", "-"));
      assert.equal((await client().referrers(digest)).length, 2);
      registry.referrersApi = false;
      assert.deepEqual(await client().referrers(digest), []);
    });

    for (const status of [400, 404, 405, 406, 501]) {
      it(`is looked for by tag when the API answers ${status}`, async () => {
        const digest = registry.pushArtifact("model");
        registry.attach(digest, "one");
        registry.fault = on("/referrers/", answer(status));
        assert.equal((await client().referrers(digest)).length, 1);
      });
    }

    for (const status of [401, 403, 429, 500]) {
      it(`is unknown when the API answers ${status}, and when the tag does`, async () => {
        const digest = registry.pushArtifact("model");
        for (const part of ["/referrers/", "/manifests/sha256-"]) {
          registry.fault = on(part, answer(status));
          await assert.rejects(
            client().referrers(digest),
            (error) => isRegistryError(error) && error.consequence.outcome === "Indeterminate",
          );
        }
      });
    }

    it("is unknown when some page is answered instead", async () => {
      const digest = registry.pushArtifact("model");
      registry.fault = answer(200, { "content-type": "text/html" }, "<html>");
      await failure(client().referrers(digest), "Unavailable", "Indeterminate RegistryUnavailable");
    });

    it("is one page where the registry names no other", async () => {
      registry.referrersApi = true;
      await client().referrers(registry.pushArtifact("model"));
      assert.equal(registry.requests.length, 1);
    });

    it("is read over several pages of the same host, and no further than is sane", async () => {
      const digest = registry.pushArtifact("model");
      const entry = (letter: string): object => ({
        mediaType: manifestType,
        digest: digestOf(letter),
        size: 1,
        artifactType: bundleType,
      });
      let pages = 0;
      registry.fault = (request, response) => {
        if (!(request.url?.includes("/referrers/") ?? false)) return false;
        const next =
          ++pages === 2
            ? '<https://elsewhere.test/more>; rel="next"'
            : `<${request.url?.split("?")[0] ?? ""}?page=${pages}>; rel="next"`;
        return answer(
          200,
          { "content-type": indexType, link: next },
          JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [entry("a")] }),
        )(request, response);
      };
      assert.equal((await client().referrers(digest)).length, 2);
      pages = 2;
      assert.equal((await client().referrers(digest)).length, 16);
    });
  });

  describe("what is attached, where a registry is odd or under attack", () => {
    const entry = (letter: string, artifactType = bundleType): object => ({
      mediaType: manifestType,
      digest: digestOf(letter),
      size: 1,
      artifactType,
    });
    const page = (manifests: readonly object[], headers: Readonly<Record<string, string>> = {}): Fault =>
      answer(200, { "content-type": indexType, ...headers }, JSON.stringify({ schemaVersion: 2, manifests }));
    const pages = (serve: (query: URLSearchParams, path: string) => Fault): Fault =>
      on("/referrers/", (request, response) => {
        const url = new URL(request.url ?? "", "http://registry");
        return serve(url.searchParams, url.pathname)(request, response);
      });

    for (const [how, filters] of [
      ["by the registry", true],
      ["by us where it does not filter", false],
    ] as const) {
      it(`is asked for by type where there is more than can be read: filtered ${how}`, async () => {
        const digest = registry.pushArtifact("model");
        registry.fault = pages((query, path) => {
          const type = query.get("artifactType");
          const flood = entry("f", "application/vnd.example.flood");
          if (type !== null)
            return page(
              filters ? [entry("a")] : [flood, entry("a")],
              filters ? { "oci-filters-applied": "artifactType" } : {},
            );
          return page([flood], { link: `<${path}?n=${Number(query.get("n")) + 1}>; rel="next"` });
        });
        const found = await client().referrers(digest, bundleType);
        assert.deepEqual(
          found.filter(({ artifactType }) => artifactType === bundleType).map((one) => one.digest),
          [digestOf("a")],
        );
        assert.equal(registry.requests.length, 17);
        assert.match(registry.requests.at(-1)?.path ?? "", /\?artifactType=application%2Fvnd\.dev\.sigstore/);
      });
    }

    it("is not asked for by type where all of it can be read", async () => {
      registry.referrersApi = true;
      const digest = registry.pushArtifact("model");
      registry.attach(digest, "one");
      assert.equal((await client().referrers(digest, bundleType)).length, 1);
      assert.equal(registry.requests.length, 1);
    });

    it("is unknown when the pages lead in a circle", async () => {
      const digest = registry.pushArtifact("model");
      registry.fault = pages((query, path) =>
        page([entry("a")], { link: `<${path}?n=${(Number(query.get("n")) + 1) % 3}>; rel="next"` }),
      );
      const error = await failure(client().referrers(digest), "Unavailable", "Indeterminate RegistryUnavailable");
      assert.match(error.message, /leads in a circle/);
      assert.ok(registry.requests.length <= 4);
    });

    it("is looked for by tag when the API is a page for people", async () => {
      const digest = registry.pushArtifact("model");
      registry.attach(digest, "one");
      registry.fault = on("/referrers/", answer(200, { "content-type": "text/html" }, "<html>"));
      assert.equal((await client().referrers(digest)).length, 1);
    });

    it("is unknown when a later page is a page for people", async () => {
      const digest = registry.pushArtifact("model");
      registry.fault = pages((query, path) =>
        query.has("n")
          ? answer(200, { "content-type": "text/html" }, "<html>")
          : page([entry("a")], { link: `<${path}?n=1>; rel="next"` }),
      );
      await failure(client().referrers(digest), "Unavailable", "Indeterminate RegistryUnavailable");
    });

    for (const [what, prefix] of [
      ["by the API", "/referrers/"],
      ["under the tag", "/manifests/sha256-"],
    ] as const) {
      it(`is unknown, not a rejection, when the list ${what} is huge`, async () => {
        const digest = registry.pushArtifact("model");
        registry.fault = on(prefix, answer(200, { "content-type": indexType }, " ".repeat(4 * 1024 * 1024 + 1)));
        const error = await failure(client().referrers(digest), "Unavailable", "Indeterminate RegistryUnavailable");
        assert.match(error.message, /longer than the 4194304 bytes that are read; delete/);
        const many = Array.from({ length: 10_001 }, () => entry("a"));
        registry.fault = on(prefix, page(many));
        await assert.rejects(
          client().referrers(digest),
          (caught) => isRegistryError(caught) && caught.consequence.outcome === "Indeterminate",
        );
      });
    }
  });

  describe("blobs", () => {
    it("are read whole, up to a bound", async () => {
      const blob = registry.pushBlob("content");
      assert.equal((await client().blob(blob, 100)).toString(), "content");
      await client().verifyBlob(blob, 1000);
      await failure(client().blob(blob, 6), "TooLarge", "Rejected ArtifactUnsupported");
      assert.equal((await client().blob(registry.pushBlob(""), 0)).length, 0);
    });

    it("that are shorter, longer or other than the manifest says are not taken", async () => {
      const blob = registry.pushBlob("content");
      for (const [content, how] of [
        ["conten", /6 bytes instead of 7/],
        ["contents", /longer/],
        ["CONTENT", /its digest is/],
      ] as const) {
        registry.blobs.set(blob.digest, Buffer.from(content));
        for (const read of [client().blob(blob, 100), client().verifyBlob(blob, 1000)]) {
          assert.match((await failure(read, "DigestMismatch", "Rejected ManifestDigestMismatch")).message, how);
        }
      }
    });

    it("that are not there, or do not come, are told apart", async () => {
      const blob = registry.pushBlob("content");
      registry.blobs.clear();
      await failure(client().verifyBlob(blob, 1000), "NotFound", "Rejected ArtifactNotFound");
      registry.fault = (_, response) => response.writeHead(200, { "content-length": "7" }).write("con");
      await failure(client().verifyBlob(blob, 100), "Timeout", "Indeterminate RegistryUnavailable");
      registry.fault = (_, response) => {
        response.writeHead(200, { "content-length": "7" }).write("con");
        setTimeout(() => response.destroy(), 10);
        return true;
      };
      await failure(client().verifyBlob(blob, 1000), "Unavailable", "Indeterminate RegistryUnavailable");
    });
  });

  describe("logging in", () => {
    const realm = (): string => `http://token.test:${registry.host.split(":")[1] ?? ""}/token`;
    function wantsBearer(challenge: () => string, token: Fault = answer(200, {}, '{"token": "t"}')): void {
      registry.fault = (request, response) => {
        if (request.url?.startsWith("/token") === true) return token(request, response);
        if (request.headers.authorization === "Bearer t") return false;
        return answer(401, { "www-authenticate": challenge() })(request, response);
      };
    }
    const bearer = (): string =>
      `Bearer realm="${realm()}",service="the registry",scope="repository:models/iris:pull,push,delete registry:catalog:*"`;

    it("gets a token for pulling only, once, and uses it for all", async () => {
      const digest = registry.pushArtifact("model");
      registry.attach(digest, "one");
      wantsBearer(bearer);
      const session = client({ credentials: credentials() });
      await session.manifest(digest);
      assert.equal((await session.referrers(digest)).length, 1);
      await session.blob(registry.pushBlob("content"), 100);
      const asked = registry.requests.filter(({ path }) => path.startsWith("/token"));
      assert.deepEqual(
        asked.map(({ path }) => path),
        ["/token?service=the+registry&scope=repository%3Amodels%2Firis%3Apull"],
      );
      assert.equal(asked[0]?.authorization, `Basic ${Buffer.from("u:p").toString("base64")}`);
    });

    it("asks for one anonymously where it has no credentials", async () => {
      const digest = registry.pushArtifact("model");
      wantsBearer(bearer, answer(200, {}, '{"access_token": "t", "expires_in": 60}'));
      await client().manifest(digest);
      assert.deepEqual(
        registry.requests.filter(({ path }) => path.startsWith("/token")).map(({ authorization }) => authorization),
        [undefined],
      );
    });

    it("gets a new one when the first has run out", async () => {
      const digest = registry.pushArtifact("model");
      let valid = "t1";
      registry.fault = (request, response) => {
        if (request.url?.startsWith("/token") === true)
          return answer(200, {}, JSON.stringify({ token: valid }))(request, response);
        if (request.headers.authorization === `Bearer ${valid}`) return false;
        return answer(401, { "www-authenticate": bearer() })(request, response);
      };
      const session = client();
      await session.manifest(digest);
      valid = "t2";
      await session.manifest(digest);
      await session.verifyBlob(registry.pushBlob("content"), 1000);
    });

    it("tries no more than twice", async () => {
      wantsBearer(bearer, answer(200, {}, '{"token": "wrong"}'));
      const error = await failure(
        client({ credentials: credentials() }).manifest(digestOf("a")),
        "Unauthorized",
        "Indeterminate RegistryUnauthorized",
      );
      assert.match(error.message, /with the given credentials; check the Secret/);
      assert.equal(registry.requests.length, 3);
    });

    it("streams a blob after logging in", async () => {
      const blob = registry.pushBlob("content");
      wantsBearer(bearer);
      await client().verifyBlob(blob, 1000);
    });

    const broken: readonly (readonly [what: string, fault: Fault, code: RegistryErrorCode, outcome: string])[] = [
      ["refuses", answer(401), "Unauthorized", "Indeterminate RegistryUnauthorized"],
      ["limits the rate", answer(429), "RateLimited", "Indeterminate RegistryUnavailable"],
      ["is broken", answer(500), "Unavailable", "Indeterminate RegistryUnavailable"],
      ["is not there", answer(404), "Unavailable", "Indeterminate RegistryUnavailable"],
      ["answers no JSON", answer(200, {}, "<html>"), "Unavailable", "Indeterminate RegistryUnavailable"],
      ["answers no token", answer(200, {}, "{}"), "Unavailable", "Indeterminate RegistryUnavailable"],
      [
        "answers what would break a header",
        answer(200, {}, '{"token": "a\\r\\nx: y"}'),
        "Unavailable",
        "Indeterminate RegistryUnavailable",
      ],
      [
        "answers without end",
        answer(200, {}, JSON.stringify({ token: "t".repeat(300_000) })),
        "Unavailable",
        "Indeterminate RegistryUnavailable",
      ],
      ["is silent", () => true, "Timeout", "Indeterminate RegistryUnavailable"],
    ];
    for (const [what, fault, code, outcome] of broken) {
      it(`is ${outcome.split(" ")[0]?.toLowerCase() ?? ""} when the token server ${what}`, async () => {
        wantsBearer(bearer, fault);
        await failure(client({ timeoutMs: 300 }).manifest(digestOf("a")), code, outcome);
      });
    }

    it("sends no credentials to a token server without TLS where the registry has it", async () => {
      const asked = fetchToken(registry.egress, {
        registry: { host: "registry.example.com", isEncrypted: true },
        parameters: new Map([["realm", realm()]]),
        repository: "models/iris",
        login: { kind: "RefreshToken", token: "hunter2" },
        lane: (host) => new RegistryGate().lane(host, "a"),
        timeoutMs: 500,
        signal: undefined,
        failure: () => assert.fail("nothing was to be asked"),
      });
      const error = await failure(asked, "AddressDenied", "Rejected AddressDenied");
      assert.match(error.message, /token server without TLS/);
      assert.deepEqual(registry.requests, []);
    });

    it("takes no realm that is no address, or that the administrator does not allow", async () => {
      wantsBearer(() => 'Bearer realm="nowhere"');
      await failure(client().manifest(digestOf("a")), "Unavailable", "Indeterminate RegistryUnavailable");
      wantsBearer(() => 'Bearer realm="http://169.254.169.254/token"');
      await failure(client().manifest(digestOf("a")), "AddressDenied", "Rejected AddressDenied");
    });

    it("sends user name and password where the registry asks for them, and not before", async () => {
      const digest = registry.pushArtifact("model");
      registry.fault = (request, response) =>
        request.headers.authorization !== `Basic ${Buffer.from("u:p").toString("base64")}` &&
        answer(401, { "www-authenticate": 'Basic realm="r"' })(request, response);
      await client({ credentials: credentials() }).manifest(digest);
      assert.equal(registry.requests[0]?.authorization, undefined);
      await failure(
        client({ credentials: credentials("u:wrong") }).manifest(digest),
        "Unauthorized",
        "Indeterminate RegistryUnauthorized",
      );
      const error = await failure(client().manifest(digest), "Unauthorized", "Indeterminate RegistryUnauthorized");
      assert.match(error.message, /without credentials; add a Secret/);
      assert.doesNotMatch(error.message, /u:p/);
    });

    it("finds the way that it knows among others", async () => {
      const digest = registry.pushArtifact("model");
      const basic = `Basic ${Buffer.from("u:p").toString("base64")}`;
      registry.fault = (request, response) =>
        request.headers.authorization !== basic &&
        answer(401, { "www-authenticate": 'Negotiate, Basic realm="r"' })(request, response);
      await client({ credentials: credentials() }).manifest(digest);
    });

    it("takes no part in a way to log in that it does not know", async () => {
      registry.fault = answer(401, { "www-authenticate": "Negotiate" });
      await failure(
        client({ credentials: credentials() }).manifest(digestOf("a")),
        "Unauthorized",
        "Indeterminate RegistryUnauthorized",
      );
      assert.equal(registry.requests.length, 1);
    });

    describe("with a token in the Secret", () => {
      const tokens = (entry: object): Credentials => {
        const parsed = parseDockerConfigJson(JSON.stringify({ auths: { [registry.host]: entry } }));
        assert.ok(parsed.ok);
        return parsed.credentials;
      };

      it("exchanges a refresh token, in the body of a POST and for pulling only", async () => {
        const digest = registry.pushArtifact("model");
        const bodies: string[] = [];
        wantsBearer(bearer, (request, response) => {
          request.on("data", (chunk: Buffer) => bodies.push(chunk.toString()));
          request.on("end", () => {
            assert.equal(request.method, "POST");
            assert.equal(request.url, "/token");
            assert.equal(request.headers["content-type"], "application/x-www-form-urlencoded");
            assert.equal(request.headers.authorization, undefined);
            response.writeHead(200).end('{"access_token": "t", "expires_in": 60}');
          });
          return true;
        });
        await client({ credentials: tokens({ identitytoken: "refresh+me" }) }).manifest(digest);
        assert.deepEqual(Object.fromEntries(new URLSearchParams(bodies.join(""))), {
          grant_type: "refresh_token",
          refresh_token: "refresh+me",
          client_id: "mlsecops-operator",
          service: "the registry",
          scope: "repository:models/iris:pull",
        });
      });

      it("does not follow a token server that redirects a refresh token elsewhere", async () => {
        wantsBearer(bearer, answer(307, { location: "http://elsewhere.test/token" }));
        await failure(
          client({ credentials: tokens({ identitytoken: "refresh" }) }).manifest(digestOf("a")),
          "Unavailable",
          "Indeterminate RegistryUnavailable",
        );
      });

      it("says that a refresh token is refused without repeating it", async () => {
        wantsBearer(bearer, answer(400, {}, '{"error": "invalid_grant", "error_description": "hunter2"}'));
        const error = await failure(
          client({ credentials: tokens({ identitytoken: "hunter2" }) }).manifest(digestOf("a")),
          "Unauthorized",
          "Indeterminate RegistryUnauthorized",
        );
        assert.match(error.message, /does not take the identity token .*renew the Secret/);
        assert.doesNotMatch(error.message, /hunter2/);
      });

      it("sends a registry token to the registry, and only where it asks for one", async () => {
        const digest = registry.pushArtifact("model");
        wantsBearer(bearer);
        await client({ credentials: tokens({ registrytoken: "t" }) }).manifest(digest);
        assert.equal(registry.requests.length, 2);
        registry.fault = answer(401, { "www-authenticate": 'Basic realm="r"' });
        await failure(
          client({ credentials: tokens({ registrytoken: "t" }) }).manifest(digest),
          "Unauthorized",
          "Indeterminate RegistryUnauthorized",
        );
      });
    });

    it("does not take what a stranger sees for an answer where credentials are missing", async () => {
      const missing = [missingCredential("Secret team/login is missing: create it")];
      const digest = registry.pushArtifact("model", "v1");
      assert.equal(await client({ credentials: missing }).resolveTag("v1"), digest);
      for (const status of [401, 403, 404]) {
        registry.fault = answer(status);
        const error = await failure(
          client({ credentials: missing }).resolveTag("v1"),
          "Unauthorized",
          "Indeterminate RegistryUnauthorized",
        );
        assert.match(error.message, /asked without credentials: Secret team\/login is missing: create it$/);
      }
    });

    it("tells who asks apart, without saying who it is", () => {
      assert.equal(client().identity, "anonymous");
      assert.notEqual(
        client({ credentials: credentials("u:p") }).identity,
        client({ credentials: credentials("u:q") }).identity,
      );
      assert.doesNotMatch(client({ credentials: credentials() }).identity, /u:p|dTpw/);
    });
  });
});
