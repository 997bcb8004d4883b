export * from "./admission-grant.ts";
export * from "./cluster-trust-policy.ts";
export * from "./evidence.ts";
export {
  type KindDefinition,
  type Parsed,
  type PrinterColumn,
  type TypedObject,
  ownerReference,
  parseObject,
  parseStatus,
} from "./kind.ts";
export { kinds } from "./kinds.ts";
export * from "./model-action.ts";
export * from "./model-health.ts";
export * from "./model-notifications.ts";
export * from "./model-strategy.ts";
export * from "./model-revision.ts";
export * from "./model-source.ts";
export * from "./model-traffic.ts";
export * from "./namespace-network.ts";
export * from "./namespace-people.ts";
export * from "./namespace-resources.ts";
export { PodTemplate, type TemplateContainer } from "./pod-template.ts";
export { API_VERSION, GROUP, PolicyReference, SECRET_USE_LABEL, VERSION, WorkloadKind } from "./schema.ts";
export * from "./secure-model.ts";
export * from "./secure-namespace.ts";
export { VerdictStatus } from "./verdict.ts";
