import type { AdmissionGrantSpec, AllowedImage, VerdictStatus } from "../api/index.ts";
import { type GrantOwner, type GrantedUse, heldUntil, renewalDue, renewedUntil } from "../admission/index.ts";
import type { Standing } from "../trust/index.ts";

/** An allowed image and what was found out about it. */
export interface CheckedImage {
  readonly image: Pick<AllowedImage, "name" | "reference" | "uses">;
  readonly verdict: VerdictStatus;
  readonly standing: Standing;
  /** The digests of an index's platforms, where they are known. */
  readonly platformDigests: readonly string[];
}

/**
 * What the allowed images have granted. Admit: until the verdict's notAfter, or so far as it stands while that is long enough.
 * KeepOnly: only what the grant holds from this owner already, and no longer than the verdict it was granted for.
 * Quarantine: nothing. Pure.
 */
export function imageUses(
  images: readonly CheckedImage[],
  grant: AdmissionGrantSpec,
  owner: GrantOwner,
  now: Date,
): readonly GrantedUse[] {
  const latest = new Map<string, GrantedUse>();
  for (const { digest, use, notAfter } of wantedUses(images, grant, owner)) {
    const key = `${digest} ${use}`;
    if (notAfter.getTime() <= (latest.get(key)?.notAfter.getTime() ?? -Infinity)) continue;
    latest.set(key, { digest, use, notAfter });
  }
  return [...latest.values()].map((use) => ({
    ...use,
    notAfter: renewedUntil(heldUntil(grant, owner, use), use.notAfter, now),
  }));
}

/** When the first of what the allowed images have granted is due to be renewed. Pure. */
export function imagesRenewalDue(
  images: readonly CheckedImage[],
  grant: AdmissionGrantSpec,
  owner: GrantOwner,
): Date | undefined {
  const due = wantedUses(images, grant, owner).flatMap(
    (use) => renewalDue(heldUntil(grant, owner, use), use.notAfter)?.getTime() ?? [],
  );
  return due.length === 0 ? undefined : new Date(Math.min(...due));
}

function wantedUses(
  images: readonly CheckedImage[],
  grant: AdmissionGrantSpec,
  owner: GrantOwner,
): readonly GrantedUse[] {
  return images.flatMap(({ image, verdict, standing, platformDigests }) => {
    if (standing === "Quarantine" || verdict.digest === undefined) return [];
    const ends = Date.parse(verdict.notAfter ?? "");
    return [...new Set([verdict.digest, ...platformDigests])].flatMap((digest) =>
      image.uses.flatMap((use): readonly GrantedUse[] => {
        const held = standing === "Admit" ? undefined : heldUntil(grant, owner, { digest, use });
        if (standing !== "Admit" && held === undefined) return [];
        if (!Number.isNaN(ends)) return [{ digest, use, notAfter: new Date(ends) }];
        return held === undefined ? [] : [{ digest, use, notAfter: held }];
      }),
    );
  });
}
