import { admissionGrant } from "./admission-grant.ts";
import { clusterTrustPolicy } from "./cluster-trust-policy.ts";
import type { KindDefinition } from "./kind.ts";
import { modelAction } from "./model-action.ts";
import { modelRevision } from "./model-revision.ts";
import { secureModel } from "./secure-model.ts";
import { secureNamespace } from "./secure-namespace.ts";

/** Every kind, in the order in which a newcomer meets them. */
export const kinds: readonly KindDefinition[] = [
  clusterTrustPolicy,
  secureNamespace,
  secureModel,
  modelRevision,
  admissionGrant,
  modelAction,
];
