import type { AccessFindings } from "../access/index.ts";
import { API_VERSION, type SecureNamespace, type SecureNamespaceStatus, secureNamespace } from "../api/index.ts";
import type { EventDetail } from "../kube/index.ts";
import { accessNews } from "./conditions/access.ts";
import { breachNews } from "./conditions/isolation.ts";
import type { UngrantedPod } from "./decide.ts";
import type { CheckedImage } from "./granted-uses.ts";
import type { Pass } from "./pass.ts";

/** Warns of what is not verified, and of what policies warn of; once. */
export function announceImages(
  pass: Pass,
  raw: SecureNamespace,
  images: readonly CheckedImage[],
  status: SecureNamespaceStatus | undefined,
): void {
  for (const { image, verdict } of images) {
    const before = status?.images?.find(({ name }) => name === image.name)?.verdict;
    for (const warning of verdict.warnings ?? []) {
      if (before?.warnings?.includes(warning) === true) continue;
      const note = `allowed image ${image.name}: ${warning}`;
      warn(pass, raw, { reason: "PolicyWarning", action: "Verify", note });
    }
    if (verdict.outcome === "Verified") continue;
    if (before?.outcome === verdict.outcome && before.reason === verdict.reason && before.digest === verdict.digest)
      continue;
    warn(pass, raw, {
      reason: verdict.outcome === "Rejected" ? "ImageRejected" : "ImageIndeterminate",
      action: "Verify",
      note: `allowed image ${image.name}: ${verdict.reason}: ${verdict.message}`,
    });
  }
}

export function announcePods(
  pass: Pass,
  raw: SecureNamespace,
  ungranted: readonly UngrantedPod[],
  status: SecureNamespaceStatus | undefined,
): void {
  const [first] = ungranted;
  const before = status?.ungrantedPods;
  if (first === undefined || (before?.count === ungranted.length && before.examples[0]?.name === first.name)) return;
  const note = `${ungranted.length} running pods would not be admitted now, for example ${first.name}: ${first.problem}`;
  warn(pass, raw, { reason: "UngrantedPods", action: "Sweep", note });
}

export function announceAccess(
  pass: Pass,
  raw: SecureNamespace,
  access: AccessFindings | undefined,
  status: SecureNamespaceStatus | undefined,
): void {
  const note = access === undefined ? undefined : accessNews(status?.access, access);
  if (note !== undefined) warn(pass, raw, { reason: "AccessNotTight", action: "Compare", note });
}

export function announceBreaches(pass: Pass, raw: SecureNamespace, status: SecureNamespaceStatus): void {
  if (status.breaches === undefined) return;
  for (const news of breachNews(raw.status?.breaches, status.breaches)) emit(pass, raw, { ...news, action: "Compare" });
}

export function warn(
  pass: Pass,
  raw: SecureNamespace,
  detail: { readonly reason: string; readonly action: string; readonly note: string },
): void {
  emit(pass, raw, { type: "Warning", ...detail });
}

function emit({ deps }: Pass, raw: SecureNamespace, detail: EventDetail): void {
  const regarding = { apiVersion: API_VERSION, kind: secureNamespace.resource.kind, metadata: raw.metadata };
  deps.events.emit(regarding, detail);
}
