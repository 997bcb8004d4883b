/** People: what each role may do in which profile, and who may do more. */
export { peopleBindings, type BindingObject, type RoleObject, type Subject } from "./bindings.ts";
export { peopleClusterRoles, peopleRoles } from "./cluster-roles.ts";
export { everybody, type ExpectedSubjects } from "./expected.ts";
export { accessFindings, type AccessExpectation, type AccessFindings, type LivingAccess } from "./findings.ts";
export { rolesPage } from "./reference.ts";
export { dangerousRules } from "./rights.ts";
export { peopleRules, type PolicyRule } from "./roles.ts";
