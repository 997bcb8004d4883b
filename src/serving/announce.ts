import { API_VERSION, type SecureModelStatus, secureModel } from "../api/index.ts";
import type { Desk } from "./desk.ts";

/** Reasons of Ready that are no cause for concern. */
const calm = ["RollingOut", "Suspended", "Importing", "WaitsForApproval"];

export function emit(
  { deps, model }: Desk,
  type: "Normal" | "Warning",
  { reason, note, action = "Reconcile" }: { readonly reason: string; readonly note: string; readonly action?: string },
): void {
  const regarding = { apiVersion: API_VERSION, kind: secureModel.resource.kind, metadata: model.metadata };
  deps.events.emit(regarding, { type, reason, note, action });
}

/**
 * An Event for each change of the verdict and of Ready; one where both say the same, and none where what was begun has come to
 * the end that it was to come to: of many models at once, people would see nothing else.
 */
export function announce(desk: Desk, status: SecureModelStatus): void {
  const before = desk.model.status;
  const ready = conditionOf(status, "Ready");
  const { verdict } = status;
  if (
    verdict !== undefined &&
    (verdict.outcome !== before?.verdict?.outcome || verdict.reason !== before.verdict.reason)
  ) {
    const { reason, message: note } = verdict;
    if (reason !== ready?.reason && desk.announced !== verdict)
      emit(desk, verdict.outcome === "Verified" ? "Normal" : "Warning", { reason, note, action: "Verify" });
  }
  for (const note of verdict?.warnings ?? []) {
    if (before?.verdict?.warnings?.includes(note) === true) continue;
    emit(desk, "Warning", { reason: "PolicyWarning", note, action: "Verify" });
  }
  announceSource(desk, status);
  const readyBefore = conditionOf(before, "Ready")?.reason;
  if (ready === undefined || ready.reason === readyBefore) return;
  // Said when it was written down.
  if (ready.reason === "RolledBack") return;
  if (ready.status === "True" && readyBefore === "RollingOut") return;
  if (ready.reason === "RollingOut" && desk.announced !== undefined) return;
  const isGood = ready.status === "True" || calm.includes(ready.reason);
  emit(desk, isGood ? "Normal" : "Warning", { reason: ready.reason, note: ready.message });
}

function announceSource(desk: Desk, status: SecureModelStatus): void {
  const before = desk.model.status;
  const imported = status.source?.imported;
  if (imported !== undefined && imported.digest !== before?.source?.imported?.digest) {
    const { from, repository, digest } = imported;
    const note = `${from} was imported as ${repository}@${digest}`;
    emit(desk, "Normal", { reason: "Imported", note, action: "Import" });
  }
  const now = conditionOf(status, "SourceUnchanged");
  // Of a first import Ready says it.
  const isWarning = now?.reason === "SourceChanged" || (now?.reason === "ImportMismatch" && imported !== undefined);
  if (now !== undefined && isWarning && conditionOf(before, "SourceUnchanged")?.reason !== now.reason)
    emit(desk, "Warning", { reason: now.reason, note: now.message, action: "Import" });
}

export function conditionOf(status: SecureModelStatus | undefined, wanted: string) {
  return status?.conditions?.find(({ type }) => type === wanted);
}
