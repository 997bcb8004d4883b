import { type KubeObject, type ObjectClient, configMapType, isKubeError, secretType } from "../kube/index.ts";
import { type PublicKey, parsePublicKey } from "../trust/index.ts";
import type { SigningKeys } from "./recorder.ts";
import { SigningKey } from "./signing-key.ts";

export const EVIDENCE_KEY_SECRET = "mlsecops-evidence-key";
export const EVIDENCE_CONFIG_MAP = "mlsecops-evidence";
const currentEntry = "evidence.key";
const previousEntry = "previous.key";
const publicEntry = "evidence.pub";
const publishedPattern = /^[a-f0-9]{64}\.pub$/;

interface WithData extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface EvidenceKeysOptions {
  /** The leader's: a key that two made would be two keys. */
  readonly client: ObjectClient;
  readonly namespace: string;
  /** Default mlsecops-evidence-key. */
  readonly secret?: string | undefined;
}

/**
 * The key in its Secret, and the public half in a ConfigMap. The chart makes both, empty, since RBAC can limit to a name what
 * is changed but not what is created. Only an empty Secret is ever filled, and only as it was read.
 */
export class EvidenceKeys {
  readonly #options: EvidenceKeysOptions;
  readonly #secret: string;

  constructor(options: EvidenceKeysOptions) {
    this.#options = options;
    this.#secret = options.secret ?? EVIDENCE_KEY_SECRET;
  }

  /** @throws KubeError, or an Error that says what is wrong with the Secret and nothing of what is in it. */
  async load(signal: AbortSignal): Promise<SigningKeys> {
    const client = this.#options.client.withSignal(signal);
    const secret = (await this.#read(client)) ?? (await this.#missing());
    const data = secret.data?.[currentEntry] === undefined ? await this.#fill(client, secret) : secret.data;
    const current = this.#parse(data, currentEntry);
    if (current === undefined) throw new Error(`Secret ${this.#secret} has no entry ${currentEntry}`);
    const previous = this.#parse(data, previousEntry);
    await this.#publish(client, [current, ...(previous === undefined ? [] : [previous])]);
    return { current, previous };
  }

  #read(client: ObjectClient): Promise<WithData | undefined> {
    return client.get<WithData>(secretType, { namespace: this.#options.namespace, name: this.#secret });
  }

  #missing(): Promise<never> {
    const { namespace } = this.#options;
    const hint = "install the chart again, or create it, without data: it is filled then";
    return Promise.reject(new Error(`there is no Secret ${this.#secret} in namespace ${namespace}: ${hint}`));
  }

  async #fill(client: ObjectClient, secret: WithData): Promise<Readonly<Record<string, string>>> {
    const key = SigningKey.generate();
    const data = {
      ...secret.data,
      [currentEntry]: base64(key.privatePem()),
      [publicEntry]: base64(key.public.pem),
    };
    try {
      await client.replace<WithData>(secretType, { ...secret, data });
      return data;
    } catch (error) {
      if (!isKubeError(error, "Conflict")) throw error;
      // Somebody was faster; what counts is there now.
      return (await this.#read(client))?.data ?? {};
    }
  }

  #parse(data: Readonly<Record<string, string>>, entry: string): SigningKey | undefined {
    const text = data[entry];
    if (text === undefined) return undefined;
    const parsed = SigningKey.parse(Buffer.from(text, "base64").toString("utf8"));
    if (!parsed.ok) throw new Error(`${entry} in Secret ${this.#secret}: ${parsed.problem}`);
    return parsed.key;
  }

  /** Under its name as the current one, and under its fingerprint for ever. */
  async #publish(client: ObjectClient, [current, ...others]: readonly [SigningKey, ...SigningKey[]]): Promise<void> {
    const { namespace } = this.#options;
    const key = { namespace, name: EVIDENCE_CONFIG_MAP };
    const living = await client.get<WithData>(configMapType, key);
    if (living === undefined) {
      throw new Error(`there is no ConfigMap ${key.name} in namespace ${namespace}: install the chart again`);
    }
    const named = [current, ...others].map(({ public: { fingerprint, pem } }) => [
      `${fingerprint.slice("sha256:".length)}.pub`,
      pem,
    ]);
    const data = { ...living.data, ...Object.fromEntries(named), [publicEntry]: current.public.pem } as Record<
      string,
      string
    >;
    if (Object.entries(data).every(([entry, text]) => living.data?.[entry] === text)) return;
    await client.replace<WithData>(configMapType, { ...living, data });
  }
}

/** All keys that the ConfigMap publishes, whichever of them signs now. What is no key is left out. */
export function publishedKeys(data: Readonly<Record<string, string>>): readonly PublicKey[] {
  return Object.entries(data).flatMap(([entry, text]) => {
    const parsed = publishedPattern.test(entry) ? parsePublicKey(text) : undefined;
    return parsed?.ok === true ? [parsed.key] : [];
  });
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
