import { createHash } from "node:crypto";
import { API_VERSION, MODEL_EVENT_SCHEMA, type ModelEvent, type SecureModel, secureModel } from "../api/index.ts";
import { truncateUtf8 } from "../kube/index.ts";
import type { Change } from "./changes.ts";

/** Of a request whose body is one event in the JSON format. Without a charset: some receivers know only their own spelling of it. */
export const CLOUD_EVENT_CONTENT_TYPE = "application/cloudevents+json";

/**
 * The CloudEvent 1.0 of a change. In the structured mode, as one JSON document: in the binary one most of it would stand in
 * headers, which no signature covers. Written by hand, since the SDK for JavaScript brings a JSON Schema validator along. Pure.
 */
export function cloudEventOf({ metadata }: Pick<SecureModel, "metadata">, change: Change): ModelEvent {
  const { name, namespace = "", uid = "", generation = 0 } = metadata;
  const { type, at, revision, from, to, digest, reason, message } = change;
  const time = at.toISOString();
  // The same wherever and whenever it is told: a receiver knows a repeat by it.
  const identity = JSON.stringify([uid, type, revision, from, to, digest, reason, time]);
  return {
    specversion: "1.0",
    id: `evt_${createHash("sha256").update(identity).digest("hex").slice(0, 32)}`,
    source: `/apis/${API_VERSION}/namespaces/${namespace}/${secureModel.resource.plural}/${name}`,
    type,
    ...(revision === undefined ? {} : { subject: revision }),
    time,
    datacontenttype: "application/json",
    dataschema: MODEL_EVENT_SCHEMA,
    data: {
      namespace,
      model: name,
      uid,
      generation,
      ...(revision === undefined ? {} : { revision }),
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      ...(digest === undefined ? {} : { digest }),
      reason,
      message: truncateUtf8(message, 2048),
    },
  };
}
