import type { ParsedKmsKey } from "./authorities.ts";
import type { PublicKeyRead } from "./cosign.ts";

export interface KmsOptions {
  /** Reads a key with cosign. */
  readonly read: (
    uri: string,
    variables: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ) => Promise<PublicKeyRead>;
  /** Of this process: where the logins are. Only what a scheme needs is handed on. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where programs named sigstore-kms-NAME lie, for URIs NAME://…; absent: none may be used. */
  readonly pluginDir?: string | undefined;
  readonly now: () => Date;
  /** Something else is known of this key than before. */
  readonly onChange: (uri: string) => void;
  readonly signal: AbortSignal;
}

interface Entry {
  readonly known?: { readonly pem: string; readonly at: number } | undefined;
  readonly problem?: string | undefined;
  readonly askedAt: number;
  readonly isAsking: boolean;
}

const refreshMs = 300_000;
const retryMs = 30_000;
/** So long an answer counts while no new one can be had. A key that was taken away ends with it. */
const keepMs = 3_600_000;

/** Which variables a scheme's client reads; names that end in _ are beginnings. */
const builtIn: ReadonlyMap<string, readonly string[]> = new Map([
  ["awskms", ["AWS_"]],
  ["azurekms", ["AZURE_"]],
  ["gcpkms", ["GOOGLE_APPLICATION_CREDENTIALS"]],
  ["hashivault", ["VAULT_", "TRANSIT_SECRET_ENGINE_PATH"]],
  ["openbao", ["BAO_", "VAULT_", "TRANSIT_SECRET_ENGINE_PATH"]],
]);
/** What cosign reads besides: files, addresses, variables and objects of the cluster. None is a key management service. */
const never: readonly string[] = ["env", "file", "gitlab", "http", "https", "k8s", "pkcs11"];

/** Keys of key management services, as they were last read: deciding never waits for the network. */
export class KmsKeys {
  readonly #options: KmsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: KmsOptions) {
    this.#options = options;
  }

  /** What is known now. Asks in the background when it is time to. */
  lookup(uri: string): ParsedKmsKey {
    const variables = this.#variablesFor(uri);
    if (typeof variables === "string") return { state: "Unknown", problem: variables };
    const now = this.#options.now().getTime();
    const entry = this.#entries.get(uri);
    const waitMs = entry?.problem === undefined ? refreshMs : retryMs;
    if (entry === undefined || (!entry.isAsking && now - entry.askedAt >= waitMs)) void this.#ask(uri, variables, now);
    const known = entry?.known;
    if (known !== undefined && now - known.at < keepMs) return { state: "Known", pem: known.pem };
    return {
      state: "Unknown",
      problem: `the key ${uri} has not been read: ${entry?.problem ?? "it is being asked for"}`,
    };
  }

  async #ask(uri: string, variables: Readonly<Record<string, string>>, askedAt: number): Promise<void> {
    const before = this.#entries.get(uri);
    this.#entries.set(uri, { ...before, askedAt, isAsking: true });
    const read = await this.#read(uri, variables);
    const known = read.ok ? { pem: read.pem, at: this.#options.now().getTime() } : before?.known;
    const problem = read.ok ? undefined : read.problem;
    this.#entries.set(uri, { known, problem, askedAt, isAsking: false });
    if (known?.pem !== before?.known?.pem || problem !== before?.problem) this.#options.onChange(uri);
  }

  async #read(uri: string, variables: Readonly<Record<string, string>>): Promise<PublicKeyRead> {
    try {
      return await this.#options.read(uri, variables, this.#options.signal);
    } catch (error) {
      return { ok: false, problem: String(error).slice(0, 512) };
    }
  }

  #variablesFor(uri: string): Readonly<Record<string, string>> | string {
    const scheme = /^([a-z][a-z0-9]{0,31}):\/\//.exec(uri)?.[1] ?? "";
    const { environment, pluginDir } = this.#options;
    const names = builtIn.get(scheme);
    if (names !== undefined) {
      return Object.fromEntries(
        Object.entries(environment).flatMap(([name, value]) =>
          value !== undefined && names.some((known) => (known.endsWith("_") ? name.startsWith(known) : name === known))
            ? [[name, value]]
            : [],
        ),
      );
    }
    if (pluginDir !== undefined && scheme !== "" && !never.includes(scheme)) return { PATH: pluginDir };
    return `${uri} is not by a key management service that is known here; known are ${[...builtIn.keys()].join(", ")}, and plug-ins where the operator has a folder of them`;
  }
}
