import { execa } from "execa";
import { cp, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pusher } from "../../integration/trust/support/pusher.ts";
import { Signer } from "../../integration/trust/support/signer.ts";

const key = "release";

/** Pushes and signs what the tests serve. */
export class Artifacts {
  readonly registry: string;
  readonly #ca: string;
  readonly #signer: Signer;
  readonly #model: string;
  /** The public key of the authority that signs, in PEM. */
  readonly publicKey: string;

  private constructor(made: { registry: string; ca: string; signer: Signer; model: string; publicKey: string }) {
    this.registry = made.registry;
    this.#ca = made.ca;
    this.#signer = made.signer;
    this.#model = made.model;
    this.publicKey = made.publicKey;
  }

  static async create(registry: string, ca: string): Promise<Artifacts> {
    const signer = await Signer.create();
    const { pem: publicKey } = await signer.key(key);
    const directory = await mkdtemp(join(tmpdir(), "artifacts-"));
    const model = join(directory, "model");
    await execa("demo/model/train", ["1", model]);
    return new Artifacts({ registry, ca, signer, model, publicKey });
  }

  /** The public key of somebody who has signed nothing, in PEM. */
  async strangersKey(): Promise<string> {
    return (await this.#signer.key("stranger")).pem;
  }

  /** The files of a model that can be served. */
  get directory(): string {
    return this.#model;
  }

  /** A model that can be served; each `content` is an artifact of its own. Returns its digest. */
  async model(repository: string, tag: string, content: string): Promise<string> {
    const directory = await mkdtemp(join(tmpdir(), "model-"));
    await cp(this.#model, directory, { recursive: true });
    await writeFile(join(directory, "content"), content);
    const { stdout } = await execa("demo/model/pack", [directory, `${this.registry}/${repository}:${tag}`]);
    return stdout.trim();
  }

  async signedModel(repository: string, tag: string, content: string): Promise<string> {
    const digest = await this.model(repository, tag, content);
    await this.sign(`${this.registry}/${repository}@${digest}`);
    return digest;
  }

  /** An artifact that nobody can run, quick to make. */
  async small(repository: string, tag: string, annotations?: Readonly<Record<string, string>>): Promise<string> {
    const pusher = new Pusher(`https://${this.registry}`, repository, this.#ca);
    try {
      const config = await pusher.blob("{}", "application/vnd.oci.empty.v1+json");
      const layer = await pusher.blob(`${repository}:${tag}`, "text/plain");
      const mediaType = "application/vnd.oci.image.manifest.v1+json";
      const manifest = { schemaVersion: 2, mediaType, artifactType: "application/vnd.example.model", config };
      return (await pusher.manifest({ ...manifest, layers: [layer], annotations }, tag)).digest;
    } finally {
      await pusher.close();
    }
  }

  async sign(reference: string): Promise<void> {
    await this.#signer.sign(key, reference);
  }
}
