import { K8s, kind } from "kubernetes-fluent-client";
import { z } from "zod";
import {
  type Credential,
  type Credentials,
  missingCredential,
  parseDockerConfigJson,
  type Pulling,
} from "../../trust/index.ts";
import { type Answer, ask } from "../ask.ts";

const Secret = z.looseObject({ data: z.record(z.string(), z.string()).nullish() });
const ServiceAccount = z.looseObject({ imagePullSecrets: z.array(z.looseObject({ name: z.string() })).nullish() });

export interface TenantLogins {
  /** The caller's own, which come first. */
  readonly own: Credentials | undefined;
  /** For each place once. */
  readonly of: (namespace: string, pulling: Pulling) => Promise<Credentials | undefined>;
  /** Of an allowed image: without a login of its own it is looked at as anybody, as the operator does. */
  readonly ofImage: (namespace: string, pulling: Pulling) => Promise<Credentials | undefined>;
}

/**
 * What an object's pull secrets hold, read with the caller's own rights. What the caller may not read, and the cloud
 * identity of a ServiceAccount, is kept as missing: where a registry then refuses, nobody takes that for an answer.
 */
export function tenantLogins(own: Credentials | undefined): TenantLogins {
  const secrets = new Map<string, Promise<Credentials>>();
  const accounts = new Map<string, Promise<Answer<readonly string[]>>>();
  const of: TenantLogins["of"] = async (namespace, { pullSecrets = [], serviceAccountName }) => {
    const name = serviceAccountName ?? "default";
    const key = `${namespace}/${name}`;
    const account = accounts.get(key) ?? ask(() => readPullSecrets(namespace, name));
    accounts.set(key, account);
    const found = await account;
    const inherited = found.state === "known" ? found.value : [];
    const names = new Set([...pullSecrets.map((secret) => secret.name), ...inherited]);
    const read = await Promise.all(
      [...names].map((secret) => {
        const at = `${namespace}/${secret}`;
        const known = secrets.get(at) ?? readLogins(namespace, secret);
        secrets.set(at, known);
        return known;
      }),
    );
    const identity: readonly Credential[] =
      serviceAccountName === undefined
        ? []
        : [missingCredential(`the cloud identity of ServiceAccount ${key} is not used here: give --docker-config`)];
    const all = [...(own ?? []), ...read.flat(), ...identity];
    return all.length === 0 ? undefined : all;
  };
  return {
    own,
    of,
    ofImage: async (namespace, pulling) => {
      const isOpen = (pulling.pullSecrets ?? []).length === 0 && pulling.serviceAccountName === undefined;
      return isOpen ? own : of(namespace, pulling);
    },
  };
}

async function readPullSecrets(namespace: string, name: string): Promise<readonly string[]> {
  const account = await K8s(kind.ServiceAccount).InNamespace(namespace).Get(name);
  return (ServiceAccount.parse(account).imagePullSecrets ?? []).map((secret) => secret.name);
}

async function readLogins(namespace: string, name: string): Promise<Credentials> {
  const secret = await ask(async () => Secret.parse(await K8s(kind.Secret).InNamespace(namespace).Get(name)));
  const what = `Secret ${namespace}/${name}`;
  if (secret.state === "absent") return [missingCredential(`${what} is missing: create it, or give --docker-config`)];
  if (secret.state === "unknown")
    return [missingCredential(`${what} cannot be read (${secret.reason}): give --docker-config`)];
  const text = Buffer.from(secret.value.data?.[".dockerconfigjson"] ?? "", "base64").toString("utf8");
  const parsed = parseDockerConfigJson(text);
  return parsed.ok ? parsed.credentials : [missingCredential(`${what} cannot be used: ${parsed.message}`)];
}
