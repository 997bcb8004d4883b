import {
  createConfiguration,
  ResponseContext,
  ServerConfiguration,
  wrapHttpLibrary,
  type ApiConstructor,
  type ApiType,
  type RequestContext,
} from "@kubernetes/client-node";
import { KubeError } from "./kube-error.ts";
import type { HttpMethod, Transport } from "./transport-types.ts";

export interface TypedApiOptions {
  readonly transport: Transport;
  /** Group resource, for metrics. */
  readonly resource: string;
  /** Limit for one call, in milliseconds. */
  readonly deadlineMs?: number;
  /** Do not wait for a token of the rate limit. */
  readonly urgent?: boolean;
}

/** Never resolved: client-node wants absolute URLs, the transport knows where the server is. */
const placeholder = "https://kubernetes.invalid";

/**
 * A typed API of client-node over our transport, so that its calls share the connections, the deadlines and the error type
 * of everything else (by itself it opens a connection for each call and has no deadline).
 * Its deserialisers drop fields they do not know: fit for kinds that are never written back by anybody else.
 */
export function createTypedApi<T extends ApiType>(api: ApiConstructor<T>, options: TypedApiOptions): T {
  const { transport, resource, deadlineMs, urgent } = options;
  const send = async (context: RequestContext): Promise<ResponseContext> => {
    const method = context.getHttpMethod().toString() as HttpMethod;
    const body = context.getBody();
    if (body !== undefined && typeof body !== "string") throw new KubeError("BadRequest", "only text can be sent");
    const response = await transport.request({
      method,
      path: context.getUrl().slice(placeholder.length),
      headers: context.getHeaders(),
      body,
      verb: method.toLowerCase(),
      resource,
      // A PUT carries a resourceVersion: sent twice, the second is refused.
      idempotent: method === "GET" || method === "PUT" || method === "DELETE",
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
      ...(urgent === undefined ? {} : { urgent }),
    });
    const bytes = Buffer.from(response.body);
    const headers = { "content-type": String(response.headers["content-type"] ?? "application/json") };
    return new ResponseContext(response.status, headers, {
      text: () => Promise.resolve(response.body),
      binary: () => Promise.resolve(bytes),
    });
  };
  return new api(
    createConfiguration({ baseServer: new ServerConfiguration(placeholder, {}), httpApi: wrapHttpLibrary({ send }) }),
  );
}
