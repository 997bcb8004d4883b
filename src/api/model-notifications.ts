import { z } from "zod";
import { ObjectName, ShortName, Timestamp, mapList, matching, shown } from "./schema.ts";

/** What is told of a model. The names are API. */
export const MODEL_EVENT_TYPES = [
  "io.mlsecops.model.promoted",
  "io.mlsecops.model.rolledback",
  "io.mlsecops.model.nosaferevision",
  "io.mlsecops.model.unhealthy",
  "io.mlsecops.model.recovered",
  "io.mlsecops.model.latched",
  "io.mlsecops.model.approval.required",
  "io.mlsecops.model.verdict.rejected",
  "io.mlsecops.model.quarantined",
  "io.mlsecops.model.restored",
] as const;
export type ModelEventType = (typeof MODEL_EVENT_TYPES)[number];

/** The `dataschema` of every event: a name; the schema itself is docs/reference/model-event.schema.json. */
export const MODEL_EVENT_SCHEMA = "https://mlsecops.io/events/model/v1alpha1";

/** The `data` of an event. What else a status says is left out: there is no place for it. */
export const ModelEventData = z
  .strictObject({
    namespace: z.string().max(63),
    model: z.string().max(253).describe("The name of the SecureModel."),
    uid: z.string().max(64).describe("Of the SecureModel: another one of the same name has another."),
    generation: z.int().min(0).describe("Of the spec that it is about."),
    revision: z.string().max(253).describe("The ModelRevision that it is about.").optional(),
    from: z.string().max(253).describe("The ModelRevision that served, or was to, before.").optional(),
    to: z.string().max(253).describe("The ModelRevision that serves, or is to, from here on.").optional(),
    digest: z
      .string()
      .max(71)
      .describe("Of the artifact that it is about: that of `revision`, where there is one.")
      .optional(),
    reason: z.string().max(1024).describe("CamelCase and stable: one of those of conditions and verdicts."),
    message: z.string().max(2048).describe("For people: one sentence, with the numbers."),
  })
  .meta({ title: "ModelEventData", id: "model-event-data" });
export type ModelEventData = z.output<typeof ModelEventData>;

/** A CloudEvent 1.0 in the JSON format, as it is sent. */
export const ModelEvent = z
  .strictObject({
    specversion: z.literal("1.0"),
    id: z
      .string()
      .regex(/^evt_[a-f0-9]{32}$/)
      .describe("The same for every attempt to deliver it, and at every sink."),
    source: z.string().describe("/apis/mlsecops.io/v1alpha1/namespaces/NAMESPACE/securemodels/NAME"),
    type: z.enum(MODEL_EVENT_TYPES),
    subject: z.string().max(253).describe("The revision that it is about.").optional(),
    time: Timestamp.describe("When it happened, not when it was sent."),
    datacontenttype: z.literal("application/json"),
    dataschema: z.literal(MODEL_EVENT_SCHEMA),
    data: ModelEventData,
  })
  .meta({ title: "ModelEvent", id: "model-event" });
export type ModelEvent = z.output<typeof ModelEvent>;

export const SinkUrl = matching(
  z.string().max(1024),
  /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?(\?[^\s#]*)?$/,
  "write a URL without user and fragment, for example https://events.example.com/mlsecops; plain http needs the administrator's leave",
);

const NotificationSink = z.strictObject({
  name: shown(ShortName.describe("For people, in messages."), "name: on-call"),
  url: shown(
    SinkUrl.describe("Where events are posted to, each as one CloudEvent in JSON. Redirects are not followed."),
    "url: https://events.example.com/mlsecops",
  ),
  secretRef: z
    .strictObject({ name: shown(ObjectName, "name: event-signing-key") })
    .describe(
      "A Secret with signingKey, by which events are signed as Standard Webhooks asks. It must have the label mlsecops.io/use: cloudevents. Without one events are not signed.",
    )
    .optional(),
  caBundle: z
    .string()
    .max(65536)
    .describe("Certificates in PEM that are trusted there beside the public ones.")
    .optional(),
  events: z
    .array(z.enum(MODEL_EVENT_TYPES))
    .min(1)
    .max(32)
    .describe("The types that are sent there; all of them where it is absent.")
    .optional(),
});

export const NotificationSinks = mapList(z.array(NotificationSink).max(4), "name");
export type NotificationSinks = z.output<typeof NotificationSinks>;
