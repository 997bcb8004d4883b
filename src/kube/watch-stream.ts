import type { Clock } from "./clock.ts";
import { InactivityLimit } from "./inactivity-limit.ts";
import { parseJson } from "./json.ts";
import { errorFromStatus, KubeError } from "./kube-error.ts";
import { splitLines } from "./lines.ts";
import { withTypeMeta } from "./list-pages.ts";
import { apiPath } from "./paths.ts";
import type { Transport } from "./transport-types.ts";
import { groupResourceOf, type KubeObject, type ResourceType } from "./types.ts";

export type WatchEventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";

export interface WatchEvent {
  readonly type: WatchEventType;
  /** Of a bookmark only `metadata.resourceVersion` means anything. */
  readonly object: KubeObject;
}

export interface WatchRequest {
  readonly type: ResourceType;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly metadataOnly?: boolean | undefined;
  readonly resourceVersion: string;
  /** After which the server ends the watch in good order. */
  readonly timeoutSeconds: number;
  /** Without a byte for so long the connection counts as dead. Longer than the server's timeout. */
  readonly inactivityMs: number;
  readonly maxLineBytes: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Called when the server has accepted the watch. */
  readonly onOpen: () => void;
}

/**
 * One watch from `resourceVersion` until the server ends it, which is when the iteration ends.
 * @throws KubeError what the server answered or sent in an ERROR event (`Gone`, `TooManyRequests`, …), `Timeout` with reason
 * `Inactive`, `Unavailable` for a lost connection, `MalformedJson` or `LineTooLong`, `Aborted` by the signal.
 */
export async function* watchEvents(transport: Transport, request: WatchRequest): AsyncGenerator<WatchEvent> {
  const { type, namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds } = request;
  const query = {
    labelSelector,
    fieldSelector,
    resourceVersion,
    timeoutSeconds,
    watch: true,
    allowWatchBookmarks: true,
  };
  const inactivity = new InactivityLimit(request.clock, request.inactivityMs);
  try {
    const { body } = await transport.stream({
      method: "GET",
      path: apiPath(type, { namespace }, query),
      headers: request.metadataOnly === true ? { accept: metadataMediaType } : {},
      verb: "watch",
      resource: groupResourceOf(type),
      idempotent: true,
      signals: [request.signal, inactivity.signal],
    });
    request.onOpen();
    inactivity.touch();
    body.on("data", () => inactivity.touch());
    for await (const line of splitLines(body, request.maxLineBytes)) yield parseEvent(type, line);
  } catch (error) {
    throw causeOf(error, [request.signal, inactivity.signal]);
  } finally {
    inactivity.dispose();
  }
}

const metadataMediaType = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json";

function parseEvent(type: ResourceType, line: string): WatchEvent {
  // Any JSON value has properties to ask for, but null.
  const event = (parseJson(line) ?? {}) as { readonly type?: unknown; readonly object?: unknown };
  if (event.type === "ERROR") throw errorFromStatus(event.object);
  if (!isEventType(event.type) || !isObject(event.object)) {
    throw new KubeError("Unavailable", "a line of the watch is not an event", { reason: "MalformedEvent" });
  }
  return { type: event.type, object: withTypeMeta(type, event.object) };
}

function isEventType(value: unknown): value is WatchEventType {
  return value === "ADDED" || value === "MODIFIED" || value === "DELETED" || value === "BOOKMARK";
}

function isObject(value: unknown): value is KubeObject {
  const metadata = (value as { metadata?: unknown } | null | undefined)?.metadata;
  return typeof metadata === "object" && metadata !== null;
}

/** A destroyed stream fails with an error of Node; why it was destroyed is in the signal. */
function causeOf(error: unknown, signals: readonly AbortSignal[]): unknown {
  if (error instanceof KubeError) return error;
  const aborted = signals.find((signal) => signal.aborted);
  if (aborted?.reason instanceof KubeError) return aborted.reason;
  if (aborted !== undefined) return new KubeError("Aborted", "the watch was aborted", { cause: aborted.reason });
  return new KubeError("Unavailable", `the watch broke off: ${String(error)}`, {
    reason: "ConnectionFailed",
    cause: error,
  });
}
