/** Stable: reasons of the condition Walled. In the order in which one is chosen for it. */
export const wallProblemReasons = [
  "WallsIncomplete",
  "PeerMissing",
  "PeerEmpty",
  "FqdnNotEnforceable",
  "QuotaBelowUse",
] as const;
export type WallProblemReason = (typeof wallProblemReasons)[number];

/** Something of the spec that the walls do not do, and what to change. Nothing is opened for it. */
export interface WallProblem {
  readonly reason: WallProblemReason;
  readonly message: string;
}
