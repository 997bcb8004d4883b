/** The grants of a namespace, and the admission policies that read them. */
export {
  changedOwners,
  contribute,
  emptyGrant,
  isGranted,
  withdraw,
  withdrawRevision,
  type Contribution,
  type GrantOwner,
  type GrantedUse,
} from "./grant.ts";
export { GrantStore } from "./grant-store.ts";
export { heldUntil, renewalDue, renewedUntil } from "./renewal.ts";
export {
  policyGuard,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
  type LivingPolicies,
  type LivingPolicy,
} from "./guard.ts";
export {
  AUTHOR_ANNOTATION,
  CREATED_BY,
  ENFORCEMENT_LABEL,
  IMPORT_LABEL,
  MODEL_LABEL,
  ON_BREACH_LABEL,
  POD_SECURITY_BEFORE,
  POD_SECURITY_PREFIX,
  PROFILE_LABEL,
  REVISION_LABEL,
  WALL_LABEL,
  WORKLOAD_ROLE,
  isExempt,
  peopleBindingName,
  peopleRoleName,
  usernameOf,
  type OperatorIdentity,
} from "./names.ts";
export { digestOf, grantedRevision, imagesOf, sweepProblems, type PodShape, type PodSpecShape } from "./pod.ts";
export { admissionPolicies, type PolicyObject } from "./policies/index.ts";
