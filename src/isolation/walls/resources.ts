import type { SecureNamespaceSpec } from "../../api/index.ts";
import { limitRangeType, resourceQuotaType, serviceAccountType } from "../../kube/index.ts";
import { containerLimitsOf, quotaOf } from "./profiles.ts";
import { type Wall, wall } from "./wall.ts";

/** Of the ResourceQuota and of the LimitRange. */
export const RESOURCES_NAME = "mlsecops";

export function quotaWall(namespace: string, spec: SecureNamespaceSpec): Wall {
  return wall(resourceQuotaType, namespace, RESOURCES_NAME, { spec: { hard: quotaOf(spec) } });
}

export function limitsWall(namespace: string, spec: SecureNamespaceSpec): Wall {
  const limits = [{ type: "Container", ...containerLimitsOf(spec) }];
  return wall(limitRangeType, namespace, RESOURCES_NAME, { spec: { limits } });
}

/** No token is mounted for it, and nothing is bound to it. */
export function accountWall(namespace: string, name: string): Wall {
  return wall(serviceAccountType, namespace, name, { automountServiceAccountToken: false });
}
