import { node, type TreeNode } from "../render/tree.ts";
import type { Mood } from "../render/colour.ts";
import type { AttestationAccount, AuthorityAccount, PolicyAccount, SignerAccount, StatementAccount } from "./schema.ts";

/** What each policy sees, as branches of a tree. Pure. */
export function policyNodes(accounts: readonly PolicyAccount[]): readonly TreeNode[] {
  return accounts.map((account) => {
    const { name, generation, mode, covers, whyNot = "", problem, need, have, outcome, reason } = account;
    const head = `policy ${name} (generation ${generation}${mode === "Warn" ? ", Warn: it neither grants nor refuses" : ""})`;
    if (!covers) return node(`${head} has no say: ${whyNot}`);
    if (problem !== undefined) return node(`${head} cannot be read: ${problem}`, "unknown");
    const signed = `${have} of ${need} ${need === 1 ? "signature" : "signatures"}`;
    const why = reason === undefined ? "" : `, ${reason}`;
    return node(`${head}: ${signed}${why}`, moodOf(account, outcome), [
      ...account.authorities.map(authorityNode),
      ...account.attestations.map(attestationNode),
    ]);
  });
}

function moodOf(
  { mode, need, have, authorities, attestations }: PolicyAccount,
  outcome: PolicyAccount["outcome"],
): Mood {
  if (mode === "Warn") return "plain";
  if (outcome !== undefined) return ({ Verified: "good", Rejected: "bad", Indeterminate: "unknown" } as const)[outcome];
  if (have >= need && attestations.every((one) => one.have >= one.need)) return "good";
  return authorities.some(({ state }) => state === "Unknown") ? "unknown" : "bad";
}

function authorityNode({ name, state, signatures, notes }: AuthorityAccount): TreeNode {
  const words = {
    Vouches: ["vouches", "good"],
    DoesNotVouch: ["does not vouch", "plain"],
    Unknown: ["is not known to vouch", "unknown"],
    Unusable: ["cannot vouch", "bad"],
  } as const;
  const [verb, mood] = words[state];
  return node(`authority ${name} ${verb}`, mood, [
    ...signatures.map((signer) => node(signerText(signer))),
    ...notes.map((note) => node(note)),
  ]);
}

function attestationNode({ name, predicateType, need, have, statements, notes }: AttestationAccount): TreeNode {
  return node(`attestation ${name} (${predicateType}): ${have} of ${need}`, have >= need ? "good" : "bad", [
    ...statements.map(statementNode),
    ...notes.map((note) => node(note)),
  ]);
}

function statementNode(statement: StatementAccount): TreeNode {
  const { counts, conditions, authority } = statement;
  const head = `by ${authority}, ${signerText(statement)}`;
  return node(
    counts ? head : `${head}: does not count`,
    counts ? "good" : "bad",
    conditions.map(({ expression, value, problem, message }) => {
      const result = problem === undefined ? value.toLowerCase() : `no value: ${problem}`;
      const said = message === undefined || value === "True" ? "" : ` (${message})`;
      return node(`${expression} is ${result}${said}`, value === "True" ? "good" : "bad");
    }),
  );
}

function signerText({ keyFingerprint, subject, issuer, signedAt, bundle }: SignerAccount): string {
  const who =
    subject === undefined ? `key ${keyFingerprint}` : `${subject}${issuer === undefined ? "" : ` by ${issuer}`}`;
  const when = signedAt === undefined ? "at a time that is not proven" : `at ${signedAt}`;
  return `${who}, ${when}${bundle === undefined ? "" : `, bundle ${bundle}`}`;
}
