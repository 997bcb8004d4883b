import type { Order } from "../actions/index.ts";
import type { GrantStore } from "../admission/index.ts";
import type { AdmissionGrant, ModelRevision, SecureModel, SecureNamespace } from "../api/index.ts";
import type { EvidenceSink } from "../governance/index.ts";
import type { HealthVerdict } from "../health/index.ts";
import type { ImportDependencies } from "../importing/index.ts";
import type { Clock, EventRecorder, KubeObject, ObjectClient, Store } from "../kube/index.ts";
import type { Notifier } from "../notify/index.ts";
import type { CredentialSource, Exception, Pulling, ResolvedPolicy, Verifier } from "../trust/index.ts";
import type { InferenceServiceObject } from "./inference-service.ts";
import type { DeploymentObject } from "./workload.ts";

export interface ServingDependencies {
  readonly client: ObjectClient;
  readonly models: Store<SecureModel>;
  readonly revisions: Store<ModelRevision>;
  readonly namespaces: Store<SecureNamespace>;
  readonly grantObjects: Store<AdmissionGrant>;
  readonly deployments: Store<DeploymentObject>;
  readonly services: Store<KubeObject>;
  /**
   * Undefined where the cluster does not serve the kind.
   * @throws while it is not known which there are.
   */
  readonly inferenceServices: () => Pick<Store<InferenceServiceObject>, "list"> | undefined;
  /** The pods of a model, of whatever revision. */
  readonly podsOf: (namespace: string, model: string) => readonly KubeObject[];
  readonly grants: Pick<GrantStore, "change">;
  readonly verifier: Pick<Verifier, "verify">;
  readonly policies: () => readonly ResolvedPolicy[];
  readonly exceptions: (namespace: string) => readonly Exception[];
  /** What people want done with a model, oldest first. */
  readonly orders: (namespace: string, model: string) => readonly Order[];
  /** What to look at registries with. */
  readonly pullCredentials: (namespace: string, pulling: Pulling, signal: AbortSignal) => CredentialSource;
  /** What is missing or changed among the admission policies. */
  readonly guardProblems: () => readonly string[];
  /** Present where models may also be served in namespaces without a SecureNamespace. */
  readonly unsecured?: UnsecuredNamespaces | undefined;
  readonly imports: ImportDependencies;
  /** What is thought of a revision of a model (by its key) now; undefined while nobody has looked at it. */
  readonly health: (key: string, revision: string) => HealthVerdict | undefined;
  readonly events: Pick<EventRecorder, "emit">;
  /** Absent where no evidence is kept. */
  readonly evidence?: EvidenceSink | undefined;
  /** Tells others what was written. */
  readonly notify?: Pick<Notifier, "changed"> | undefined;
  readonly clock: Clock;
}

export interface UnsecuredNamespaces {
  readonly allows: (namespace: string) => boolean;
  /** Gives the operator the rights there that a SecureNamespace gives it elsewhere. */
  readonly bind: (namespace: string, signal: AbortSignal) => Promise<void>;
}
