import { execa } from "execa";
import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { manifestType, Pusher } from "../../trust/support/pusher.ts";
import { cosignPath } from "../../trust/support/signer.ts";

/** The registry of a local cluster with a node; elsewhere these tests have none. */
export const registry = process.env["MLSECOPS_REGISTRY"];
export const registryCa = process.env["MLSECOPS_REGISTRY_CA"];

export const predicateType = "https://example.com/evaluation/v1";

type KeyName = "release" | "security" | "audit" | "stranger";

/** Models in the cluster's registry, signed by the real cosign with keys of this run. */
export class RegistryWorld {
  readonly directory: string;
  readonly repository: string;
  readonly keys: Readonly<Record<KeyName, string>>;
  readonly #pusher: Pusher;

  private constructor(directory: string, repository: string, keys: Readonly<Record<KeyName, string>>, pusher: Pusher) {
    this.directory = directory;
    this.repository = repository;
    this.keys = keys;
    this.#pusher = pusher;
  }

  static async create(): Promise<RegistryWorld> {
    if (registry === undefined || registryCa === undefined) throw new Error("these tests need the cluster's registry");
    const directory = await mkdtemp(join(tmpdir(), "mlsecops-cli-"));
    const repository = `cli/${randomUUID()}/iris`;
    await cosign(directory, "signing-config", "create", "--out", "signing-config.json");
    const key = async (name: KeyName): Promise<string> => {
      await cosign(directory, "generate-key-pair", "--output-key-prefix", name);
      return readFile(join(directory, `${name}.pub`), "utf8");
    };
    const keys = {
      release: await key("release"),
      security: await key("security"),
      audit: await key("audit"),
      stranger: await key("stranger"),
    };
    const pusher = new Pusher(`https://${registry}`, repository, await readFile(registryCa, "utf8"));
    return new RegistryWorld(directory, `${registry}/${repository}`, keys, pusher);
  }

  /** A model of one JSON file, signed by these; gives the reference with its digest. */
  async model(tag: string, ...signers: readonly KeyName[]): Promise<string> {
    const content = await this.#pusher.blob(
      JSON.stringify({ tag, weights: [1, 2] }),
      "application/vnd.example.weights",
    );
    const { digest } = await this.#pusher.manifest(
      {
        schemaVersion: 2,
        mediaType: manifestType,
        artifactType: "application/vnd.example.model",
        config: await this.#pusher.blob("{}", "application/vnd.oci.empty.v1+json"),
        layers: [{ ...content, annotations: { "org.opencontainers.image.title": "model.json" } }],
      },
      tag,
    );
    const reference = `${this.repository}@${digest}`;
    const signing = ["--signing-config", "signing-config.json"];
    for (const signer of signers)
      await cosign(this.directory, "sign", "--yes", ...signing, "--key", `${signer}.key`, reference);
    return reference;
  }

  async attest(reference: string, signer: KeyName, predicate: object): Promise<void> {
    await writeFile(join(this.directory, "predicate.json"), JSON.stringify(predicate));
    const options = ["--type", predicateType, "--predicate", "predicate.json", "--key", `${signer}.key`];
    await cosign(this.directory, "attest", "--yes", "--signing-config", "signing-config.json", ...options, reference);
  }

  /** An OCI image layout with a model and what is attached to it, as crane writes it. */
  async layout(reference: string): Promise<string> {
    const folder = join(this.directory, "layout");
    const [name = "", digest = ""] = reference.split("@");
    const env = { SSL_CERT_FILE: registryCa ?? "" };
    for (const tag of ["signed", digest.replace(":", "-")])
      await execa("crane", ["pull", "--format=oci", "--annotate-ref", `${name}:${tag}`, folder], { env });
    return folder;
  }

  /** A folder with these policies in one file; gives its path. */
  async policyFile(name: string, ...policies: readonly object[]): Promise<string> {
    const path = join(this.directory, `${name}.yaml`);
    await writeFile(path, policies.map((policy) => stringify(policy)).join("---\n"));
    return path;
  }

  /** Secrets as files, for --secret-dir. */
  async secretDir(secrets: Readonly<Record<string, Readonly<Record<string, string>>>>): Promise<string> {
    const folder = join(this.directory, "secrets");
    for (const [secret, data] of Object.entries(secrets)) {
      await mkdir(join(folder, secret), { recursive: true });
      for (const [key, value] of Object.entries(data)) await writeFile(join(folder, secret, key), value);
    }
    return folder;
  }

  async remove(): Promise<void> {
    await this.#pusher.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** No public service is asked: what would go out leads nowhere. */
async function cosign(directory: string, ...args: readonly string[]): Promise<void> {
  const env = {
    HOME: directory,
    PATH: process.env["PATH"] ?? "",
    COSIGN_PASSWORD: "",
    HTTPS_PROXY: "http://127.0.0.1:9",
    NO_PROXY: "registry.test",
    SSL_CERT_FILE: registryCa ?? "",
  };
  await execa(cosignPath, args, { cwd: directory, extendEnv: false, env });
}

/** A ClusterTrustPolicy over one repository. */
export function trustPolicy(
  name: string,
  repository: string,
  spec: Readonly<Record<string, unknown>>,
): { readonly kind: string; readonly metadata: { readonly name: string } } & Readonly<Record<string, unknown>> {
  return {
    apiVersion: "mlsecops.io/v1alpha1",
    kind: "ClusterTrustPolicy",
    metadata: { name },
    spec: { scope: { references: [repository] }, ...spec },
  };
}

export function byKey(name: string, inline: string): object {
  return { name, key: { inline } };
}
