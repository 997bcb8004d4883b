import { K8s, kind } from "kubernetes-fluent-client";
import { z } from "zod";
import type { ClusterTrustPolicy } from "../../api/index.ts";
import { type Cosign, KmsKeys, kmsKeysOf, type ParsedKmsKey, secretsOf } from "../../trust/index.ts";
import { ask } from "../ask.ts";
import { readSecretFiles, type SecretData } from "./secret-files.ts";

/** What policies take from elsewhere, in hand. */
export interface Material {
  readonly secrets: ReadonlyMap<string, SecretData>;
  /** Secrets of which it is not known what they hold, and why: that is not the same as being missing. */
  readonly unknown: ReadonlyMap<string, string>;
  readonly kms: ReadonlyMap<string, ParsedKmsKey>;
}

export type SecretSource =
  | { readonly kind: "Files"; readonly directory: string }
  /** With the caller's own rights. */
  | { readonly kind: "Cluster"; readonly namespace: string };

export interface MaterialSources {
  readonly secrets: SecretSource;
  /** Absent: key management services are not asked. */
  readonly kms?: { readonly cosign: Cosign; readonly env: Readonly<Record<string, string | undefined>> } | undefined;
}

const kmsWaitMs = 30_000;

export async function gatherMaterial(
  policies: readonly ClusterTrustPolicy[],
  sources: MaterialSources,
): Promise<Material> {
  const secrets = new Map<string, SecretData>();
  const unknown = new Map<string, string>();
  for (const name of new Set(policies.flatMap(secretsOf))) {
    const read = await readSecret(sources.secrets, name);
    if (read.state === "known") secrets.set(name, read.value);
    else if (read.state === "unknown") unknown.set(name, read.reason);
  }
  return { secrets, unknown, kms: await readKeys([...new Set(policies.flatMap(kmsKeysOf))], sources.kms) };
}

const Secret = z.looseObject({ data: z.record(z.string(), z.string()).nullish() });

async function readSecret(source: SecretSource, name: string) {
  return ask(async (): Promise<SecretData> => {
    if (source.kind === "Cluster") {
      const secret = await K8s(kind.Secret).InNamespace(source.namespace).Get(name);
      return Secret.parse(secret).data ?? {};
    }
    const files = await readSecretFiles(source.directory, name);
    // As the API server says it.
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- the form that `ask` tells apart
    if (files === undefined) throw { status: 404, statusText: "Not Found" };
    return files;
  });
}

async function readKeys(
  uris: readonly string[],
  sources: MaterialSources["kms"],
): Promise<ReadonlyMap<string, ParsedKmsKey>> {
  if (sources === undefined || uris.length === 0) {
    const problem = "key management services are asked only with --kms";
    return new Map(uris.map((uri) => [uri, { state: "Unknown", problem }]));
  }
  const ended = new AbortController();
  const waiting = new Map<string, () => void>();
  const keys = new KmsKeys({
    read: (uri, variables, signal) => sources.cosign.publicKey(uri, variables, signal),
    environment: sources.env,
    now: () => new Date(),
    onChange: (uri) => waiting.get(uri)?.(),
    signal: ended.signal,
  });
  const timer = setTimeout(() => {
    for (const release of waiting.values()) release();
  }, kmsWaitMs);
  const read = await Promise.all(
    uris.map(async (uri): Promise<[string, ParsedKmsKey]> => {
      const changed = new Promise<void>((resolve) => waiting.set(uri, resolve));
      const first = keys.lookup(uri);
      // Only what goes out to ask comes back with something else.
      if (first.state === "Unknown" && first.problem.includes("it is being asked for")) await changed;
      return [uri, keys.lookup(uri)];
    }),
  );
  clearTimeout(timer);
  ended.abort();
  return new Map(read);
}
