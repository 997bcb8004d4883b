import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { API_VERSION, type ClusterTrustPolicy, clusterTrustPolicy, parseObject } from "../../api/index.ts";
import type { KubeObject } from "../../kube/index.ts";

export type ParsedPolicies =
  | { readonly ok: true; readonly policies: readonly ClusterTrustPolicy[] }
  | { readonly ok: false; readonly problems: readonly string[] };

const Head = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string().min(1), generation: z.int().min(0).optional() }),
});
const List = z.looseObject({ kind: z.string().regex(/List$/), items: z.array(z.unknown()) });

const kindName = clusterTrustPolicy.resource.kind;
const maxAliases = 0;

/**
 * Policies as people keep them: YAML documents, or what `kubectl get -o yaml` gives. Every problem names the document and
 * the field. What only the API server checks (rules across fields) shows where the policy is used.
 */
export function parsePolicies(text: string): ParsedPolicies {
  const policies: ClusterTrustPolicy[] = [];
  const problems: string[] = [];
  const documents = parseAllDocuments(text);
  for (const [index, document] of (Array.isArray(documents) ? documents : []).entries()) {
    const where = `document ${index + 1}`;
    const [error] = document.errors;
    if (error !== undefined) {
      problems.push(`${where}: not YAML: ${error.message.split("\n")[0] ?? ""}`);
      continue;
    }
    const content = contentOf(document);
    if (content === null) continue;
    const list = List.safeParse(content);
    for (const item of list.success ? list.data.items : [content]) {
      const found = policyOf(item);
      if (typeof found === "string") problems.push(`${where}: ${found}`);
      else policies.push(found);
    }
  }
  const names = policies.map(({ metadata }) => metadata.name);
  for (const name of new Set(names.filter((one, index) => names.indexOf(one) !== index)))
    problems.push(`there are two policies ${name}: give each a name of its own`);
  if (policies.length === 0 && problems.length === 0) problems.push(`there is no ${kindName} in it`);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, policies };
}

function contentOf(document: { toJS: (options: { maxAliasCount: number }) => unknown }): unknown {
  try {
    return document.toJS({ maxAliasCount: maxAliases });
  } catch {
    return undefined;
  }
}

function policyOf(item: unknown): ClusterTrustPolicy | string {
  const head = Head.safeParse(item);
  if (!head.success) {
    const [issue] = head.error.issues;
    const field = issue?.path.map(String).join(".") ?? "";
    return `${field === "" ? "an object" : field} is missing or of another type: write apiVersion, kind and metadata.name (YAML aliases are not read)`;
  }
  const { apiVersion, kind, metadata } = head.data;
  if (kind !== kindName || apiVersion !== API_VERSION)
    return `${metadata.name} is ${apiVersion} ${kind}: only ${API_VERSION} ${kindName} is read here`;
  const parsed = parseObject(clusterTrustPolicy, head.data as KubeObject);
  return parsed.ok ? parsed.value : `${kindName} ${metadata.name}: ${parsed.message}`;
}
