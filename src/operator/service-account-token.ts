import { z } from "zod";
import { type KubeError, type Transport, isKubeError } from "../kube/index.ts";
import { RegistryError } from "../trust/index.ts";

/** The shortest that the API server gives; it is used at once. */
const lastsSeconds = 600;

const Answer = z.object({ status: z.object({ token: z.string().regex(/^[\w.-]{16,32768}$/) }) });

/**
 * Asks the API server for a token of a tenant's ServiceAccount (TokenRequest), for one audience outside of the cluster.
 * The admission policy mlsecops-operator-limits holds the operator to such audiences.
 */
export function serviceAccountToken(
  transport: Pick<Transport, "request">,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): (audience: string, signal?: AbortSignal) => Promise<string> {
  return async (audience, signal) => {
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { audiences: [audience], expirationSeconds: lastsSeconds },
    };
    try {
      const response = await transport.request({
        method: "POST",
        path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/serviceaccounts/${encodeURIComponent(name)}/token`,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        verb: "create",
        resource: "serviceaccounts/token",
        // A token that nobody received does no harm.
        idempotent: true,
        signals: [signal],
      });
      const answer = Answer.safeParse(parseJson(response.body));
      if (answer.success) return answer.data.status.token;
    } catch (error) {
      if (!isKubeError(error)) throw error;
      throw asRegistryError(error, `ServiceAccount ${namespace}/${name}`, namespace);
    }
    throw new RegistryError("Unavailable", `the API server gave no token of ServiceAccount ${namespace}/${name}`);
  };
}

function asRegistryError(error: KubeError, account: string, namespace: string): RegistryError {
  const as = (code: "Unauthorized" | "Unavailable" | "Aborted", message: string) =>
    new RegistryError(code, message, { cause: error, retryAfterMs: error.retryAfterMs });
  if (isKubeError(error, "Aborted")) return as("Aborted", `the request for a token of ${account} was given up`);
  if (isKubeError(error, "NotFound"))
    return as("Unauthorized", `${account} is missing: create it, or name another one`);
  if (isKubeError(error, "Forbidden", "Invalid")) {
    return as(
      "Unauthorized",
      `the operator may not ask for a token of ${account}: it may as soon as SecureNamespace ${namespace} is Ready; if it is, upgrade the operator's chart`,
    );
  }
  return as("Unavailable", `the API server gave no token of ${account} (${error.code})`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
