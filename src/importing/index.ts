/** How content from elsewhere becomes one OCI artifact, and how it is noticed that its source changes. */
export type { SourceCondition } from "./decide.ts";
export { importNetworkPolicy, importPorts } from "./import-network.ts";
export { type JobObject } from "./job.ts";
export { type ImportSettings } from "./settings.ts";
export { importStep, type GrantedImport, type ImportDependencies, type ImportStep } from "./step.ts";
