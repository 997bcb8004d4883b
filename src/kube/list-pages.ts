import { parseJson } from "./json.ts";
import { isKubeError } from "./kube-error.ts";
import { apiPath } from "./paths.ts";
import type { Transport } from "./transport-types.ts";
import { apiVersionOf, groupResourceOf, type KubeObject, type ResourceType } from "./types.ts";

export interface ListRequest {
  readonly type: ResourceType;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly pageSize?: number | undefined;
  /** Ask for metadata only. */
  readonly metadataOnly?: boolean | undefined;
  readonly signals?: readonly (AbortSignal | undefined)[];
}

export interface ListResult<T> {
  readonly items: T[];
  /** From which a watch continues without a gap. */
  readonly resourceVersion: string;
}

interface ListBody {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubeObject[] | null;
}

const defaultPageSize = 500;
/** After that many lists whose continue token expired on the way, the whole list is taken in one piece. */
const maxPagedAttempts = 2;

/**
 * A consistent list, page by page. `keep` is applied to each object as its page arrives, so that what is not kept never
 * adds up. A token that expires in the middle (410) starts the list again: the pages so far are of another snapshot.
 * @throws KubeError
 */
export async function listPages<T>(
  transport: Transport,
  request: ListRequest,
  keep: (object: KubeObject) => T,
): Promise<ListResult<T>> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const pageSize = attempt > maxPagedAttempts ? undefined : (request.pageSize ?? defaultPageSize);
      return await listOnce(transport, { ...request, pageSize }, keep);
    } catch (error) {
      if (!isKubeError(error, "Gone") || attempt > maxPagedAttempts) throw error;
    }
  }
}

async function listOnce<T>(
  transport: Transport,
  request: ListRequest,
  keep: (object: KubeObject) => T,
): Promise<ListResult<T>> {
  const items: T[] = [];
  let token: string | undefined;
  for (;;) {
    const page = await fetchPage(transport, request, token);
    for (const item of page.items ?? []) items.push(keep(withTypeMeta(request.type, item)));
    token = page.metadata?.continue;
    if (token === undefined || token === "") {
      return { items, resourceVersion: page.metadata?.resourceVersion ?? "" };
    }
  }
}

async function fetchPage(transport: Transport, request: ListRequest, token: string | undefined): Promise<ListBody> {
  const { type, namespace, labelSelector, fieldSelector, pageSize } = request;
  const query = { labelSelector, fieldSelector, limit: pageSize, continue: token };
  const response = await transport.request({
    method: "GET",
    path: apiPath(type, { namespace }, query),
    headers: request.metadataOnly === true ? { accept: metadataListMediaType } : {},
    verb: "list",
    resource: groupResourceOf(type),
    idempotent: true,
    ...(request.signals === undefined ? {} : { signals: request.signals }),
  });
  return parseJson(response.body) as ListBody;
}

/** With plain JSON as the fallback for an aggregated API that knows no metadata-only form. */
const metadataListMediaType = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/** Items of a list come without apiVersion and kind, and metadata-only objects with those of PartialObjectMetadata. */
export function withTypeMeta(type: ResourceType, object: KubeObject): KubeObject {
  return { ...object, apiVersion: apiVersionOf(type), kind: type.kind };
}
