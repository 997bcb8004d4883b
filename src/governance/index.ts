/** Evidence: every decision as a signed record in a chain of its object, for people who do not trust the operator. */
export { BUNDLE_TYPE, readRecord, signRecord, type ReadRecord, type RecordProblem } from "./bundle.ts";
export { DirectoryStore } from "./directory-store.ts";
export {
  deleted,
  enforcementFact,
  isolationFact,
  evidenceObject,
  grantFact,
  nothingToGrant,
  opened,
  quarantineFact,
  refusalFact,
  verdictFact,
  type Artifact,
  type Fact,
  type GrantedDigest,
  type VerdictAbout,
} from "./facts.ts";
export { EvidenceKeys, publishedKeys, EVIDENCE_CONFIG_MAP, EVIDENCE_KEY_SECRET } from "./key-secret.ts";
export { EvidenceMetrics } from "./metrics.ts";
export { Recorder, type EvidenceSink, type RecorderOptions, type SigningKeys } from "./recorder.ts";
export { basicLogin, logIn } from "./registry-login.ts";
export { RepositoryStore } from "./repository-store.ts";
export { SigningKey } from "./signing-key.ts";
export { StoreError, type Entry, type EvidenceStore } from "./store.ts";
export { verifyEvidence, type ChainProblem, type ChainReport, type Verification } from "./verify.ts";
