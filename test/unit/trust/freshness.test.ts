import assert from "node:assert/strict";
import type { VerdictStatus } from "../../../src/api/index.ts";
import { nextCheckMs, settleVerdict } from "../../../src/trust/index.ts";

const now = new Date("2030-01-01T00:00:00Z");
const at = (ms: number) => new Date(now.getTime() + ms).toISOString();
const digest = (n: number) => `sha256:${String(n).repeat(64)}`;

function verdict(changes: Partial<VerdictStatus> = {}): VerdictStatus {
  return {
    outcome: "Verified",
    reason: "Verified",
    message: "signed",
    digest: digest(1),
    trustFingerprint: "t",
    recheckAfter: at(60_000),
    notAfter: at(3_600_000),
    ...changes,
  };
}

describe("the verdict to go on with", () => {
  const next = verdict({ recheckAfter: at(90_000), notAfter: at(3_700_000) });
  const refused = verdict({ outcome: "Rejected", reason: "NoSignature", notAfter: undefined });
  const cases: readonly [string, VerdictStatus | undefined, VerdictStatus, "previous" | "next"][] = [
    ["is the previous one while it says the same and is not due", verdict(), next, "previous"],
    ["is the new one where there was none", undefined, next, "next"],
    ["is the new one when the previous is due", verdict({ recheckAfter: at(0) }), next, "next"],
    ["is the new one when the outcome differs", verdict(), { ...next, outcome: "Rejected" }, "next"],
    ["is the new one when the digest differs", verdict(), { ...next, digest: digest(3) }, "next"],
    ["is the new one when the trust differs", verdict(), { ...next, trustFingerprint: "u" }, "next"],
    [
      "is the new one when the signers differ",
      verdict(),
      { ...next, signers: [{ policy: "p", authority: "a", keyFingerprint: "k" }] },
      "next",
    ],
    [
      "is the new one when the attestations differ",
      verdict(),
      { ...next, attestations: [{ policy: "p", name: "n", authority: "a" }] },
      "next",
    ],
    [
      "is the new one when the policies differ",
      verdict(),
      { ...next, policies: [{ name: "p", generation: 1 }] },
      "next",
    ],
    ["is the new one when the warnings differ", verdict(), { ...next, warnings: ["w"] }, "next"],
    ["is the new one when the reason differs", verdict(), { ...next, reason: "BreakGlass" }, "next"],
    ["is the new one when it is due sooner", verdict(), { ...next, recheckAfter: at(10_000) }, "next"],
    ["is the previous one when the times are the same", verdict(), verdict(), "previous"],
    ["is the previous one when only the words differ", verdict(), { ...next, message: "m" }, "previous"],
    ["is the new one when the previous has no end", verdict({ notAfter: "never" }), next, "next"],
    ["is the new one when its time is shorter", verdict(), { ...next, notAfter: at(10_000) }, "next"],
    ["is the previous one when neither has an end", refused, { ...refused, recheckAfter: at(90_000) }, "previous"],
    ["is the new one when the previous has ended", verdict({ notAfter: at(0) }), next, "next"],
  ];
  for (const [title, previous, latest, expected] of cases) {
    it(title, () => {
      assert.equal(settleVerdict(previous, latest, now), expected === "previous" ? previous : latest);
    });
  }
});

describe("the next check", () => {
  const cases: readonly [string, readonly VerdictStatus[], number][] = [
    ["is bounded above", [], 600_000],
    ["is when a verdict is due", [verdict()], 60_000],
    ["is when a verdict ends before it is due", [verdict({ notAfter: at(20_000) })], 20_000],
    ["is that of the earliest", [verdict(), verdict({ recheckAfter: at(30_000) })], 30_000],
    ["is bounded below", [verdict({ recheckAfter: at(-1) })], 5_000],
    ["does not look at an end that is past", [verdict({ notAfter: at(-1) })], 60_000],
    ["does not look at an end that is now", [verdict({ notAfter: at(0) })], 60_000],
  ];
  for (const [title, verdicts, expected] of cases) {
    it(title, () => {
      assert.equal(nextCheckMs(verdicts, now), expected);
    });
  }
});
