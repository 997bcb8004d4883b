import { readFile } from "node:fs/promises";
import { K8s, kind } from "kubernetes-fluent-client";
import { EVIDENCE_CONFIG_MAP, publishedKeys } from "../../governance/index.ts";
import { type PublicKey, parsePublicKey } from "../../trust/index.ts";
import { ask } from "../ask.ts";

export type KeySource =
  | { readonly kind: "File"; readonly file: string }
  /** The operator's own word for it: it proves that nobody else tampered with the records. */
  | { readonly kind: "Cluster"; readonly namespace: string };

export type LoadedKeys =
  { readonly ok: true; readonly keys: readonly PublicKey[] } | { readonly ok: false; readonly problem: string };

export async function loadKeys(sources: readonly KeySource[]): Promise<LoadedKeys> {
  const keys: PublicKey[] = [];
  for (const source of sources) {
    const loaded = source.kind === "File" ? await fromFile(source.file) : await fromCluster(source.namespace);
    if (!loaded.ok) return loaded;
    keys.push(...loaded.keys);
  }
  return { ok: true, keys };
}

async function fromFile(file: string): Promise<LoadedKeys> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    return { ok: false, problem: `--key ${file}: ${error instanceof Error ? error.message : String(error)}` };
  }
  return parseKeys(text, `--key ${file}`);
}

/** One key or several, one after the other. */
export function parseKeys(text: string, what: string): LoadedKeys {
  const blocks = text.split(/(?<=-----END [A-Z ]+-----)\s*/).filter((block) => block.trim() !== "");
  if (blocks.length === 0) return { ok: false, problem: `${what}: it is empty` };
  const keys: PublicKey[] = [];
  for (const block of blocks) {
    const parsed = parsePublicKey(block);
    if (!parsed.ok) return { ok: false, problem: `${what}: ${parsed.problem}` };
    keys.push(parsed.key);
  }
  return { ok: true, keys };
}

async function fromCluster(namespace: string): Promise<LoadedKeys> {
  const what = `ConfigMap ${EVIDENCE_CONFIG_MAP} in namespace ${namespace}`;
  const answer = await ask(() => K8s(kind.ConfigMap).InNamespace(namespace).Get(EVIDENCE_CONFIG_MAP));
  if (answer.state === "unknown") return { ok: false, problem: `${what} cannot be read: ${answer.reason}` };
  const keys = answer.state === "absent" ? [] : publishedKeys(answer.value.data ?? {});
  if (keys.length > 0) return { ok: true, keys };
  const problem = `${what} holds no key: is the operator installed there, with evidence.store other than None?`;
  return { ok: false, problem };
}
