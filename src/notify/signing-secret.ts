import { SECRET_USE_LABEL } from "../api/index.ts";
import { type KubeObject, type ObjectClient, isKubeError, secretType } from "../kube/index.ts";
import { parseSigningKeys } from "./signature.ts";

const SECRET_USE = "cloudevents";
const SECRET_KEY = "signingKey";

export interface SigningSecret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export type SigningKeys = { readonly keys: readonly Buffer[] } | { readonly problem: string };

/** The keys that a Secret holds. No message repeats any of it. Pure. */
export function signingKeysOf(name: string, secret: SigningSecret | undefined): SigningKeys {
  const unusable = (message: string) => ({ problem: `Secret ${name} ${message}` });
  if (secret === undefined) return unusable(`is not there: create it, with ${SECRET_KEY}`);
  // Who may write a model must not be able to have any Secret used for it.
  if (secret.metadata.labels?.[SECRET_USE_LABEL] !== SECRET_USE)
    return unusable(`has no label ${SECRET_USE_LABEL}: ${SECRET_USE}: set it where the Secret is for that`);
  const data = secret.data?.[SECRET_KEY];
  if (data === undefined) return unusable(`has no ${SECRET_KEY}`);
  const parsed = parseSigningKeys(Buffer.from(data, "base64").toString("utf8"));
  return "problem" in parsed ? unusable(`cannot be used: ${SECRET_KEY} ${parsed.problem}`) : parsed;
}

/**
 * The keys of a sink, read in its own namespace, through the operator's RoleBinding there. What the API server cannot say now is
 * a problem too: it is asked again.
 */
export async function readSigningKeys(client: ObjectClient, namespace: string, name: string): Promise<SigningKeys> {
  try {
    return signingKeysOf(name, await client.get<SigningSecret>(secretType, { namespace, name }));
  } catch (error) {
    if (!isKubeError(error)) throw error;
    if (!isKubeError(error, "Forbidden")) return { problem: `Secret ${name} cannot be read now: ${error.message}` };
    return {
      problem: `Secret ${name} may not be read: the operator's RoleBinding in namespace ${namespace} is missing`,
    };
  }
}
