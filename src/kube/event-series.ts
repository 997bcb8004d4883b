import { truncateUtf8 } from "./text.ts";
import type { JsonPatchOperation, KubeObject, ObjectKey } from "./types.ts";

/** What an event is about; apiVersion and kind are needed to refer to it. */
export type EventRegarding = KubeObject & { apiVersion: string; kind: string };

export interface EventDetail {
  readonly type: "Normal" | "Warning";
  /** CamelCase and stable: it is API. */
  readonly reason: string;
  readonly note: string;
  /** What was done or refused, CamelCase. */
  readonly action: string;
}

export interface EventSeriesOptions {
  readonly name: string;
  readonly regarding: EventRegarding;
  readonly detail: EventDetail;
  readonly now: Date;
  readonly seenAt: number;
  readonly reportingController: string;
  readonly reportingInstance: string;
  /** Where the Event comes from, for those that look further. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** Limits of events.k8s.io/v1, in bytes. */
const maxNoteBytes = 1024;
const maxNameBytes = 128;

/** An Event and its repetitions. */
export class EventSeries {
  readonly #options: EventSeriesOptions;
  #count = 1;
  #sentCount = 0;
  #lastObserved: Date;
  /** Monotonic time of the last occurrence. */
  seenAt: number;

  constructor(options: EventSeriesOptions) {
    this.#options = options;
    this.#lastObserved = options.now;
    this.seenAt = options.seenAt;
  }

  get key(): ObjectKey {
    // Events about cluster-scoped objects live in "default".
    const { namespace } = this.#options.regarding.metadata;
    return { namespace: namespace === undefined || namespace === "" ? "default" : namespace, name: this.#options.name };
  }

  get count(): number {
    return this.#count;
  }

  get isNew(): boolean {
    return this.#sentCount === 0;
  }

  get hasNews(): boolean {
    return this.#sentCount < this.#count;
  }

  repeat(now: Date, seenAt: number): void {
    this.#count += 1;
    this.#lastObserved = now;
    this.seenAt = seenAt;
  }

  /** The Event exists with this count. */
  sent(count: number): void {
    this.#sentCount = count;
  }

  /** The Event could not be written: the next occurrence begins a new one. */
  forget(): void {
    this.seenAt = -Infinity;
    this.#sentCount = this.#count;
  }

  toEvent(): KubeObject {
    const { regarding, detail, now, reportingController, reportingInstance, annotations } = this.#options;
    const { name, namespace, uid } = regarding.metadata;
    const event = {
      metadata: { ...this.key, ...(annotations === undefined ? {} : { annotations }) },
      eventTime: microTime(now),
      ...(this.#count > 1 ? { series: this.#seriesField() } : {}),
      reportingController,
      reportingInstance: truncateUtf8(reportingInstance, maxNameBytes),
      action: truncateUtf8(detail.action, maxNameBytes),
      reason: truncateUtf8(detail.reason, maxNameBytes),
      regarding: { apiVersion: regarding.apiVersion, kind: regarding.kind, name, namespace, uid },
      note: truncateUtf8(detail.note, maxNoteBytes),
      type: detail.type,
    };
    return event;
  }

  toPatch(): JsonPatchOperation[] {
    return [{ op: "add", path: "/series", value: this.#seriesField() }];
  }

  #seriesField(): { count: number; lastObservedTime: string } {
    return { count: this.#count, lastObservedTime: microTime(this.#lastObserved) };
  }
}

/** meta/v1 MicroTime: exactly six digits. */
function microTime(time: Date): string {
  return time.toISOString().replace("Z", "000Z");
}
