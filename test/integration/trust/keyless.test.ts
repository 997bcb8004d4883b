import assert from "node:assert/strict";
import { request } from "undici";
import {
  person,
  pipeline,
  saysCosign,
  signerByLibrary,
  Sigstore,
  workflow,
  type Check,
  type Identity,
} from "../../support/sigstore/index.ts";
import { vector } from "../../unit/trust/support/build.ts";
import { OwnRegistry } from "./support/own-registry.ts";
import { indexType, manifestType, Pusher } from "./support/pusher.ts";

const repository = "models/iris";
const predicateType = "https://sigstore.dev/cosign/sign/v1";

describe("signatures without keys, by a Sigstore of one's own", function () {
  this.timeout(120_000);
  const signers: Readonly<Record<string, Identity>> = {
    "a person": person("release@bank.example"),
    "a pipeline": pipeline("/release/main"),
    "a workflow of GitHub's": workflow({
      repository: "bank/models",
      file: ".github/workflows/release.yml",
      ref: "refs/heads/main",
    }),
  };
  let sigstore: Sigstore;
  let registry: OwnRegistry;
  let pusher: Pusher;

  before(async () => {
    sigstore = await Sigstore.start();
    registry = await OwnRegistry.create();
    await registry.start();
    pusher = new Pusher(`http://${registry.host}`, repository);
  });
  after(async () => {
    await pusher.close();
    await registry.remove();
    await sigstore.remove();
  });

  /** The bundle of the one signature that is attached to an artifact. */
  async function attached(digest: string): Promise<Buffer> {
    const read = async (path: string, accept: string): Promise<Buffer> => {
      const response = await request(`http://${registry.host}/v2/${repository}/${path}`, { headers: { accept } });
      assert.equal(response.statusCode, 200, path);
      return Buffer.from(await response.body.arrayBuffer());
    };
    const first = async (path: string, accept: string, list: string): Promise<string> => {
      const document = JSON.parse((await read(path, accept)).toString()) as Record<string, { digest: string }[]>;
      const [entry, ...others] = document[list] ?? [];
      assert.ok(entry !== undefined && others.length === 0, `${path} names one`);
      return entry.digest;
    };
    const manifest = await first(`manifests/${digest.replace(":", "-")}`, indexType, "manifests");
    return read(`blobs/${await first(`manifests/${manifest}`, manifestType, "layers")}`, "*/*");
  }

  async function signed(identity: Identity, logged: boolean): Promise<Check> {
    const digest = await pusher.artifact(`the model of ${identity.subject}, ${logged}`, "v1");
    await sigstore.sign(`${registry.host}/${repository}@${digest}`, identity, { logged });
    const bundle = await attached(digest);
    const { issuer, subject } = identity;
    return { bundle, digest, predicateType, issuer, subject, logged, trustedRoot: sigstore.trustedRoot };
  }

  for (const [who, identity] of Object.entries(signers)) {
    for (const logged of [false, true]) {
      it(`verifies with nothing but the trusted root what ${who} signed${logged ? " and the log knows" : ""}`, async () => {
        const check = await signed(identity, logged);
        assert.equal(await saysCosign(check), "Verified OK");
        const { issuer, subject } = identity;
        assert.deepEqual(signerByLibrary(check.bundle, sigstore.trustedRoot), { issuer, subject });
      });
    }
  }

  it("refuses another subject, another issuer, another artifact, and what the log does not know", async () => {
    const check = await signed(pipeline("/release/other"), false);
    const says = (overrides: Partial<Check>) => saysCosign({ ...check, ...overrides });
    assert.equal(await says({}), "Verified OK");
    assert.match(await says({ subject: "https://ci.bank.example/release" }), /expected SAN value/);
    assert.match(await says({ issuer: "https://ci.bank.example/" }), /expected issuer value/);
    assert.match(await says({ digest: `sha256:${"0".repeat(64)}` }), /does not match any digest/);
    assert.match(await says({ predicateType: "https://example.com/scan/v1" }), /invalid predicate type/);
    assert.match(await says({ logged: true }), /not enough verified log entries/);
  });

  it("gets no certificate for a token that is too old, for somebody else, or not believed", async () => {
    const statement = {
      _type: "https://in-toto.io/Statement/v1",
      subject: [{ digest: { sha256: "0".repeat(64) } }],
      predicateType,
      predicate: {},
    };
    const identity = person("release@bank.example");
    await sigstore.signStatement(statement, identity, { algorithm: "RS256" });
    const refused = /Fulcio returned 400: .*error processing the identity token/;
    await assert.rejects(sigstore.signStatement(statement, identity, { lifetimeSeconds: -60 }), refused);
    await assert.rejects(sigstore.signStatement(statement, identity, { audience: "another" }), refused);
    const unverified = { ...identity, claims: { ...identity.claims, email_verified: false } };
    // cosign sees this one itself.
    await assert.rejects(sigstore.signStatement(statement, unverified), /not verified by identity provider/);
    const elsewhere = { ...identity, issuer: "https://accounts.evil.example" };
    await assert.rejects(sigstore.signStatement(statement, elsewhere), refused);
  });

  it("refuses the signatures of another Sigstore", async () => {
    const check = await signed(person("other@bank.example"), true);
    const other = vector("certificates/trusted-root.json").toString();
    assert.match(await saysCosign({ ...check, trustedRoot: other }), /^Error: /);
    assert.throws(() => signerByLibrary(check.bundle, other));
  });

  it("has asked nobody but itself, and needs none of its services to verify", async () => {
    const check = await signed(person("last@bank.example"), true);
    assert.equal(await saysCosign({ ...check, proxyUrl: sigstore.proxyUrl }), "Verified OK");
    assert.deepEqual(sigstore.strayRequests, []);
    await sigstore.stopServices();
    assert.equal(await saysCosign(check), "Verified OK");
    assert.equal(signerByLibrary(check.bundle, sigstore.trustedRoot).subject, "last@bank.example");
  });
});

describe("the keyless vectors", function () {
  this.timeout(60_000);
  interface Case extends Pick<Check, "digest" | "predicateType" | "logged"> {
    readonly name: string;
    readonly bundle: string;
    readonly identity: { readonly issuer: string; readonly subject: string };
    readonly trustedRoot: string;
    readonly expected: string;
  }
  const file = (name: string) => vector(`keyless/${name}`);
  for (const entry of JSON.parse(file("index.json").toString()) as Case[]) {
    it(`are judged by cosign as they say: ${entry.name}`, async () => {
      const trustedRoot = file(entry.trustedRoot).toString();
      const said = await saysCosign({ ...entry, ...entry.identity, bundle: file(entry.bundle), trustedRoot });
      assert.equal(said === "Verified OK" ? "valid" : "invalid", entry.expected, said);
    });
  }
});
