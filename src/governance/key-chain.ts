import { KEY_CHAIN } from "../api/index.ts";
import type { Waiting } from "./backlog.ts";
import { readRecord } from "./bundle.ts";
import type { SigningKeys } from "./recorder.ts";

export type KeyIntroduction =
  | { readonly state: "Done" }
  | { readonly state: "Needed"; readonly waiting: Waiting }
  /** Records are signed all the same, and whoever verifies them hears of it. */
  | { readonly state: "Impossible"; readonly problem: string };

/** What has to be said before the current key may sign. `last`: the bytes of the last record of the chain of keys. Pure. */
export function keyIntroduction(keys: SigningKeys, last: Buffer | undefined, at: Date): KeyIntroduction {
  const { pem: publicKey, fingerprint } = keys.current.public;
  const common = { chain: KEY_CHAIN, part: "key", artifacts: [], at, own: true } as const;
  if (last === undefined) {
    return { state: "Needed", waiting: { ...common, decision: { type: "KeyRotation", publicKey, fingerprint } } };
  }
  const read = readRecord(last);
  const decision = read.ok ? read.statement.predicate.decision : undefined;
  if (decision?.type !== "KeyRotation") {
    return { state: "Impossible", problem: "the last record of the chain of evidence keys was changed" };
  }
  if (decision.fingerprint === fingerprint) return { state: "Done" };
  const { previous } = keys;
  if (previous?.public.fingerprint !== decision.fingerprint) {
    const problem =
      "the evidence key was replaced without the one before it: put that into the Secret as previous.key, so that it introduces the new one";
    return { state: "Impossible", problem };
  }
  const replaces = decision.fingerprint;
  return {
    state: "Needed",
    waiting: { ...common, key: previous, decision: { type: "KeyRotation", publicKey, fingerprint, replaces } },
  };
}
