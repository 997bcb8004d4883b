import {
  type KubeObject,
  type ObjectClient,
  type ResourceType,
  isKubeError,
  secretType,
  serviceAccountType,
} from "../kube/index.ts";
import {
  type CloudLogins,
  type Credential,
  type CredentialSource,
  type Credentials,
  type Pulling,
  missingCredential,
  parseDockerConfigJson,
} from "../trust/index.ts";
import { serviceAccountToken } from "./service-account-token.ts";

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

export interface ServiceAccount extends KubeObject {
  readonly imagePullSecrets?: readonly { readonly name: string }[];
}

export interface PullDependencies {
  readonly client: ObjectClient;
  readonly logins: Pick<CloudLogins, "credential">;
  /** The default ServiceAccount of a namespace, as far as it is known without asking: which Secrets it names is no secret. */
  readonly defaultAccount?: (namespace: string) => ServiceAccount | undefined;
}

/** Those of {@link pullCredentials}, read only where they are needed. */
export function credentialSource(deps: PullDependencies, namespace: string, pulling: Pulling): CredentialSource {
  const { pullSecrets = [], serviceAccountName } = pulling;
  // Who logs in by name also has that account's identity in a cloud: it is another one than the default that nobody named.
  const who = JSON.stringify([namespace, serviceAccountName ?? null, pullSecrets.map(({ name }) => name)]);
  return { who, read: () => pullCredentials(deps, namespace, pulling) };
}

type Read<T> = { readonly found: T } | { readonly problem: string; readonly isForbidden: boolean };

/**
 * The credentials a pod of the namespace would pull with: the named Secrets and those of its ServiceAccount, the default
 * one where none is named; and that ServiceAccount itself where it is. Secrets are read in that namespace only, through the
 * operator's RoleBinding there; never the operator's own. What cannot be had is kept as a problem: where a registry refuses, or shows
 * nothing, it says why, and the verdict is indeterminate.
 * @throws KubeError when the API server does not answer.
 */
export async function pullCredentials(
  { client, logins, defaultAccount }: PullDependencies,
  namespace: string,
  { pullSecrets = [], serviceAccountName }: Pulling,
): Promise<Credentials | undefined> {
  const credentials: Credential[] = [];
  const problems: string[] = [];
  const name = serviceAccountName ?? "default";
  const known = serviceAccountName === undefined ? defaultAccount?.(namespace) : undefined;
  const account =
    known === undefined
      ? await read<ServiceAccount>(client, serviceAccountType, { namespace, name })
      : { found: known };
  // Nobody asked for the default one: that it is missing is nobody's mistake.
  if ("problem" in account && (serviceAccountName !== undefined || account.isForbidden)) problems.push(account.problem);
  const own = "found" in account ? (account.found.imagePullSecrets ?? []) : [];
  for (const secret of new Set([...pullSecrets, ...own].map((reference) => reference.name))) {
    const login = await readSecret(client, namespace, secret);
    if ("found" in login) credentials.push(...login.found);
    else problems.push(login.problem);
  }
  if (serviceAccountName !== undefined && "found" in account) {
    const { uid = "", annotations = {} } = account.found.metadata;
    const token = serviceAccountToken(client.transport, { namespace, name });
    credentials.push(logins.credential({ namespace, name, uid, annotations, token }));
  }
  if (problems.length > 0) credentials.push(missingCredential(problems.join("; ")));
  return credentials.length > 0 ? credentials : undefined;
}

async function readSecret(client: ObjectClient, namespace: string, name: string): Promise<Read<Credentials>> {
  const secret = await read<Secret>(client, secretType, { namespace, name });
  if (!("found" in secret)) return secret;
  const what = `Secret ${namespace}/${name}`;
  const unusable = (why: string) => ({ problem: `${what} cannot be used: ${why}`, isForbidden: false });
  const text = secret.found.data?.[".dockerconfigjson"];
  if (text === undefined) {
    return unusable(
      "it is not of type kubernetes.io/dockerconfigjson; create it with kubectl create secret docker-registry",
    );
  }
  const parsed = parseDockerConfigJson(Buffer.from(text, "base64").toString("utf8"), what);
  return parsed.ok ? { found: parsed.credentials } : unusable(parsed.message);
}

async function read<T extends KubeObject>(
  client: ObjectClient,
  type: ResourceType,
  key: { readonly namespace: string; readonly name: string },
): Promise<Read<T>> {
  const what = `${type.kind} ${key.namespace}/${key.name}`;
  try {
    const found = await client.get<T>(type, key);
    if (found !== undefined) return { found };
    return { problem: `${what} is missing: create it, or name another one`, isForbidden: false };
  } catch (error) {
    if (!isKubeError(error, "Forbidden")) throw error;
    // The RoleBinding of a namespace that was secured a moment ago may not be in force yet.
    const problem = `the operator may not read ${what}: it may as soon as SecureNamespace ${key.namespace} is Ready`;
    return { problem, isForbidden: true };
  }
}
