import type { Egress } from "../egress/index.ts";
import {
  DirectoryStore,
  EvidenceKeys,
  EvidenceMetrics,
  type EvidenceStore,
  Recorder,
  RepositoryStore,
  basicLogin,
} from "../governance/index.ts";
import {
  type Clock,
  type Fence,
  type KubeObject,
  type Logger,
  type Metrics,
  type ObjectClient,
  secretType,
} from "../kube/index.ts";
import type { EvidenceOptions } from "./evidence-options.ts";
import { OPERATOR_VERSION } from "./version.ts";

export interface EvidenceDependencies {
  /** The leader's. */
  readonly client: ObjectClient;
  readonly fence: Fence | undefined;
  readonly egress: Egress;
  readonly plainHttpHosts: readonly string[];
  readonly namespace: string;
  readonly identity: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
}

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/** The recorder of evidence; undefined where none is to be kept. */
export function createRecorder(options: EvidenceOptions, deps: EvidenceDependencies): Recorder | undefined {
  const { client, namespace, fence, identity, clock, log, metrics } = deps;
  if (options.store === "None") {
    log.warn("no evidence of decisions is kept: set evidence.store to Directory or Repository");
    return undefined;
  }
  const keys = new EvidenceKeys({ client, namespace, secret: options.keySecret });
  return new Recorder({
    store: createStore(options, deps),
    keys: (signal) => keys.load(signal),
    identity,
    version: OPERATOR_VERSION,
    fence,
    clock,
    log,
    metrics: new EvidenceMetrics(metrics.registry),
    checkpoints: { afterMs: options.checkpointMs, afterRecords: 1_000 },
  });
}

function createStore(
  options: Exclude<EvidenceOptions, { store: "None" }>,
  { client, namespace, egress, plainHttpHosts }: EvidenceDependencies,
): EvidenceStore {
  if (options.store === "Directory") return new DirectoryStore(options.directory);
  const { repository: place, pushSecret: name } = options;
  const login = async (signal: AbortSignal): Promise<string | undefined> => {
    if (name === undefined) return undefined;
    const secret = await client.withSignal(signal).get<Secret>(secretType, { namespace, name });
    const text = secret?.data?.[".dockerconfigjson"];
    if (text === undefined)
      throw new Error(`there is no Secret ${name} of type kubernetes.io/dockerconfigjson in namespace ${namespace}`);
    return basicLogin(Buffer.from(text, "base64").toString("utf8"), place.registry, place.repository);
  };
  return new RepositoryStore({ egress, place, plainHttpHosts, login, push: true });
}
