import type { Fence } from "./fence.ts";
import type { Transport } from "./transport.ts";
import type { JsonPatchOperation, KubeObject, ObjectKey, ResourceType } from "./types.ts";

export interface ObjectClientOptions {
  readonly transport: Transport;
  /** When given, every write is refused unless the fence is held, and aborted when it is lost. */
  readonly fence?: Fence;
  readonly signal?: AbortSignal;
}
export interface ListOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Page size, not a limit of the result. Default 500. */
  readonly limit?: number;
}
export interface CreateOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
}
export interface ApplyOptions {
  readonly fieldManager: string;
  /** Take over fields that another manager owns. Default true. */
  readonly force?: boolean;
  readonly subresource?: "status";
  readonly dryRun?: boolean;
}
export interface ReplaceOptions extends CreateOptions {
  readonly subresource?: string;
}
export interface PatchOptions extends CreateOptions {
  readonly subresource?: string;
}
export interface RemoveOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagationPolicy?: "Foreground" | "Background" | "Orphan";
  readonly gracePeriodSeconds?: number;
}
export interface LogOptions {
  readonly container?: string;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly previous?: boolean;
}

/* eslint-disable @typescript-eslint/no-unused-vars, @typescript-eslint/no-unnecessary-type-parameters */
export class ObjectClient {
  readonly transport: Transport;
  constructor(options: ObjectClientOptions) {
    this.transport = options.transport;
  }
  withFence(_fence: Fence): ObjectClient {
    return this;
  }
  withSignal(_signal: AbortSignal): ObjectClient {
    return this;
  }
  get<T extends KubeObject>(_type: ResourceType, _key: ObjectKey): Promise<T | undefined> {
    return pending();
  }
  list<T extends KubeObject>(_type: ResourceType, _options: ListOptions = {}): Promise<T[]> {
    return pending();
  }
  create<T extends KubeObject>(_type: ResourceType, _object: T, _options: CreateOptions = {}): Promise<T> {
    return pending();
  }
  apply<T extends KubeObject>(_type: ResourceType, _object: T, _options: ApplyOptions): Promise<T> {
    return pending();
  }
  replace<T extends KubeObject>(_type: ResourceType, _object: T, _options: ReplaceOptions = {}): Promise<T> {
    return pending();
  }
  patchJson<T extends KubeObject>(
    _type: ResourceType,
    _key: ObjectKey,
    _ops: readonly JsonPatchOperation[],
    _options: PatchOptions = {},
  ): Promise<T> {
    return pending();
  }
  remove(_type: ResourceType, _key: ObjectKey, _options: RemoveOptions = {}): Promise<void> {
    return pending();
  }
  logs(_key: ObjectKey, _options: LogOptions): Promise<string> {
    return pending();
  }
  evict(_key: ObjectKey): Promise<void> {
    return pending();
  }
}
function pending<T>(): Promise<T> {
  return Promise.reject(new Error("not yet"));
}
