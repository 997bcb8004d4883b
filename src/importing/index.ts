/** How content from elsewhere becomes one OCI artifact, and how it is noticed that its source changes. */
export type { SourceCondition } from "./decide.ts";
export { importNetworkPolicy, type ImportSettings, type JobObject } from "./job.ts";
export { importStep, type GrantedImport, type ImportDependencies, type ImportStep } from "./step.ts";
