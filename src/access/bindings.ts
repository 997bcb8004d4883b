import { WALL_LABEL, peopleBindingName, peopleRoleName } from "../admission/index.ts";
import type { SecureNamespaceSpec } from "../api/index.ts";
import type { KubeObject } from "../kube/index.ts";
import type { PolicyRule } from "./roles.ts";

export const RBAC_GROUP = "rbac.authorization.k8s.io";

export interface Subject {
  readonly kind: string;
  readonly apiGroup?: string;
  readonly name: string;
  /** Of a ServiceAccount. */
  readonly namespace?: string;
}

/** A RoleBinding or a ClusterRoleBinding. */
export interface BindingObject extends KubeObject {
  readonly roleRef: { readonly apiGroup: string; readonly kind: string; readonly name: string };
  readonly subjects?: readonly Subject[];
}

/** A Role or a ClusterRole; one that aggregates others has their rules, as the API server puts them there. */
export interface RoleObject extends KubeObject {
  readonly rules?: readonly PolicyRule[] | null;
}

/** The RoleBindings that let in whom the spec names: one for each role, in every enforcement. Pure. */
export function peopleBindings(
  namespace: string,
  { profile, people }: Pick<SecureNamespaceSpec, "profile" | "people">,
): readonly BindingObject[] {
  return people.map(({ role, groups = [], users = [] }) => ({
    apiVersion: `${RBAC_GROUP}/v1`,
    kind: "RoleBinding",
    metadata: {
      name: peopleBindingName(role),
      namespace,
      labels: { "app.kubernetes.io/managed-by": "mlsecops-operator", [WALL_LABEL]: namespace },
    },
    roleRef: { apiGroup: RBAC_GROUP, kind: "ClusterRole", name: peopleRoleName(profile, role) },
    subjects: [
      ...groups.map((name) => ({ kind: "Group", apiGroup: RBAC_GROUP, name })),
      ...users.map((name) => ({ kind: "User", apiGroup: RBAC_GROUP, name })),
    ],
  }));
}
