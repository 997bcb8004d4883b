import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { Egress } from "../../../src/egress/index.ts";
import {
  Cosign,
  type PublicKey,
  type RegistryMirror,
  toVerdictStatus,
  type Verdict,
  Verifier,
} from "../../../src/trust/index.ts";
import { hour, later, now, policy } from "../../unit/trust/support/build.ts";
import { OwnRegistry } from "./support/own-registry.ts";
import { Pusher, sha256 } from "./support/pusher.ts";
import { cosignPath, Signer } from "./support/signer.ts";

const repository = "models/iris";

describe("verdicts from a real pull-through mirror", function () {
  this.timeout(60_000);
  let signer: Signer;
  let origin: OwnRegistry;
  let mirror: OwnRegistry;
  let pusher: Pusher;
  let release: PublicKey;
  let signed: string;
  let egress: Egress;

  before(async () => {
    signer = await Signer.create();
    release = await signer.key("release");
    [origin, mirror] = await Promise.all([OwnRegistry.create(), OwnRegistry.create()]);
    await origin.start();
    await mirror.start({ upstream: origin.host });
    pusher = new Pusher(`http://${origin.host}`, repository);
    signed = await pusher.artifact("the model", "v1");
    await signer.sign("release", `${origin.host}/${repository}@${signed}`);
  });
  after(async () => {
    await pusher.close();
    await Promise.all([origin.remove(), mirror.remove(), signer.remove()]);
  });
  beforeEach(() => {
    egress = new Egress({ plainHttpHosts: ["127.0.0.1"], addressCheck: () => undefined });
  });
  afterEach(() => egress.close());

  const through = (originFallback: boolean): readonly RegistryMirror[] => [
    { registry: origin.host, mirrors: [mirror.host], originFallback },
  ];

  async function verify(
    mirrors: readonly RegistryMirror[],
    overrides: Partial<Parameters<Verifier["verify"]>[0]> = {},
  ): Promise<Verdict> {
    const verifier = new Verifier({
      egress,
      plainHttpHosts: [origin.host, mirror.host],
      bundleVerifier: new Cosign({ path: cosignPath }),
      registryTimeoutMs: 3000,
      mirrors,
    });
    const trusting = policy({ references: [`${origin.host}/**`], authorities: [{ name: "release", key: release }] });
    const reference = `${origin.host}/${repository}:v1`;
    return (
      await verifier.verify({
        reference,
        use: "Image" as const,
        namespace: "prod",
        policies: [trusting],
        now,
        ...overrides,
      })
    ).verdict;
  }

  it("verified through the mirror alone, under the name of the registry", async () => {
    const verdict = await verify(through(false));
    assert.equal(`${verdict.outcome} ${verdict.digest ?? ""}`, `Verified ${signed}`, verdict.message);
    assert.deepEqual(verdict.warnings, []);
  });

  it("verified from the mirror when the registry itself is down", async () => {
    await verify(through(true));
    await origin.stop();
    try {
      const verdict = await verify(through(true), { reference: `${origin.host}/${repository}@${signed}` });
      assert.equal(verdict.outcome, "Verified", verdict.message);
    } finally {
      await origin.start();
    }
  });

  it("verified from the registry, with a warning, when the mirror is down", async () => {
    await mirror.stop();
    try {
      const verdict = await verify(through(true));
      assert.equal(verdict.outcome, "Verified", verdict.message);
      assert.match(verdict.warnings.join(), new RegExp(`mirror ${mirror.host} is passed over: .*ECONNREFUSED`));
    } finally {
      await mirror.start({ upstream: origin.host });
    }
  });

  it("indeterminate when both are down, naming each, and the verdict before stands", async () => {
    const previous = toVerdictStatus(await verify(through(true)));
    await Promise.all([origin.stop(), mirror.stop()]);
    try {
      const verdict = await verify(through(true), { digest: signed, previous, now: later(2 * hour) });
      assert.ok(verdict.outcome === "Indeterminate");
      assert.equal(verdict.stands, true);
      for (const { host } of [origin, mirror]) assert.match(verdict.message, new RegExp(`${host}: no connection`));
    } finally {
      await origin.start();
      await mirror.start({ upstream: origin.host });
    }
  });

  it("rejected when neither has it", async () => {
    const reference = `${origin.host}/${repository}@${sha256("absent")}`;
    const verdict = await verify(through(true), { reference });
    assert.equal(verdict.reason, "ArtifactNotFound", verdict.message);
  });

  it("verified from the registry when what the mirror holds was altered on its disk", async () => {
    await verify(through(false));
    const path = mirror.blobPath(signed);
    const honest = await readFile(path, "utf8");
    await writeFile(path, honest.replace("example", "wickeds"));
    try {
      const reference = `${origin.host}/${repository}@${signed}`;
      const verdict = await verify(through(true), { reference });
      assert.equal(verdict.outcome, "Verified", verdict.message);
      assert.notEqual((await verify(through(false), { reference })).outcome, "Verified");
    } finally {
      await writeFile(path, honest);
    }
  });
});
