/** Somebody who is counted at most once, and an authority of a policy in whose name that can be. */
export interface Candidate {
  readonly authority: string;
  /** By what they are known, such as a key and an identity: two who share one of these are one. */
  readonly marks: readonly string[];
}

/** By what a signer is known: the key, and whom a certificate names. */
export function marksOf(signer: {
  readonly keyFingerprint: string;
  readonly subject?: string | undefined;
  readonly issuer?: string | undefined;
}): readonly string[] {
  const { keyFingerprint, subject, issuer } = signer;
  const key = `key ${keyFingerprint}`;
  return subject === undefined ? [key] : [key, `identity ${JSON.stringify([subject, issuer])}`];
}

/**
 * How many authorities can each be given a signer of their own: the size of a maximum matching, found by augmenting paths.
 * Lists are as long as the API allows, 16 authorities.
 */
export function distinctAuthorities(candidates: readonly Candidate[]): number {
  const leaderOf = leaders(candidates);
  const signersOf = new Map<string, Set<string>>();
  for (const { authority, marks } of candidates) {
    const signers = signersOf.get(authority) ?? new Set();
    const [mark] = marks;
    if (mark !== undefined) signersOf.set(authority, signers.add(leaderOf(mark)));
  }
  const holder = new Map<string, string>();
  const place = (authority: string, tried: Set<string>): boolean => {
    for (const signer of signersOf.get(authority) ?? []) {
      if (tried.has(signer)) continue;
      tried.add(signer);
      const other = holder.get(signer);
      if (other !== undefined && !place(other, tried)) continue;
      holder.set(signer, authority);
      return true;
    }
    return false;
  };
  return [...signersOf.keys()].filter((authority) => place(authority, new Set())).length;
}

/** The one mark that stands for all who are one, directly or through others. */
function leaders(candidates: readonly Candidate[]): (mark: string) => string {
  const above = new Map<string, string>();
  const leaderOf = (mark: string): string => {
    let leader = mark;
    for (let next = above.get(leader); next !== undefined; next = above.get(leader)) leader = next;
    return leader;
  };
  for (const {
    marks: [first = "", ...others],
  } of candidates) {
    for (const other of others) {
      const [one, two] = [leaderOf(first), leaderOf(other)];
      if (one !== two) above.set(two, one);
    }
  }
  return leaderOf;
}
