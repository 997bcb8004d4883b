import { formatDuration } from "../../trust/index.ts";
import type { Mood, Paint } from "../render/colour.ts";
import { pairs, table } from "../render/table.ts";
import { relative } from "../render/text.ts";
import type { VerifyReport } from "./schema.ts";

const moods: Readonly<Record<VerifyReport["outcome"], Mood>> = {
  Verified: "good",
  Rejected: "bad",
  Indeterminate: "unknown",
};

/** The verdict first, then what it rests on, then what is missing. Pure. */
export function render(report: VerifyReport, paint: Paint): string {
  const { outcome, reason, message, digest, policies, signers, attestations, missing, warnings, validUntil } = report;
  const now = new Date(report.verifiedAt);
  const at = (time: string) => `${time} (${relative(new Date(time), now, formatDuration)})`;
  const covering = policies.filter(({ covers }) => covers);
  const head = pairs(
    [
      ["outcome", { text: outcome, mood: moods[outcome] }],
      ["reason", reason],
      ["message", message],
      ["reference", report.reference],
      ["namespace", report.namespace],
      ["digest", digest ?? ""],
      ["policies", covering.map(({ name, mode }) => (mode === "Warn" ? `${name} (Warn)` : name)).join(", ")],
      ["valid until", validUntil === undefined ? "" : at(validUntil)],
      ["next check", at(report.recheckAfter)],
    ],
    paint,
  );
  const signed = table(
    ["POLICY", "AUTHORITY", "SUBJECT OR KEY", "SIGNED AT"],
    signers.map((signer) => [signer.policy, signer.authority, whoIs(signer), signer.signedAt ?? "not proven"]),
    paint,
  );
  const attested = table(
    ["POLICY", "ATTESTATION", "AUTHORITY"],
    attestations.map(({ policy, name, authority }) => [policy, name, authority]),
    paint,
  );
  return [
    head,
    ...(signers.length === 0 ? [] : [`\nsigners\n${signed}`]),
    ...(attestations.length === 0 ? [] : [`\nattestations\n${attested}`]),
    ...listed("missing", missing, paint),
    ...listed("warnings", warnings, paint),
  ].join("");
}

function listed(what: string, lines: readonly string[], paint: Paint): readonly string[] {
  return lines.length === 0 ? [] : [`\n${what}\n${lines.map((line) => pairs([["  ", line]], paint)).join("")}`];
}

function whoIs({ subject, issuer, keyFingerprint }: VerifyReport["signers"][number]): string {
  if (subject === undefined) return keyFingerprint;
  return issuer === undefined ? subject : `${subject} by ${issuer}`;
}
