import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createAddressCheck, Egress } from "../../../src/egress/index.ts";
import { compileExpression } from "../../../src/trust/expression.ts";
import {
  parseDockerConfigJson,
  Verifier,
  type BundleVerifier,
  type ResolvedPolicy,
  type Verification,
  type VerifyRequest,
} from "../../../src/trust/index.ts";
import { freshKey, hour, later, now, policy, publicKey } from "./support/build.ts";
import {
  answer,
  bundleType,
  FakeRegistry,
  indexType,
  manifestType,
  on,
  sha256,
  type Fault,
} from "./support/fake-registry.ts";
import { bundleOf, envelopeOf, statementOf } from "./support/signed-bundle.ts";

/** Stands in a pull Secret: it may be nowhere else. */
const marker = "BV7kZp3qWm9sLx2dTr8hYc5nJf4gQa6e";
const mib = 1024 * 1024;
const deep = (levels: number): string => `${"[".repeat(levels)}${"]".repeat(levels)}`;

/** What whoever may push, or is the registry, can put before a verifier, over HTTP. Only cosign is not the real one: it says yes. */
describe("bad input", function () {
  this.timeout(20_000);
  const trusted = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = publicKey(trusted.publicKey.export({ type: "spki", format: "pem" }).toString());
  const cosign: BundleVerifier = { verifyBundle: () => Promise.resolve({ outcome: "valid" }) };
  let registry: FakeRegistry;
  let egress: Egress;
  let verifier: Verifier;
  let digest: string;

  beforeEach(async () => {
    registry = await FakeRegistry.start();
    const check = createAddressCheck([]);
    egress = new Egress({
      plainHttpHosts: [registry.host, "*.test", "169.254.169.254", "127.0.0.2"],
      resolver: (name) =>
        Promise.resolve([{ address: name === "metadata.test" ? "169.254.169.254" : "127.0.0.1", family: 4 }]),
      // The registry of the test is the one exception from the check that production uses.
      addressCheck: (address) => (address === "127.0.0.1" ? undefined : check(address)),
    });
    verifier = new Verifier({
      egress,
      bundleVerifier: cosign,
      plainHttpHosts: [registry.host],
      registryTimeoutMs: 2000,
    });
    digest = registry.pushArtifact("model", "v1");
  });
  afterEach(async () => {
    await egress.close();
    await registry.stop();
  });

  const signed = (overrides: Partial<ResolvedPolicy> = {}): ResolvedPolicy =>
    policy({ references: [`${registry.host}/**`], authorities: [{ name: "release", key }], ...overrides });

  async function verify(overrides: Partial<VerifyRequest> = {}): Promise<Verification> {
    const login = parseDockerConfigJson(
      JSON.stringify({ auths: { [registry.host]: { username: "u", password: marker } } }),
    );
    assert(login.ok);
    const result = await verifier.verify({
      reference: `${registry.name}:v1`,
      use: "Image",
      namespace: "prod",
      policies: [signed()],
      credentials: login.credentials,
      now,
      ...overrides,
    });
    const said = JSON.stringify(result.verdict);
    assert.ok(!said.includes(marker), said);
    assert.ok(result.verdict.message.length < 2000, result.verdict.message);
    return result;
  }

  async function says(overrides: Partial<VerifyRequest> = {}): Promise<string> {
    const { verdict } = await verify(overrides);
    return `${verdict.outcome} ${verdict.reason}`;
  }

  const attachSigned = (): string => registry.attach(digest, bundleOf(digest, trusted.privateKey));

  it("is not what the other tests of this page are about: this is verified", async () => {
    attachSigned();
    assert.equal(await says(), "Verified Verified");
  });

  describe("in what is attached", () => {
    const both = [trusted.privateKey, other.privateKey];
    const legacy = "application/vnd.dev.cosign.simplesigning.v1+json";
    const cases: readonly (readonly [what: string, bundle: () => string, verdict: string])[] = [
      [
        "an envelope with two signatures, one of them trusted",
        () => envelopeOf({ payload: statementOf(digest), keys: both }),
        "Rejected InvalidSignature",
      ],
      [
        "an envelope with the trusted signature twice",
        () => envelopeOf({ payload: statementOf(digest), keys: [trusted.privateKey, trusted.privateKey] }),
        "Rejected InvalidSignature",
      ],
      [
        "an envelope without a signature",
        () => envelopeOf({ payload: statementOf(digest), keys: [] }),
        "Rejected InvalidSignature",
      ],
      ...["text/plain", legacy, "application/vnd.in-toto+JSON", ""].map(
        (payloadType) =>
          [
            `a statement that was signed as ${payloadType === "" ? "nothing" : payloadType}`,
            () => envelopeOf({ payload: statementOf(digest), payloadType, keys: [trusted.privateKey] }),
            "Rejected InvalidSignature",
          ] as const,
      ),
      [
        "the payload of an old signature, signed as a statement",
        () =>
          envelopeOf({
            payload: JSON.stringify({
              critical: {
                identity: { "docker-reference": registry.name },
                image: { "docker-manifest-digest": digest },
                type: "cosign container image signature",
              },
              optional: null,
            }),
            keys: [trusted.privateKey],
          }),
        "Rejected InvalidSignature",
      ],
      [
        "the bundle that cosign kept beside an old signature",
        () =>
          JSON.stringify({
            SignedEntryTimestamp: "MEUCIQ",
            Payload: { body: "e30=", integratedTime: 1_700_000_000, logIndex: 1, logID: "00" },
          }),
        "Rejected InvalidSignature",
      ],
      [
        "a bundle for another digest, by the trusted key",
        () => bundleOf(sha256("another"), trusted.privateKey),
        "Rejected InvalidSignature",
      ],
      [
        "a statement 100,000 levels deep, by the trusted key",
        () =>
          envelopeOf({
            payload: statementOf(digest).replace('"predicate":{}', `"predicate":${deep(100_000 / 2)}`),
            keys: [trusted.privateKey],
          }),
        "Rejected InvalidSignature",
      ],
      ["nothing but 100,000 opening brackets", () => "[".repeat(100_000), "Rejected InvalidSignature"],
    ];
    for (const [what, bundle, verdict] of cases) {
      it(`is refused, and hides no good one: ${what}`, async () => {
        registry.attach(digest, bundle());
        assert.equal(await says(), verdict);
        attachSigned();
        assert.equal(await says({ refresh: true }), "Verified Verified");
      });
    }

    it("is refused as a signature of cosign 2 among the referrers", async () => {
      const payload = { ...registry.pushBlob(JSON.stringify({ critical: {} })), mediaType: legacy };
      for (const artifactType of ["application/vnd.dev.cosign.artifact.sig.v1+json", bundleType]) {
        const manifest = registry.pushManifest({
          schemaVersion: 2,
          mediaType: manifestType,
          artifactType,
          config: registry.pushBlob("{}"),
          layers: [{ ...payload, annotations: { "dev.cosignproject.cosign/signature": "MEUCIQ" } }],
          subject: { mediaType: manifestType, digest, size: 1 },
        });
        const manifests = [{ mediaType: manifestType, digest: manifest, size: 1, artifactType }];
        registry.pushManifest({ schemaVersion: 2, mediaType: indexType, manifests }, { tag: digest.replace(":", "-") });
        assert.equal(await says({ refresh: true }), "Rejected NoSignature", artifactType);
      }
    });

    for (const [what, length] of [
      ["that says so", undefined],
      ["where the manifest says 1,000", 1000],
    ] as const) {
      it(`is not read: 100 MB, ${what}`, async () => {
        const bundle = registry.attach(
          digest,
          length === undefined ? Buffer.alloc(100 * mib, " ") : Buffer.alloc(length),
        );
        let sent = 0;
        registry.fault = on(bundle, (_, response) => {
          response.writeHead(200, { "content-type": "application/octet-stream" });
          const chunk = Buffer.alloc(64 * 1024, " ");
          const write = (): void => {
            while (sent < 100 * mib && !response.destroyed) {
              sent += chunk.length;
              if (!response.write(chunk)) return;
            }
            response.end();
          };
          response.on("drain", write);
          write();
          return true;
        });
        assert.equal(await says(), "Rejected InvalidSignature");
        // What the sockets of both sides hold, which nobody here reads.
        assert.ok(sent < 20 * mib, `${sent} bytes were taken`);
        attachSigned();
        assert.equal(await says({ refresh: true }), "Verified Verified");
      });
    }

    it("makes no expression run for long", async () => {
      const type = "https://example.com/scan/v1";
      const compiled = compileExpression("predicate.all(a, predicate.all(b, a == b || !string(a).matches('^(a+)+$')))");
      assert(compiled.ok, compiled.ok ? "" : compiled.problem);
      const wanted = { name: "scan", predicateType: type, threshold: 1, match: "Any", conditions: [compiled] } as const;
      const predicate = Array.from({ length: 1_500 }, (_, at) => `${"a".repeat(100)}${at}`);
      attachSigned();
      registry.attach(
        digest,
        envelopeOf({ payload: statementOf(digest, type, predicate), keys: [trusted.privateKey] }),
      );
      const started = performance.now();
      assert.equal(await says({ policies: [signed({ attestations: [wanted] })] }), "Rejected AttestationRejected");
      assert.ok(performance.now() - started < 5_000);
    });
  });

  describe("in what a registry answers, nested 100,000 levels deep", () => {
    const layers = (text: string): string => `{"schemaVersion":2,"mediaType":"${manifestType}","layers":${text}}`;
    it("is no manifest", async () => {
      const text = layers(deep(100_000));
      registry.manifests.set("v1", { type: manifestType, bytes: Buffer.from(text) });
      registry.manifests.set(sha256(text), { type: manifestType, bytes: Buffer.from(text) });
      assert.equal(await says(), "Rejected ArtifactUnsupported");
    });

    it("is no list of what is attached, and no token", async () => {
      attachSigned();
      const nested = answer(200, { "content-type": indexType }, `{"schemaVersion":2,"manifests":${deep(100_000)}}`);
      registry.fault = on("/manifests/sha256-", nested);
      assert.equal(await says(), "Indeterminate RegistryUnavailable");
      const realm = `http://${registry.host}/token`;
      registry.fault = (request, response) =>
        on("/token", answer(200, {}, `{"token":${deep(100_000)}}`))(request, response) ||
        answer(401, { "www-authenticate": `Bearer realm="${realm}"` })(request, response);
      assert.equal(await says({ refresh: true }), "Indeterminate RegistryUnavailable");
    });
  });

  describe("in where a registry sends", () => {
    /** What listens at the forbidden address, if anybody goes there. */
    let reached: IncomingMessage[];
    let stop: () => Promise<void>;
    let trap: string;
    beforeEach(async () => {
      reached = [];
      const server = createServer((request: IncomingMessage, response: ServerResponse) => {
        reached.push(request);
        response.end('{"AccessKeyId":"..."}');
      }).listen(0, "127.0.0.2");
      await once(server, "listening");
      trap = `http://127.0.0.2:${(server.address() as AddressInfo).port}/latest/meta-data/`;
      stop = async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      };
    });
    afterEach(() => stop());

    const places: readonly (readonly [what: string, path: (bundle: string) => string])[] = [
      ["a tag", () => "/manifests/v1"],
      ["a manifest", () => `/manifests/${digest}`],
      ["the list of what is attached", () => "/manifests/sha256-"],
      ["a bundle", (bundle) => `/blobs/${bundle}`],
      ["a layer", () => `/blobs/${sha256("model")}`],
    ];
    const targets = (): readonly string[] => [
      trap,
      "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
      "http://metadata.test/latest/meta-data/",
      "https://[::ffff:169.254.169.254]/latest/meta-data/",
      "https://2852039166/latest/meta-data/",
      "https://0xa9fea9fe/",
    ];

    for (const [what, path] of places) {
      it(`is not followed to the metadata address, for ${what}`, async () => {
        const bundle = attachSigned();
        for (const location of targets()) {
          for (const status of [301, 307]) {
            registry.fault = on(path(bundle), answer(status, { location }));
            const { verdict } = await verify({ refresh: true });
            assert.equal(`${verdict.outcome} ${verdict.reason}`, "Rejected AddressDenied", `${status} ${location}`);
          }
        }
        assert.deepEqual(reached, []);
        registry.fault = () => false;
        assert.equal(await says({ refresh: true }), "Verified Verified");
      });
    }

    it("is not asked for a token, with or without a redirect in between", async () => {
      attachSigned();
      for (const location of targets()) {
        const bearer = (realm: string): Fault => answer(401, { "www-authenticate": `Bearer realm="${realm}"` });
        registry.fault = bearer(location);
        assert.equal(await says(), "Rejected AddressDenied", location);
        registry.fault = (request, response) =>
          on("/token", answer(307, { location }))(request, response) ||
          bearer(`http://${registry.host}/token`)(request, response);
        assert.equal(await says(), "Rejected AddressDenied", location);
      }
      assert.deepEqual(reached, []);
    });
  });

  describe("in a tag that moves between two reads", () => {
    /** The tag stands for another artifact each time that it is asked for. */
    function flapping(digests: readonly string[], options: { readonly named: boolean }): void {
      let reads = 0;
      registry.fault = on("/manifests/v1", (_, response) => {
        const found = registry.manifests.get(digests[Math.min(reads++, digests.length - 1)] ?? "");
        assert(found !== undefined);
        const named = options.named ? { "docker-content-digest": sha256(found.bytes) } : {};
        response.writeHead(200, { "content-type": found.type, ...named }).end(found.bytes);
        return true;
      });
    }

    for (const named of [true, false]) {
      it(`speaks of one artifact only${named ? "" : ", also where the registry names no digest"}`, async () => {
        attachSigned();
        const evil = registry.pushArtifact("evil");
        for (const order of [
          [digest, evil],
          [evil, digest],
        ]) {
          flapping(order, { named });
          // Where no digest is named, the second read is the one that counts: it is the one that is hashed.
          const expected = order[named ? 0 : 1];
          registry.requests.length = 0;
          const { verdict, artifact } = await verify({ refresh: true });
          assert.equal(verdict.digest, expected);
          assert.equal(artifact?.digest, expected);
          assert.equal(verdict.outcome, expected === digest ? "Verified" : "Rejected");
          const unwanted = order.find((one) => one !== expected) ?? "";
          assert.ok(!registry.requests.some(({ path }) => path.includes(unwanted)));
        }
      });
    }

    it("is refused where the content is not that of the digest which the registry names", async () => {
      attachSigned();
      const evil = registry.pushArtifact("evil");
      const bytes = registry.manifests.get(evil)?.bytes.toString();
      registry.fault = on(
        "/manifests/",
        answer(200, { "content-type": manifestType, "docker-content-digest": digest }, bytes),
      );
      assert.equal(await says(), "Rejected ManifestDigestMismatch");
    });
  });

  describe("in the time", () => {
    it("that was a year ahead for a while: what was learned then is looked at again", async () => {
      attachSigned();
      const ahead = later(365 * 24 * hour);
      const { verdict } = await verify({ now: ahead });
      registry.detachAll(digest);
      assert(verdict.outcome === "Verified");
      // In the middle of a burst nobody asks again, whichever of two that run at once was first.
      assert.equal((await verify({ now: new Date(ahead.getTime() - 1000) })).source, "Facts");
      assert.equal(await says({ now }), "Rejected NoSignature");
    });

    it("that was a year behind for a while: nothing holds for longer than from then on", async () => {
      attachSigned();
      const { verdict } = await verify({ now: later(-365 * 24 * hour) });
      assert(verdict.outcome === "Verified");
      assert.ok(verdict.notAfter < now);
      registry.detachAll(digest);
      assert.equal(await says(), "Rejected NoSignature");
    });
  });

  it("by a stranger is refused among all of it", async () => {
    registry.attach(digest, bundleOf(digest, other.privateKey));
    assert.equal(await says(), "Rejected UntrustedSigner");
    assert.equal(
      await says({ policies: [signed({ authorities: [{ name: "release", key: freshKey() }] })] }),
      "Rejected UntrustedSigner",
    );
  });
});
