import type { Fence } from "./fence.ts";
import { parseJson } from "./json.ts";
import { isKubeError, KubeError } from "./kube-error.ts";
import { listPages } from "./list-pages.ts";
import { apiPath, type PathTarget, type Query } from "./paths.ts";
import type {
  ApplyOptions,
  CreateOptions,
  ListOptions,
  LogOptions,
  PatchOptions,
  RemoveOptions,
  ReplaceOptions,
} from "./request-options.ts";
import { traced } from "./tracing.ts";
import type { HttpMethod, Transport } from "./transport-types.ts";
import {
  apiVersionOf,
  groupResourceOf,
  type JsonPatchOperation,
  type KubeObject,
  type ObjectKey,
  type ResourceType,
} from "./types.ts";

export interface ObjectClientOptions {
  readonly transport: Transport;
  /** When given, every write is refused unless the fence is held, and aborted when it is lost. Dry runs are free. */
  readonly fence?: Fence;
  /** Ends every request of this client. */
  readonly signal?: AbortSignal;
}

const podType: ResourceType = { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true };

interface Call {
  readonly verb: string;
  readonly method: HttpMethod;
  readonly type: ResourceType;
  readonly target: PathTarget;
  readonly query?: Query;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly idempotent: boolean;
  /** Changes something, so the fence applies. */
  readonly writes: boolean;
}

