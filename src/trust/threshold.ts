/** Somebody who is counted at most once, and the authorities of a policy in whose name that can be. */
export interface Candidate {
  readonly authority: string;
  /** The key or the identity: two authorities that rest on the same one count once. */
  readonly signer: string;
}

/**
 * How many authorities can each be given a signer of their own: the size of a maximum matching, found by augmenting paths.
 * Lists are as long as the API allows, 16 authorities.
 */
export function distinctAuthorities(candidates: readonly Candidate[]): number {
  const signersOf = new Map<string, Set<string>>();
  for (const { authority, signer } of candidates) {
    const signers = signersOf.get(authority) ?? new Set();
    signersOf.set(authority, signers.add(signer));
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
