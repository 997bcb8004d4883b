/** A verdict taken apart: the same functions that decide, asked authority by authority. Pure. */
import {
  type ArtifactFacts,
  countAuthorities,
  FactIndex,
  type FoundFacts,
  opinionOf,
  type ResolvedAttestation,
  type ResolvedPolicy,
  type SignedBundle,
  type Signer,
  type Vouching,
  vouchingOf,
  withCommonDenials,
} from "../../trust/index.ts";
import { whyNotCovered } from "./coverage.ts";
import type { AttestationAccount, AuthorityAccount, PolicyAccount, SignerAccount, StatementAccount } from "./schema.ts";

/** What is known of an artifact; absent where it could not be read. */
export interface Evidence {
  readonly artifact: ArtifactFacts;
  readonly facts: FoundFacts;
}

export interface Question {
  readonly policies: readonly ResolvedPolicy[];
  readonly namespace: string;
  /** The normalised name of the artifact. */
  readonly name: string;
  readonly use: "Model" | "Image";
  readonly now: Date;
}

/** What every policy sees, those that cover the artifact first. */
export function accountsOf(
  { policies, namespace, name, use, now }: Question,
  evidence: Evidence | undefined,
): readonly PolicyAccount[] {
  const byName = [...policies].sort((a, b) => (a.name < b.name ? -1 : 1));
  const why = new Map(byName.map((policy) => [policy.name, whyNotCovered(policy, namespace, name)]));
  const covering = byName.filter((policy) => why.get(policy.name) === undefined);
  const enforced = withCommonDenials(covering.filter(({ mode }) => mode === "Enforce"));
  const judging = covering.map((policy) => enforced.find((one) => one.name === policy.name) ?? policy);
  const others = byName.filter((policy) => !covering.includes(policy));
  return [
    ...judging.map((policy) => accountOf(policy, evidence, { use, now })),
    ...others.map((policy) => ({
      ...headOf(policy),
      covers: false,
      whyNot: why.get(policy.name) ?? "",
      ...{ have: 0, authorities: [], attestations: [] },
    })),
  ];
}

function headOf({ name, generation, mode, threshold, unreadable }: ResolvedPolicy) {
  return { name, generation, mode, need: threshold, ...(unreadable === undefined ? {} : { problem: unreadable }) };
}

function accountOf(
  policy: ResolvedPolicy,
  evidence: Evidence | undefined,
  { use, now }: Pick<Question, "use" | "now">,
): PolicyAccount {
  if (evidence === undefined) {
    const authorities = policy.authorities.map(({ name, problem }): AuthorityAccount => ({
      ...{ name, signatures: [] },
      ...(problem === undefined ? { state: "Unknown", notes: [] } : { state: "Unusable", notes: [problem] }),
    }));
    return { ...headOf(policy), covers: true, have: 0, authorities, attestations: [] };
  }
  const { artifact, facts } = evidence;
  const index = new FactIndex(artifact.digest, facts.signatureFacts, facts.timeFacts, facts.problem);
  const bundles = artifact.bundles.filter(({ claim }) => claim.kind === "Signature") as readonly SignedBundle[];
  const vouching = vouchingOf({ policy, bundles, facts: index, age: policy.age, now });
  const opinion = opinionOf(policy, artifact, index, { use, now });
  return {
    ...headOf(policy),
    covers: true,
    outcome: opinion.outcome,
    ...(opinion.outcome === "Verified" ? {} : { reason: opinion.reason }),
    have: countAuthorities(vouching.vouches),
    authorities: policy.authorities.map((authority) => authorityOf(authority, vouching)),
    attestations: policy.attestations.map((wanted) => attestationOf({ policy, wanted, artifact, index, now })),
  };
}

function authorityOf(
  { name, problem, ...rest }: ResolvedPolicy["authorities"][number],
  { vouches, refusals, unknown }: Vouching,
): AuthorityAccount {
  const own = <T extends { readonly authority: string }>(list: readonly T[]) =>
    list.filter(({ authority }) => authority === name);
  const signatures = vouches
    .filter(({ signer }) => signer.authority === name)
    .map(({ signer, bundle }) => signerOf(signer, bundle.digest));
  const doubts = own(unknown).map(({ why }) => why);
  const notes = [...new Set([...own(refusals).map(({ why }) => why), ...doubts])];
  if (signatures.length > 0) return { name, state: "Vouches", signatures, notes };
  if (doubts.length > 0) return { name, state: "Unknown", signatures, notes };
  if (problem !== undefined && !("isTransient" in rest))
    return { name, state: "Unusable", signatures, notes: [problem] };
  return { name, state: "DoesNotVouch", signatures, notes };
}

interface Asked {
  readonly policy: ResolvedPolicy;
  readonly wanted: ResolvedAttestation;
  readonly artifact: ArtifactFacts;
  readonly index: FactIndex;
  readonly now: Date;
}

function attestationOf({ policy, wanted, artifact, index, now }: Asked): AttestationAccount {
  const { name, predicateType, threshold, match, age, authorities } = wanted;
  const bundles = artifact.bundles.filter(
    ({ claim }) => claim.kind === "Attestation" && claim.predicateType === predicateType,
  ) as readonly SignedBundle[];
  const vouching = vouchingOf({ policy, authorities, bundles, facts: index, age, now });
  const judged = vouching.vouches.map((vouch) => {
    const conditions = conditionsOf(wanted, vouch.bundle, artifact, now);
    const counts = conditions.every(({ value }) => value === "True");
    const statement: StatementAccount = { ...signerOf(vouch.signer, vouch.bundle.digest), counts, conditions };
    return { vouch, statement };
  });
  const others = [...vouching.refusals, ...vouching.unknown].map(({ authority, why }) => `${authority}: ${why}`);
  return {
    ...{ name, predicateType, match, need: threshold },
    authorities: [...(authorities ?? policy.authorities.map((authority) => authority.name))],
    have: countAuthorities(judged.filter(({ statement }) => statement.counts).map(({ vouch }) => vouch)),
    statements: judged.map(({ statement }) => statement),
    notes: [...new Set(others)],
  };
}

function conditionsOf(
  { conditions }: ResolvedAttestation,
  { claim }: SignedBundle,
  { name, digest }: ArtifactFacts,
  now: Date,
): StatementAccount["conditions"] {
  const predicate = claim.kind === "Attestation" ? claim.predicate : undefined;
  return conditions.map(({ expression, message }) => {
    const result = expression.evaluate({ predicate, artifact: { name, digest }, now });
    return {
      expression: expression.text,
      value: result.state,
      ...(result.state === "Failed" ? { problem: result.problem } : {}),
      ...(message === undefined ? {} : { message }),
    };
  });
}

function signerOf({ authority, keyFingerprint, subject, issuer, signedAt }: Signer, bundle: string): SignerAccount {
  return {
    ...{ authority, keyFingerprint, bundle },
    ...(subject === undefined ? {} : { subject }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(signedAt === undefined ? {} : { signedAt: signedAt.toISOString() }),
  };
}
