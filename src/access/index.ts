/** People: what each role may do in which profile, and who may do more. */
export { peopleBindings, type BindingObject, type RoleObject, type Subject } from "./bindings.ts";
export { peopleClusterRoles, peopleRoles } from "./cluster-roles.ts";
export { rolesPage } from "./reference.ts";
export { peopleRules, type PolicyRule } from "./roles.ts";