/** Objects of any kind as raw JSON. Every method rejects with a {@link KubeError} only. */
export class ObjectClient {
  readonly transport: Transport;
  readonly #fence: Fence | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor(options: ObjectClientOptions) {
    this.transport = options.transport;
    this.#fence = options.fence;
    this.#signal = options.signal;
  }

  /** The same client, whose writes need this fence. */
  withFence(fence: Fence): ObjectClient {
    const signal = this.#signal === undefined ? {} : { signal: this.#signal };
    return new ObjectClient({ transport: this.transport, fence, ...signal });
  }

  /** The same client, whose requests end with this signal; it replaces an earlier one. */
  withSignal(signal: AbortSignal): ObjectClient {
    const fence = this.#fence === undefined ? {} : { fence: this.#fence };
    return new ObjectClient({ transport: this.transport, signal, ...fence });
  }

  /** Undefined when there is no such object. */
  async get<T extends KubeObject>(type: ResourceType, key: ObjectKey): Promise<T | undefined> {
    try {
      return await this.#json<T>({
        verb: "get",
        method: "GET",
        type,
        target: keyTarget(key),
        idempotent: true,
        writes: false,
      });
    } catch (error) {
      if (isKubeError(error, "NotFound")) return undefined;
      throw error;
    }
  }

  /** All objects that match, in one consistent snapshot. Without a namespace, those of all namespaces. */
  async list<T extends KubeObject>(type: ResourceType, options: ListOptions = {}): Promise<T[]> {
    const { namespace, labelSelector, fieldSelector, limit } = options;
    const request = { type, namespace, labelSelector, fieldSelector, pageSize: limit, signals: [this.#signal] };
    const { items } = await listPages(this.transport, request, (object) => object as T);
    return items;
  }

  /** @throws KubeError `AlreadyExists`. Not sent again when the answer was lost: the caller sees on its next pass. */
  async create<T extends KubeObject>(type: ResourceType, object: T, options: CreateOptions = {}): Promise<T> {
    return this.#json<T>({
      verb: "create",
      method: "POST",
      type,
      target: { namespace: namespaceFor(type, object) },
      query: writeQuery(options),
      body: withType(type, object),
      idempotent: false,
      writes: options.dryRun !== true,
    });
  }

  /** Server-side apply: creates the object or changes the fields that it mentions, and drops those it no longer does. */
  apply<T extends KubeObject>(type: ResourceType, object: T, options: ApplyOptions): Promise<T> {
    return this.#json<T>({
      verb: "apply",
      method: "PATCH",
      type,
      target: { ...keyTarget(object.metadata), subresource: options.subresource },
      query: { ...writeQuery(options), force: options.force ?? true },
      body: withoutManagedFields(withType(type, object)),
      contentType: "application/apply-patch+yaml",
      idempotent: true,
      writes: options.dryRun !== true,
    });
  }

  /** @throws KubeError `Conflict` when the object is no longer at its `resourceVersion`, `NotFound` when it is gone. */
  replace<T extends KubeObject>(type: ResourceType, object: T, options: ReplaceOptions = {}): Promise<T> {
    return this.#json<T>({
      verb: "update",
      method: "PUT",
      type,
      target: { ...keyTarget(object.metadata), subresource: options.subresource },
      query: writeQuery(options),
      body: withType(type, object),
      // Without a version a second PUT would overwrite what somebody else wrote in between.
      idempotent: object.metadata.resourceVersion !== undefined,
      writes: options.dryRun !== true,
    });
  }

  /** RFC 6902. @throws KubeError `Invalid` when a `test` operation fails, `NotFound` when the object is gone. */
  patchJson<T extends KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    ops: readonly JsonPatchOperation[],
    options: PatchOptions = {},
  ): Promise<T> {
    return this.#json<T>({
      verb: "patch",
      method: "PATCH",
      type,
      target: { ...keyTarget(key), subresource: options.subresource },
      query: writeQuery(options),
      body: ops,
      contentType: "application/json-patch+json",
      idempotent: false,
      writes: options.dryRun !== true,
    });
  }

  /** Asks for the deletion; finalizers may delay it. An object that is gone already is fine. */
  async remove(type: ResourceType, key: ObjectKey, options: RemoveOptions = {}): Promise<void> {
    const { uid, resourceVersion, propagationPolicy, gracePeriodSeconds, dryRun } = options;
    await ignoreNotFound(
      this.#text({
        verb: "delete",
        method: "DELETE",
        type,
        target: keyTarget(key),
        body: {
          apiVersion: "v1",
          kind: "DeleteOptions",
          // JSON leaves out what is undefined.
          preconditions: { uid, resourceVersion },
          propagationPolicy,
          gracePeriodSeconds,
          // Where there is a body, the API server does not look into the query.
          dryRun: dryRun === true ? ["All"] : undefined,
        },
        // Without a precondition a second DELETE could hit an object that took the name in between.
        idempotent: uid !== undefined || resourceVersion !== undefined,
        writes: dryRun !== true,
      }),
    );
  }

  /** Log of a container as text, from its beginning or its last `tailLines`. @throws KubeError `NotFound`, `BadRequest`. */
  logs(key: ObjectKey, options: LogOptions = {}): Promise<string> {
    return this.#text({
      verb: "get",
      method: "GET",
      type: podType,
      target: { ...keyTarget(key), subresource: "log" },
      query: { ...options },
      idempotent: true,
      writes: false,
    });
  }

  /**
   * Evicts a pod through policy/v1, which respects disruption budgets. A pod that is gone is fine.
   * @throws KubeError `TooManyRequests` when a budget does not allow it now.
   */
  async evict(key: ObjectKey): Promise<void> {
    const { namespace, name } = key;
    await ignoreNotFound(
      this.#text({
        verb: "evict",
        method: "POST",
        type: podType,
        target: { namespace, name, subresource: "eviction" },
        body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } },
        // 429 is the answer of a disruption budget here, to be given to the caller.
        idempotent: false,
        writes: true,
      }),
    );
  }

  async #json<T>(call: Call): Promise<T> {
    return parseJson(await this.#text(call)) as T;
  }

  /** What changes something is a span of its own. */
  #text(call: Call): Promise<string> {
    if (!call.writes) return this.#send(call);
    const { namespace = "", name = "", subresource = "" } = call.target;
    const what = { "k8s.resource": groupResourceOf(call.type), "k8s.namespace": namespace, "k8s.name": name };
    return traced(call.verb, { ...what, "k8s.subresource": subresource }, () => this.#send(call));
  }

  async #send(call: Call): Promise<string> {
    const fence = call.writes ? this.#fence : undefined;
    fence?.assertHeld();
    const response = await this.transport.request({
      method: call.method,
      path: apiPath(call.type, call.target, call.query),
      headers: call.body === undefined ? {} : { "content-type": call.contentType ?? "application/json" },
      body: call.body === undefined ? undefined : JSON.stringify(call.body),
      verb: call.verb,
      resource: groupResourceOf(call.type),
      idempotent: call.idempotent,
      signals: [this.#signal, fence?.signal],
      // Once more when the connection is up: between the check above and this moment the process may have been paused.
      beforeSend: () => fence?.assertHeld(),
    });
    return response.body;
  }
}

function keyTarget(key: ObjectKey): PathTarget & { name: string } {
  return { namespace: key.namespace, name: key.name };
}

function namespaceFor(type: ResourceType, object: KubeObject): string | undefined {
  const { namespace } = object.metadata;
  if (type.namespaced && (namespace === undefined || namespace === "")) {
    throw new KubeError("BadRequest", `a ${type.kind} needs a namespace`, { reason: "NamespaceMissing" });
  }
  return namespace;
}

function writeQuery(options: CreateOptions): Query {
  return { fieldManager: options.fieldManager, dryRun: options.dryRun === true ? "All" : undefined };
}

function withType<T extends KubeObject>(type: ResourceType, object: T): T {
  return { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
}

/** The API server refuses them in an apply. */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  const metadata = { ...object.metadata, managedFields: undefined };
  return { ...object, metadata };
}

async function ignoreNotFound(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isKubeError(error, "NotFound")) throw error;
  }
}
