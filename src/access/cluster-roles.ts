import { peopleRoleName } from "../admission/index.ts";
import { type PersonRole, type Profile, Profile as profiles, personRoles } from "../api/index.ts";
import { RBAC_GROUP, type RoleObject } from "./bindings.ts";
import { peopleRules } from "./roles.ts";

/** Every role of people, in every profile. */
export const peopleRoles: readonly { readonly profile: Profile; readonly role: PersonRole }[] =
  profiles.options.flatMap((profile) => personRoles.map((role) => ({ profile, role })));

/** The ClusterRoles that the operator binds people to; the chart and the manifests carry them. */
export function peopleClusterRoles(): readonly RoleObject[] {
  return peopleRoles.map(({ profile, role }) => ({
    apiVersion: `${RBAC_GROUP}/v1`,
    kind: "ClusterRole",
    metadata: {
      name: peopleRoleName(profile, role),
      labels: { "app.kubernetes.io/part-of": "mlsecops-operator" },
    },
    rules: peopleRules(profile, role),
  }));
}
