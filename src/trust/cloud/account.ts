import type { Login } from "../credentials.ts";
import { RegistryError } from "../registry-error.ts";

/** A ServiceAccount of a tenant, as whom registries are asked. */
export interface CloudAccount {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly annotations: Readonly<Record<string, string>>;
  /** A token of the ServiceAccount for one audience, from the API server. @throws RegistryError */
  readonly token: (audience: string, signal?: AbortSignal) => Promise<string>;
}

/** A login and until when it counts. */
export interface CloudLogin {
  readonly login: Login;
  readonly expiresAt: Date;
}

export const ROLE_ARN = "eks.amazonaws.com/role-arn";
export const GOOGLE_ACCOUNT = "iam.gke.io/gcp-service-account";
export const GOOGLE_PROVIDER = "mlsecops.io/google-workload-identity-provider";
export const AZURE_CLIENT = "azure.workload.identity/client-id";
export const AZURE_TENANT = "azure.workload.identity/tenant-id";

const annotations = [ROLE_ARN, GOOGLE_ACCOUNT, GOOGLE_PROVIDER, AZURE_CLIENT, AZURE_TENANT];

/** What tells identities apart: another account, or another role of it, is somebody else. */
export function accountKey({ namespace, uid, annotations: all }: CloudAccount): string {
  return JSON.stringify([namespace, uid, ...annotations.map((name) => all[name] ?? "")]);
}

export function accountName({ namespace, name }: CloudAccount): string {
  return `ServiceAccount ${namespace}/${name}`;
}

/** An annotation that must be there and look right; what it says goes into addresses and forms. */
export function annotationOf(account: CloudAccount, name: string, pattern: RegExp, example: string): string {
  const value = account.annotations[name];
  if (value !== undefined && pattern.test(value)) return value;
  const how = value === undefined ? "has no annotation" : "has an annotation that cannot be read,";
  throw new RegistryError(
    "Unauthorized",
    `${accountName(account)} ${how} ${name}: set it, for example to ${example}, or name a Secret in pullSecrets`,
  );
}
