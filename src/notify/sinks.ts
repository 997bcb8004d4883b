import { type ModelEventType, NotificationSinks, type SecureModel } from "../api/index.ts";

/** Who is told. */
export interface Sink {
  /** Those of one key share a connection, a queue and their failures. */
  readonly key: string;
  /** Where its Secret is, and whose share of all queues it takes. */
  readonly namespace: string;
  /** For people. */
  readonly name: string;
  readonly url: string;
  /** The Secret that holds the keys. */
  readonly secret?: string | undefined;
  readonly caBundle?: string | undefined;
  /** Absent: all types. */
  readonly events?: readonly ModelEventType[] | undefined;
}

/** The sinks of a model. Of a spec that cannot be read, what can be. Pure. */
export function sinksOf({ metadata: { namespace = "" }, spec }: SecureModel): readonly Sink[] {
  const { notifications } = spec as Partial<SecureModel["spec"]>;
  const parsed = NotificationSinks.safeParse(notifications ?? []);
  if (!parsed.success) return [];
  return parsed.data.map(({ name, url, secretRef, caBundle, events }) =>
    sinkOf({ namespace, name, url, secret: secretRef?.name, caBundle, events }),
  );
}

export function sinkOf(sink: Omit<Sink, "key">): Sink {
  const { namespace, url, secret = "", caBundle = "" } = sink;
  return { ...sink, key: JSON.stringify([namespace, url, secret, caBundle]) };
}

export function wants({ events }: Sink, type: ModelEventType): boolean {
  return events?.includes(type) !== false;
}
