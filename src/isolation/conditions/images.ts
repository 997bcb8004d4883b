import type { CheckedImage } from "../granted-uses.ts";
import { type NextCondition, type Why, conditionOf } from "./condition.ts";

/** Whether all allowed images are verified. Pure. */
export function imagesCondition(images: readonly CheckedImage[], generation: number): NextCondition {
  const condition = conditionOf(generation);
  const rejected = images.filter(({ verdict }) => verdict.outcome === "Rejected");
  if (rejected.length > 0) {
    return condition("ImagesVerified", "False", { reason: "ImagesRejected", message: describeImages(rejected) });
  }
  const unknown = images.filter(({ verdict }) => verdict.outcome === "Indeterminate");
  if (unknown.length > 0) {
    return condition("ImagesVerified", "Unknown", { reason: "ImagesIndeterminate", message: describeImages(unknown) });
  }
  return condition(
    "ImagesVerified",
    "True",
    images.length === 0
      ? { reason: "NoImages", message: "spec.allowedImages is empty: only models run here" }
      : { reason: "ImagesVerified", message: `all ${images.length} allowed images are verified` },
  );
}

/** Why a namespace is not ready for images that may not run; undefined where there are none. Pure. */
export function whyUnverified(images: readonly CheckedImage[]): Why | undefined {
  const refused = images.filter(({ standing }) => standing === "Quarantine");
  return refused.length === 0 ? undefined : { reason: "ImagesNotVerified", message: describeImages(refused) };
}

function describeImages(images: readonly CheckedImage[]): string {
  const [first] = images;
  if (first === undefined) return "";
  const more = images.length > 1 ? ` (and ${images.length - 1} more)` : "";
  return `${first.image.name}: ${first.verdict.reason}: ${first.verdict.message}${more}`;
}
