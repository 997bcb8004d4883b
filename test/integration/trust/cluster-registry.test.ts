import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { execa } from "execa";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Egress } from "../../../src/egress/index.ts";
import { Cosign, Verifier, type PublicKey, type VerifyRequest } from "../../../src/trust/index.ts";
import { now, policy } from "../../unit/trust/support/build.ts";
import { Pusher } from "./support/pusher.ts";
import { cosignPath, Signer } from "./support/signer.ts";

/** The local cluster gives both to what it runs: tools/cluster/cluster exec -- … */
const host = process.env["MLSECOPS_REGISTRY"];
const caPath = process.env["MLSECOPS_REGISTRY_CA"];

if (host !== undefined && caPath !== undefined) {
  describe("the registry of the cluster, as production would use it", function () {
    this.timeout(60_000);
    const repository = `trust/${randomUUID()}`;
    let ca: string;
    let signer: Signer;
    let release: PublicKey;
    let pusher: Pusher;
    let digest: string;

    before(async () => {
      ca = await readFile(caPath, "utf8");
      signer = await Signer.create();
      release = await signer.key("release");
      pusher = new Pusher(`https://${host}`, repository, ca);
      digest = await pusher.artifact("the model", "v1");
      await signer.sign("release", `${host}/${repository}@${digest}`);
    });
    after(async () => {
      await pusher.close();
      await signer.remove();
    });

    async function verify(egress: Egress, overrides: Partial<VerifyRequest> = {}): ReturnType<Verifier["verify"]> {
      try {
        return await new Verifier({ egress, bundleVerifier: new Cosign({ path: cosignPath }) }).verify({
          reference: `${host}/${repository}:v1`,
          use: "Image",
          namespace: "prod",
          policies: [
            policy({ references: ["registry.test:5000/**"], authorities: [{ name: "release", key: release }] }),
          ],
          now,
          ...overrides,
        });
      } finally {
        await egress.close();
      }
    }

    it("verifies over TLS with the private CA, at an address that is private and allowed", async () => {
      const { verdict } = await verify(new Egress({ caBundle: ca }));
      assert.equal(verdict.outcome, "Verified", verdict.message);
      assert.equal(verdict.digest, digest);
    });

    it("without the CA: indeterminate, and the message says what to give", async () => {
      const { verdict } = await verify(new Egress());
      assert.equal(verdict.reason, "RegistryUnavailable");
      assert.match(
        verdict.message,
        /certificate of registry\.test:5000 is not accepted \(.+\); give the operator the CA/,
      );
    });

    it("at an address that the administrator denies: rejected", async () => {
      const { verdict } = await verify(new Egress({ caBundle: ca, deniedAddresses: ["10.200.0.0/16"] }));
      assert.equal(verdict.reason, "AddressDenied");
    });

    it("with a name that has no address: indeterminate", async () => {
      const { verdict } = await verify(new Egress({ caBundle: ca }), {
        reference: `absent.registry.test:5000/${repository}:v1`,
        policies: [policy({ references: ["**"], authorities: [{ name: "release", key: release }] })],
      });
      assert.equal(verdict.reason, "RegistryUnavailable");
      assert.match(verdict.message, /could not be resolved/);
    });
  });
}

describe("a registry with TLS whose token server has none", () => {
  it("gets no credentials sent there", async () => {
    const directory = await mkdtemp(join(tmpdir(), "tls-"));
    const [keyPath, certPath] = [join(directory, "key"), join(directory, "cert")];
    await execa("openssl", [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      keyPath,
      "-out",
      certPath,
      "-days",
      "1",
      "-subj",
      "/CN=localhost",
      "-addext",
      "subjectAltName=DNS:tls.test",
    ]);
    const ca = await readFile(certPath, "utf8");
    const server = createServer({ key: await readFile(keyPath), cert: ca }, (_, response) => {
      response.writeHead(401, { "www-authenticate": 'Bearer realm="http://plain.test/token"' }).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const egress = new Egress({
      caBundle: ca,
      plainHttpHosts: ["plain.test"],
      resolver: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
      addressCheck: () => undefined,
    });
    try {
      const verifier = new Verifier({ egress, bundleVerifier: new Cosign({ path: cosignPath }) });
      const resolved = await verifier.resolve({
        reference: `tls.test:${(server.address() as AddressInfo).port}/models/iris:v1`,
      });
      assert.ok(resolved.state === "Refused");
      assert.equal(resolved.reason, "AddressDenied");
      assert.match(resolved.message, /token server without TLS, plain\.test/);
    } finally {
      await egress.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    }
  });
});
