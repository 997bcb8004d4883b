import { execa } from "execa";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parsePublicKey, type PublicKey } from "../../../../src/trust/index.ts";

/** Signs with the real cosign and keys of its own. No public service is asked: what would go out leads nowhere. */
export class Signer {
  readonly #directory: string;
  readonly #env: Record<string, string>;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#env = {
      HOME: directory,
      PATH: process.env["PATH"] ?? "",
      COSIGN_PASSWORD: "",
      HTTPS_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "registry.test,127.0.0.1",
      ...(process.env["MLSECOPS_REGISTRY_CA"] === undefined
        ? {}
        : { SSL_CERT_FILE: process.env["MLSECOPS_REGISTRY_CA"] }),
    };
  }

  static async create(): Promise<Signer> {
    const signer = new Signer(await mkdtemp(join(tmpdir(), "signer-")));
    await signer.#run("signing-config", "create", "--out", "signing-config.json");
    return signer;
  }

  async key(name: string): Promise<PublicKey> {
    await this.#run("generate-key-pair", "--output-key-prefix", name);
    const parsed = parsePublicKey(await readFile(join(this.#directory, `${name}.pub`), "utf8"));
    if (!parsed.ok) throw new Error(parsed.problem);
    return parsed.key;
  }

  async sign(key: string, reference: string): Promise<void> {
    await this.#run("sign", "--yes", "--signing-config", "signing-config.json", "--key", `${key}.key`, reference);
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #run(...args: string[]): Promise<void> {
    await execa(cosignPath, args, { cwd: this.#directory, extendEnv: false, env: this.#env });
  }
}

/** Where the shell would find it. */
export const cosignPath =
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((directory) => join(directory, "cosign"))
    .find((path) => existsSync(path)) ?? "/usr/local/bin/cosign";
