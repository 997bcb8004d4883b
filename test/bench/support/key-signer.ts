import { execa } from "execa";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePublicKey, type PublicKey } from "../../../src/trust/index.ts";
import { cosignPath } from "../../integration/trust/support/signer.ts";

/** In which form a signature is attached: as a bundle that refers to the artifact, or as cosign 2 did, by a tag beside it. */
export type SignatureForm = "bundle" | "tag";

/** Signs with cosign and keys of its own. policy-controller takes signatures by keys in the older form only. */
export class KeySigner {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async create(): Promise<KeySigner> {
    const signer = new KeySigner(await mkdtemp(join(tmpdir(), "bench-signer-")));
    await signer.#run("signing-config", "create", "--out", "none.json");
    return signer;
  }

  async key(name: string): Promise<PublicKey> {
    await this.#run("generate-key-pair", "--output-key-prefix", name);
    const parsed = parsePublicKey(await readFile(join(this.#directory, `${name}.pub`), "utf8"));
    if (!parsed.ok) throw new Error(parsed.problem);
    return parsed.key;
  }

  async sign(key: string, reference: string, form: SignatureForm): Promise<void> {
    const how = {
      bundle: ["--signing-config=none.json"],
      tag: ["--new-bundle-format=false", "--use-signing-config=false", "--tlog-upload=false"],
    }[form];
    await this.#run("sign", "--yes", ...how, `--key=${key}.key`, reference);
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #run(...args: string[]): Promise<void> {
    const ca = process.env["MLSECOPS_REGISTRY_CA"];
    // Nobody listens there: nothing is asked of a public service.
    const env = {
      HOME: this.#directory,
      COSIGN_PASSWORD: "",
      HTTPS_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "registry.test",
    };
    await execa(cosignPath, args, {
      cwd: this.#directory,
      extendEnv: false,
      env: { ...env, ...(ca === undefined ? {} : { SSL_CERT_FILE: ca }) },
    });
  }
}
