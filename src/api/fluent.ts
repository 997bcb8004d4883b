/**
 * The kinds as classes of kubernetes-fluent-client: `K8s(SecureModelKind).InNamespace("models").Get("iris")`. For commands
 * and tests, which ask rarely. The operator's own process reads and writes through src/kube: a connection a call, and the
 * field manager `pepr`, are not for it. Not exported by the index, so that the client is loaded only where it is used.
 */
import { GenericKind, RegisterKind } from "kubernetes-fluent-client";
import { type AdmissionGrantSpec, admissionGrant } from "./admission-grant.ts";
import {
  type ClusterTrustPolicySpec,
  type ClusterTrustPolicyStatus,
  clusterTrustPolicy,
} from "./cluster-trust-policy.ts";
import type { KindDefinition } from "./kind.ts";
import { type ModelActionSpec, type ModelActionStatus, modelAction } from "./model-action.ts";
import { type ModelRevisionSpec, type ModelRevisionStatus, modelRevision } from "./model-revision.ts";
import { type SecureModelSpec, type SecureModelStatus, secureModel } from "./secure-model.ts";
import { type SecureNamespaceSpec, type SecureNamespaceStatus, secureNamespace } from "./secure-namespace.ts";

export class ClusterTrustPolicyKind extends GenericKind {
  declare spec: ClusterTrustPolicySpec;
  declare status?: ClusterTrustPolicyStatus;
}

export class SecureNamespaceKind extends GenericKind {
  declare spec: SecureNamespaceSpec;
  declare status?: SecureNamespaceStatus;
}

export class SecureModelKind extends GenericKind {
  declare spec: SecureModelSpec;
  declare status?: SecureModelStatus;
}

export class ModelRevisionKind extends GenericKind {
  declare spec: ModelRevisionSpec;
  declare status?: ModelRevisionStatus;
}

export class AdmissionGrantKind extends GenericKind {
  declare spec: AdmissionGrantSpec;
}

export class ModelActionKind extends GenericKind {
  declare spec: ModelActionSpec;
  declare status?: ModelActionStatus;
}

function register(model: abstract new () => GenericKind, { resource }: KindDefinition): void {
  const { group, version, kind, plural } = resource;
  RegisterKind(model, { group, version, kind, plural });
}

register(ClusterTrustPolicyKind, clusterTrustPolicy);
register(SecureNamespaceKind, secureNamespace);
register(SecureModelKind, secureModel);
register(ModelRevisionKind, modelRevision);
register(AdmissionGrantKind, admissionGrant);
register(ModelActionKind, modelAction);
