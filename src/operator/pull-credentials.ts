import { type KubeObject, type ObjectClient, isKubeError, secretType, serviceAccountType } from "../kube/index.ts";
import { type Credentials, parseDockerConfigJson } from "../trust/index.ts";

interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

interface ServiceAccount extends KubeObject {
  readonly imagePullSecrets?: readonly { readonly name: string }[];
}

/**
 * The credentials a pod of the namespace would pull with: the named Secrets and those of its default ServiceAccount. Read
 * in that namespace only, through the operator's RoleBinding there; never the operator's own. A Secret that is missing or
 * malformed gives none: the registry then says Unauthorized, which is indeterminate.
 */
export async function pullCredentials(
  client: ObjectClient,
  namespace: string,
  secretNames: readonly string[],
): Promise<Credentials | undefined> {
  try {
    const account = await client.get<ServiceAccount>(serviceAccountType, { namespace, name: "default" });
    const names = new Set([...secretNames, ...(account?.imagePullSecrets ?? []).map(({ name }) => name)]);
    const found = [];
    for (const name of names) {
      const secret = await client.get<Secret>(secretType, { namespace, name });
      const text = secret?.data?.[".dockerconfigjson"];
      if (text === undefined) continue;
      const parsed = parseDockerConfigJson(Buffer.from(text, "base64").toString("utf8"));
      if (parsed.ok) found.push(...parsed.credentials);
    }
    return found.length > 0 ? found : undefined;
  } catch (error) {
    // The RoleBinding of a namespace that was secured a moment ago may not be in force yet.
    if (isKubeError(error, "Forbidden")) return undefined;
    throw error;
  }
}
