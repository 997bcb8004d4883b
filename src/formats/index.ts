/** What is in a model's files, by their content, and whether a policy lets it in. */
export {
  DEFAULT_RULES,
  decideFormat,
  isTrusted,
  type FormatDecision,
  type FormatRefusal,
  type FormatRules,
} from "./decide.ts";
export {
  contentFactsSchema,
  FINDINGS,
  INCOMPLETE_REASONS,
  type CompleteFacts,
  type ContentFacts,
  type FileFacts,
  type Finding,
  type FindingName,
  type IncompleteFacts,
  type IncompleteReason,
} from "./facts.ts";
export { describeFormat, EXECUTABLE_FORMATS, FORMATS, PICKLE_FORMATS, type FormatName } from "./formats.ts";
export { DEFAULT_LIMITS, type ScanLimits } from "./limits.ts";
export { FormatScanner, type LayerScan, type LayerToScan, type ScannerOptions } from "./scanner.ts";
