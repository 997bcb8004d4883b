import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Egress } from "../../../src/egress/index.ts";
import {
  Cosign,
  parseDockerConfigJson,
  toVerdictStatus,
  Verifier,
  type Credentials,
  type Verification,
  type VerifyRequest,
} from "../../../src/trust/index.ts";
import { hour, later, now, policy } from "../../unit/trust/support/build.ts";
import { FaultRelay } from "./support/fault-relay.ts";
import { OwnRegistry } from "./support/own-registry.ts";
import { manifestType, Pusher, sha256 } from "./support/pusher.ts";
import { cosignPath, Signer } from "./support/signer.ts";
import { TokenServer } from "./support/token-server.ts";
import type { PublicKey } from "../../../src/trust/index.ts";

const repository = "models/iris";

describe("verdicts from a real registry with the real cosign", function () {
  this.timeout(60_000);
  let signer: Signer;
  let registry: OwnRegistry;
  let pusher: Pusher;
  let release: PublicKey;
  let signed: string;
  const closing: (() => Promise<unknown>)[] = [];

  before(async () => {
    signer = await Signer.create();
    release = await signer.key("release");
    await signer.key("stranger");
    registry = await OwnRegistry.create();
    await registry.start();
    pusher = new Pusher(`http://${registry.host}`, repository);
    signed = await pusher.artifact("the model", "v1");
    await signer.sign("release", `${registry.host}/${repository}@${signed}`);
  });
  after(async () => {
    await pusher.close();
    await registry.remove();
    await signer.remove();
  });
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
  });

  /** The registry is on loopback, which production never goes to. */
  function create(host = registry.host, overrides: object = {}): Verifier {
    const egress = new Egress({ plainHttpHosts: ["127.0.0.1"], addressCheck: () => undefined });
    closing.push(() => egress.close());
    return new Verifier({
      egress,
      plainHttpHosts: [host],
      bundleVerifier: new Cosign({ path: cosignPath }),
      registryTimeoutMs: 3000,
      ...overrides,
    });
  }

  function request(overrides: Partial<VerifyRequest> = {}): VerifyRequest {
    const trusting = policy({ references: ["**"], authorities: [{ name: "release", key: release }] });
    return {
      reference: `${registry.host}/${repository}:v1`,
      use: "Image",
      namespace: "prod",
      policies: [trusting],
      now,
      ...overrides,
    };
  }

  function says({ verdict, source }: Verification): string {
    return `${verdict.outcome} ${verdict.reason} ${source}`;
  }

  async function verify(overrides: Partial<VerifyRequest> = {}): Promise<string> {
    return says(await create().verify(request(overrides)));
  }

  it("signed by the right key: verified", async () => {
    const { verdict, artifact } = await create().verify(request());
    assert.ok(verdict.outcome === "Verified", verdict.message);
    assert.equal(verdict.digest, signed);
    assert.equal(artifact?.name, `${registry.host}/${repository}`);
    assert.deepEqual(verdict.signers, [
      { policy: "signed", authority: "release", keyFingerprint: release.fingerprint },
    ]);
  });

  it("signed by a stranger: rejected, and the message names both keys", async () => {
    const digest = await pusher.artifact("by a stranger", "strange");
    await signer.sign("stranger", `${registry.host}/${repository}@${digest}`);
    const { verdict } = await create().verify(request({ reference: `${registry.host}/${repository}:strange` }));
    assert.equal(verdict.reason, "UntrustedSigner");
    assert.match(
      verdict.message,
      new RegExp(`but by the key sha256:[0-9a-f]{64}; trusted are release \\(${release.fingerprint}\\)`),
    );
  });

  it("signed by both: verified", async () => {
    const digest = await pusher.artifact("by both", "both");
    for (const key of ["stranger", "release"]) await signer.sign(key, `${registry.host}/${repository}@${digest}`);
    assert.equal(await verify({ reference: `${registry.host}/${repository}:both` }), "Verified Verified Registry");
  });

  it("not signed, and not there: rejected", async () => {
    await pusher.artifact("unsigned", "unsigned");
    assert.equal(
      await verify({ reference: `${registry.host}/${repository}:unsigned` }),
      "Rejected NoSignature Registry",
    );
    assert.equal(
      await verify({ reference: `${registry.host}/${repository}:absent` }),
      "Rejected ArtifactNotFound Registry",
    );
    assert.equal(
      await verify({ reference: `${registry.host}/${repository}@${sha256("absent")}` }),
      "Rejected ArtifactNotFound Registry",
    );
  });

  it("a tag that was moved to something unsigned: rejected; the pinned digest: verified", async () => {
    const first = await pusher.artifact("before", "moving");
    await signer.sign("release", `${registry.host}/${repository}@${first}`);
    const reference = `${registry.host}/${repository}:moving`;
    assert.equal(await verify({ reference }), "Verified Verified Registry");
    await pusher.artifact("after", "moving");
    assert.equal(await verify({ reference }), "Rejected NoSignature Registry");
    assert.equal(await verify({ reference, digest: first }), "Verified Verified Registry");
  });

  it("a signature copied from another artifact: rejected", async () => {
    const digest = await pusher.artifact("wants to pass for signed", "copied");
    await pusher.copyAttached(signed, digest);
    const { verdict } = await create().verify(request({ reference: `${registry.host}/${repository}:copied` }));
    assert.equal(verdict.reason, "InvalidSignature");
    assert.match(verdict.message, new RegExp(`not about it but about ${signed}`));
  });

  it("a layer or manifest that was altered on the disk: rejected", async () => {
    for (const [what, tag, reason] of [
      ["layer", "altered-layer", "LayerDigestMismatch"],
      ["manifest", "altered-manifest", "ManifestDigestMismatch"],
    ] as const) {
      const digest = await pusher.artifact(`honest ${tag}`, tag);
      await signer.sign("release", `${registry.host}/${repository}@${digest}`);
      const path = registry.blobPath(what === "layer" ? sha256(`honest ${tag}`) : digest);
      const before = await readFile(path, "utf8");
      await writeFile(
        path,
        before.replace(what === "layer" ? "honest" : "example", what === "layer" ? "wicked" : "wickeds".slice(0, 7)),
      );
      const reference = `${registry.host}/${repository}@${digest}`;
      assert.equal(await verify({ reference }), `Rejected ${reason} Registry`);
      await writeFile(path, before);
      assert.equal(await verify({ reference }), "Verified Verified Registry");
    }
  });

  it("an index with platforms: its platforms are named, and any of them can be denied", async () => {
    const platforms = await Promise.all(
      ["amd64", "arm64"].map(async (architecture) => {
        const digest = await pusher.artifact(`for ${architecture}`, architecture);
        const size = (await readFile(registry.blobPath(digest))).length;
        return { mediaType: manifestType, digest, size, platform: { os: "linux", architecture } };
      }),
    );
    const index = await pusher.index(platforms, "multi");
    const reference = `${registry.host}/${repository}:multi`;
    await signer.sign("release", `${registry.host}/${repository}@${index}`);
    const result = await create().verify(request({ reference }));
    assert.equal(says(result), "Verified Verified Registry", result.verdict.message);
    assert.deepEqual(result.artifact, {
      name: `${registry.host}/${repository}`,
      digest: index,
      platformDigests: platforms.map(({ digest }) => digest),
    });
    const denying = policy({
      references: ["**"],
      authorities: [{ name: "release", key: release }],
      denied: new Set([platforms[1]?.digest ?? ""]),
    });
    assert.equal(await verify({ reference, policies: [denying] }), "Rejected DigestDenied Registry");
    // The index is signed, the platform by itself is not.
    assert.equal(await verify({ reference: `${registry.host}/${repository}:amd64` }), "Rejected NoSignature Registry");
  });

  it("a key that is removed and put back: decided from facts, without registry and process", async () => {
    const verifier = create();
    const first = await verifier.verify(request());
    await registry.stop();
    try {
      const pinned = { digest: signed, now: later(60_000), previous: toVerdictStatus(first.verdict) };
      const removed = await verifier.verify(
        request({ ...pinned, policies: [policy({ references: ["**"], authorities: [] })] }),
      );
      assert.equal(says(removed), "Rejected NoAuthorities Facts");
      const back = await verifier.verify(
        request({ ...pinned, now: later(3 * hour), previous: toVerdictStatus(removed.verdict) }),
      );
      assert.equal(says(back), "Verified Verified Facts");
      assert.match(back.verdict.warnings.join(), /ECONNREFUSED/);
    } finally {
      await registry.start();
    }
  });

  it("a registry that is down: indeterminate, and the verdict before stands", async () => {
    const previous = toVerdictStatus((await create().verify(request())).verdict);
    await registry.stop();
    try {
      assert.equal(await verify(), "Indeterminate RegistryUnavailable Registry");
      const { verdict } = await create().verify(request({ digest: signed, previous, now: later(2 * hour) }));
      assert.ok(verdict.outcome === "Indeterminate");
      assert.equal(verdict.stands, true);
      assert.match(verdict.message, /ECONNREFUSED/);
    } finally {
      await registry.start();
    }
  });

  it("a cosign that is not there: indeterminate", async () => {
    const egress = new Egress({ plainHttpHosts: ["127.0.0.1"], addressCheck: () => undefined });
    closing.push(() => egress.close());
    const verifier = new Verifier({
      egress,
      plainHttpHosts: [registry.host],
      bundleVerifier: new Cosign({ path: "/nonexistent/cosign" }),
    });
    assert.equal(says(await verifier.verify(request())), "Indeterminate VerifierUnavailable Registry");
  });

  it("an address that nobody may go to: rejected, before anything is sent", async () => {
    const egress = new Egress({ plainHttpHosts: ["127.0.0.1"] });
    closing.push(() => egress.close());
    const verifier = new Verifier({
      egress,
      plainHttpHosts: [registry.host],
      bundleVerifier: new Cosign({ path: cosignPath }),
    });
    const { verdict } = await verifier.verify(request());
    assert.equal(verdict.reason, "AddressDenied");
    assert.match(verdict.message, /the address is loopback/);
  });

  describe("on a bad day", () => {
    let relay: FaultRelay;
    beforeEach(async () => {
      relay = await FaultRelay.start(registry.host);
      closing.push(() => relay.stop());
    });
    const behind = (overrides: Partial<VerifyRequest> = {}): VerifyRequest =>
      request({ reference: `${relay.host}/${repository}:v1`, ...overrides });

    it("slow but in time: verified", async () => {
      relay.delayMs = 150;
      assert.equal(says(await create(relay.host).verify(behind())), "Verified Verified Registry");
    });

    it("too slow: indeterminate, within the time", async () => {
      relay.delayMs = 5000;
      const started = performance.now();
      assert.equal(
        says(await create(relay.host, { registryTimeoutMs: 200 }).verify(behind())),
        "Indeterminate RegistryUnavailable Registry",
      );
      assert.ok(performance.now() - started < 2000);
    });

    it("429: indeterminate, and comes back when it may", async () => {
      relay.fault = (_, response) => {
        response.writeHead(429, { "retry-after": "120" }).end();
        return true;
      };
      const { verdict } = await create(relay.host).verify(behind());
      assert.equal(verdict.reason, "RegistryUnavailable");
      assert.deepEqual(verdict.recheckAfter, later(120_000));
    });

    for (const part of ["/manifests/v1", `/manifests/sha256:`, "/referrers/", "/manifests/sha256-", "/blobs/"]) {
      it(`broken at ${part}: indeterminate, never rejected`, async () => {
        for (const status of [500, 502, 503, 401, 403, 429]) {
          relay.fault = (message, response) => {
            if (message.url?.includes(part) !== true) return false;
            response.writeHead(status).end();
            return true;
          };
          const { verdict } = await create(relay.host).verify(behind());
          assert.equal(verdict.outcome, "Indeterminate", `${status}: ${verdict.message}`);
        }
        relay.fault = (message, response) => {
          if (message.url?.includes(part) !== true) return false;
          response.destroy();
          return true;
        };
        assert.equal((await create(relay.host).verify(behind())).verdict.outcome, "Indeterminate");
      });
    }
  });

  describe("with a login", () => {
    afterEach(async () => {
      await registry.stop();
      await registry.start();
    });

    function credentials(login: string): Credentials {
      const [username, password] = login.split(":");
      const parsed = parseDockerConfigJson(JSON.stringify({ auths: { [registry.host]: { username, password } } }));
      assert.ok(parsed.ok);
      return parsed.credentials;
    }

    it("by user name and password", async () => {
      const path = join(registry.directory, "htpasswd");
      // bcrypt of "pull-secret"
      await writeFile(path, "ci:$2b$04$1CyXQiqr.ZtaI.2ybkpQauJaFJw7yvhisnLDg/vOw12k8rZBUR86y\n");
      await registry.stop();
      await registry.start({ auth: `{htpasswd: {realm: test, path: ${path}}}` });
      assert.equal(await verify({ credentials: credentials("ci:pull-secret") }), "Verified Verified Registry");
      assert.equal(
        await verify({ credentials: credentials("ci:wrong") }),
        "Indeterminate RegistryUnauthorized Registry",
      );
      assert.equal(await verify(), "Indeterminate RegistryUnauthorized Registry");
    });

    it("by a token from somewhere else, for pulling only", async () => {
      const tokens = await TokenServer.start(registry.directory);
      closing.push(() => tokens.stop());
      await registry.stop();
      await registry.start({
        auth: `{token: {realm: "${tokens.url}", service: test registry, issuer: test tokens, rootcertbundle: ${tokens.certificatePath}}}`,
      });
      assert.equal(await verify({ credentials: credentials("ci:pull-secret") }), "Verified Verified Registry");
      // One for what names the artifact and its bundles, one for its content.
      assert.deepEqual(new Set(tokens.requests.map(({ scope }) => scope)), new Set([`repository:${repository}:pull`]));
      assert.ok(tokens.requests.length <= 3);
      for (const [identitytoken, outcome] of [
        [tokens.refreshToken, "Verified Verified Registry"],
        ["another", "Indeterminate RegistryUnauthorized Registry"],
      ]) {
        const parsed = parseDockerConfigJson(JSON.stringify({ auths: { [registry.host]: { identitytoken } } }));
        assert.ok(parsed.ok);
        assert.equal(await verify({ credentials: parsed.credentials }), outcome);
      }
      assert.equal(
        await verify({ credentials: credentials("ci:wrong") }),
        "Indeterminate RegistryUnauthorized Registry",
      );
      assert.equal(await verify(), "Indeterminate RegistryUnauthorized Registry");
    });
  });
});
