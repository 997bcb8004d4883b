import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Cosign, KmsKeys, type ParsedKmsKey } from "../../../src/trust/index.ts";
import { cosignPath } from "./support/signer.ts";

const token = "s.only-the-vault-may-see-this";

function publicKey(): string {
  const { publicKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return key.export({ type: "spki", format: "pem" }).toString();
}

/** As much of Vault's transit engine as cosign asks for. */
class Transit {
  readonly keys = new Map<string, string[]>();
  isSilent = false;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Transit> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const transit = new Transit(server);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => transit.#answer(request, response));
    return transit;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    if (this.isSilent) return;
    if (request.headers["x-vault-token"] !== token) {
      response.writeHead(403).end('{"errors":["permission denied"]}');
      return;
    }
    const versions = this.keys.get(request.url?.replace("/v1/transit/keys/", "") ?? "") ?? [];
    if (versions.length === 0) {
      response.writeHead(404).end('{"errors":[]}');
      return;
    }
    const keys = Object.fromEntries(
      versions.map((pem, at) => [String(at + 1), { name: "P-256", public_key: pem }] as const),
    );
    response.end(JSON.stringify({ data: { latest_version: versions.length, keys } }));
  }
}

describe("keys of key management services, with the real cosign", function () {
  this.timeout(60_000);
  let vault: Transit;
  let now: Date;
  let changed: string[];
  const waiting = new WeakMap<KmsKeys, () => void>();
  const aborting = new AbortController();

  function keysBy(environment: Record<string, string>, pluginDir?: string, timeoutMs = 5_000): KmsKeys {
    const cosign = new Cosign({ path: cosignPath, timeoutMs });
    const keys: KmsKeys = new KmsKeys({
      read: (uri, variables, signal) => cosign.publicKey(uri, variables, signal),
      environment: { ...environment, SECRET_OF_THE_OPERATOR: "x" },
      pluginDir,
      now: () => now,
      onChange: (uri) => {
        changed.push(uri);
        waiting.get(keys)?.();
      },
      signal: aborting.signal,
    });
    return keys;
  }

  /** Asks, and waits until something else is known. */
  async function afterwards(keys: KmsKeys, uri: string): Promise<ParsedKmsKey> {
    const change = new Promise<void>((resolve) => waiting.set(keys, resolve));
    keys.lookup(uri);
    await change;
    return keys.lookup(uri);
  }

  beforeEach(async () => {
    vault = await Transit.start();
    now = new Date();
    changed = [];
  });
  afterEach(() => vault.stop());
  after(() => aborting.abort());

  it("reads the newest version of a key in Vault, and the next one when it is rotated", async () => {
    const [first, second] = [publicKey(), publicKey()];
    vault.keys.set("release", [first]);
    const keys = keysBy({ VAULT_ADDR: vault.address, VAULT_TOKEN: token });
    const known = await afterwards(keys, "hashivault://release");
    assert.equal(known.state === "Known" && known.pem.trim(), first.trim());
    vault.keys.set("release", [first, second]);
    now = new Date(now.getTime() + 6 * 60_000);
    const rotated = await afterwards(keys, "hashivault://release");
    assert.equal(rotated.state === "Known" && rotated.pem.trim(), second.trim());
  });

  for (const [what, change, expected] of [
    ["a login that may not", () => ({ VAULT_TOKEN: "other" }), /permission denied|403/],
    ["a key that is not there", () => ({}), /could not read data|404/],
    ["a server that is away", () => ({ VAULT_ADDR: "http://127.0.0.1:9" }), /refused/],
  ] as const) {
    it(`knows nothing with ${what}, and says why without the token`, async () => {
      const keys = keysBy({ VAULT_ADDR: vault.address, VAULT_TOKEN: token, ...change() });
      const known = await afterwards(keys, "hashivault://release");
      assert.equal(known.state, "Unknown");
      assert.match(known.problem, expected);
      assert.ok(!known.problem.includes(token));
    });
  }

  it("does not wait for a server that says nothing", async () => {
    vault.isSilent = true;
    const keys = keysBy({ VAULT_ADDR: vault.address, VAULT_TOKEN: token }, undefined, 1_000);
    const known = await afterwards(keys, "hashivault://release");
    assert.match(known.state === "Unknown" ? known.problem : "", /took longer than 1000 ms/);
  });

  it("keeps what it knows for an hour while the service is away, and not for longer", async () => {
    vault.keys.set("release", [publicKey()]);
    const keys = keysBy({ VAULT_ADDR: vault.address, VAULT_TOKEN: token });
    await afterwards(keys, "hashivault://release");
    vault.stop();
    now = new Date(now.getTime() + 30 * 60_000);
    assert.equal((await afterwards(keys, "hashivault://release")).state, "Known");
    now = new Date(now.getTime() + 31 * 60_000);
    assert.equal(keys.lookup("hashivault://release").state, "Unknown");
  });

  it("asks a plug-in of the administrator, which gets nothing of the operator's environment", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kms-"));
    const pem = publicKey();
    const program = join(folder, "sigstore-kms-lab");
    const answer = JSON.stringify({ publicKey: { publicKeyPEM: Buffer.from(pem).toString("base64") } });
    await writeFile(program, `#!/bin/sh\n[ -z "$SECRET_OF_THE_OPERATOR" ] || exit 1\nprintf '%s' '${answer}'\n`);
    await chmod(program, 0o755);
    try {
      const known = await afterwards(keysBy({}, folder), "lab://projects/x/keys/y");
      assert.equal(known.state === "Known" && known.pem.trim(), pem.trim());
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  for (const uri of [
    "env://VAULT_TOKEN",
    "https://example.com/key.pub",
    "k8s://shop/key",
    "file:///etc/passwd",
    "/etc/passwd",
  ]) {
    it(`never hands ${uri} to cosign`, () => {
      const known = keysBy({ VAULT_TOKEN: token }, "/").lookup(uri);
      assert.match(known.state === "Unknown" ? known.problem : "", /not by a key management service that is known/);
      assert.deepEqual(changed, []);
    });
  }
});
