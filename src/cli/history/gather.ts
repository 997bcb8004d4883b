import { K8s, kind } from "kubernetes-fluent-client";
import { z } from "zod";
import type { ModelAction, ModelRevision, SecureModel } from "../../api/index.ts";
import { type KeptRecord, keptIn, recordName } from "../../health/index.ts";
import { type Answer, ask, known } from "../ask.ts";
import { type Listed, readActions, readModel, readRevisions } from "../cluster.ts";

const Time = z.string().nullish();

/** What counts of an Event, whichever of its two APIs it was written by. */
export const SeenEvent = z.looseObject({
  metadata: z.looseObject({ creationTimestamp: Time }),
  involvedObject: z.looseObject({ uid: z.string().nullish() }),
  type: z.string().nullish(),
  reason: z.string().nullish(),
  message: z.string().nullish(),
  count: z.number().nullish(),
  firstTimestamp: Time,
  lastTimestamp: Time,
  eventTime: Time,
  series: z.looseObject({ count: z.number().nullish(), lastObservedTime: Time }).nullish(),
});
export type SeenEvent = z.output<typeof SeenEvent>;

export interface Facts {
  readonly model: SecureModel;
  readonly revisions: Answer<Listed<ModelRevision>>;
  readonly actions: Answer<Listed<ModelAction>>;
  readonly events: Answer<readonly SeenEvent[]>;
  /** What was seen of the model's health. */
  readonly record: Answer<KeptRecord>;
}

export async function gather(namespace: string, name: string): Promise<Answer<Facts>> {
  const model = await readModel(namespace, name);
  if (model.state !== "known") return model;
  const [revisions, actions, events, record] = await Promise.all([
    readRevisions(namespace),
    readActions(namespace),
    readEvents(namespace, name),
    readRecord(namespace, model.value),
  ]);
  return known({ model: model.value, revisions, actions, events, record });
}

function readEvents(namespace: string, name: string): Promise<Answer<readonly SeenEvent[]>> {
  return ask(async () => {
    const { items } = await K8s(kind.CoreEvent)
      .InNamespace(namespace)
      .WithField("involvedObject.kind", "SecureModel")
      .WithField("involvedObject.name", name)
      .Get();
    return items.map((item) => SeenEvent.parse(item));
  });
}

const ConfigMap = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    ownerReferences: z.array(z.object({ apiVersion: z.string(), kind: z.string(), name: z.string(), uid: z.string() })),
  }),
  data: z.record(z.string(), z.string()).optional(),
});

function readRecord(namespace: string, model: SecureModel): Promise<Answer<KeptRecord>> {
  return ask(async () => {
    const found = ConfigMap.safeParse(await K8s(kind.ConfigMap).InNamespace(namespace).Get(recordName(model)));
    return found.success ? keptIn(found.data, model) : keptIn({ metadata: { name: recordName(model) } }, model);
  });
}
