import type { Clock } from "./clock.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import type { ObjectClient } from "./object-client.ts";
import { Store, type Indexers } from "./store.ts";
import type { KubeObject, ResourceType } from "./types.ts";

export interface Change<T extends KubeObject> {
  readonly type: "added" | "updated" | "deleted";
  /** For a deletion, the last state known. */
  readonly object: T;
  readonly previous?: T;
}
export interface InformerOptions<T extends KubeObject> {
  readonly client: ObjectClient;
  readonly type: ResourceType;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Metrics;
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly indexers?: Indexers<T>;
  /** Applied to each object before it is stored, to keep less of it. May change its argument. */
  readonly transform?: (object: T) => T;
  /** Ask the API server for metadata only: objects have no spec and no status. */
  readonly metadataOnly?: boolean;
}

/* eslint-disable @typescript-eslint/no-unused-vars */
export class Informer<T extends KubeObject> {
  readonly store: Store<T>;
  readonly type: ResourceType;
  constructor(options: InformerOptions<T>) {
    this.store = new Store(options.indexers);
    this.type = options.type;
  }
  start(_signal: AbortSignal): void {
    throw new Error("not yet");
  }
  synced(): boolean {
    return false;
  }
  waitForSync(_limit: AbortSignal | number): Promise<void> {
    return Promise.reject(new Error("not yet"));
  }
  onChange(_handler: (change: Change<T>) => void): void {
    throw new Error("not yet");
  }
  ageMs(): number {
    return 0;
  }
}
