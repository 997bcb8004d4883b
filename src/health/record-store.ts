import { type SecureModel, ownerReference, secureModel } from "../api/index.ts";
import { MODEL_LABEL } from "../admission/index.ts";
import { type KubeObject, type ObjectClient, configMapType } from "../kube/index.ts";
import { type HealthRecord, decodeRecord, emptyRecord, encodeRecord } from "./record.ts";

const key = "record.json";

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>> | undefined;
}

/** The ConfigMap with what was seen of a model. It is only a memory: without it, what is needed is seen anew. */
export function recordName(model: SecureModel): string {
  return `${model.metadata.name}-health`;
}

export interface KeptRecord {
  readonly record: HealthRecord;
  /** Somebody else has a ConfigMap of that name: it is left alone. */
  readonly isTaken: boolean;
}

/** @throws KubeError when the API server does not answer. */
export async function readRecord(client: ObjectClient, model: SecureModel): Promise<KeptRecord> {
  const { namespace = "" } = model.metadata;
  const found = await client.get<ConfigMap>(configMapType, { namespace, name: recordName(model) });
  return found === undefined ? { record: emptyRecord, isTaken: false } : keptIn(found, model);
}

/** What a ConfigMap of that name holds of a model. Pure. */
export function keptIn({ metadata, data }: ConfigMap, model: SecureModel): KeptRecord {
  // Of a model of the same name that was there before, nothing counts; the garbage collector takes it.
  if (metadata.ownerReferences?.[0]?.uid !== model.metadata.uid) return { record: emptyRecord, isTaken: true };
  return { record: decodeRecord(data?.[key] ?? ""), isTaken: false };
}

/** @throws KubeError when it cannot be written. */
export async function writeRecord(client: ObjectClient, model: SecureModel, record: HealthRecord): Promise<void> {
  const { namespace = "", name } = model.metadata;
  const object = {
    metadata: {
      name: recordName(model),
      namespace,
      labels: { "app.kubernetes.io/managed-by": "mlsecops-operator", [MODEL_LABEL]: name },
      ownerReferences: [ownerReference(secureModel, model)],
    },
    data: { [key]: encodeRecord(record) },
  };
  await client.apply(configMapType, object, { fieldManager: "mlsecops-health" });
}
