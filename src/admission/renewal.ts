import type { AdmissionGrantSpec } from "../api/index.ts";
import type { GrantOwner, GrantedUse } from "./grant.ts";

/**
 * Until when something is to be granted that is granted until `standing` and may be until `wanted`. A later end is written
 * only once less than half of the time that is left is covered: verdicts are renewed all the time, and a grant that follows
 * each of them is a write for each of them. Never later than `wanted`; an earlier end counts at once.
 */
export function renewedUntil(standing: Date | undefined, wanted: Date, now: Date): Date {
  const due = standing === undefined || standing > wanted ? undefined : renewalOf(standing, wanted);
  return standing !== undefined && due !== undefined && due > now ? standing : wanted;
}

/** When it becomes due to be renewed, which is before it ends; undefined where there is nothing later to write. */
export function renewalDue(standing: Date | undefined, wanted: Date): Date | undefined {
  return standing === undefined || standing >= wanted ? undefined : renewalOf(standing, wanted);
}

/** From then on the time until `standing` is at most half of that until `wanted`. */
function renewalOf(standing: Date, wanted: Date): Date {
  return new Date(2 * standing.getTime() - wanted.getTime());
}

/** Until when the owner itself has the digest granted for the use. */
export function heldUntil(
  grant: AdmissionGrantSpec,
  owner: GrantOwner,
  { digest, use }: Pick<GrantedUse, "digest" | "use">,
): Date | undefined {
  const entry = Object.hasOwn(grant.digests, digest) ? grant.digests[digest]?.[use] : undefined;
  const held = entry?.grantors.find(({ kind, name }) => kind === owner.kind && name === owner.name);
  const time = Date.parse(held?.notAfter ?? "");
  return Number.isNaN(time) ? undefined : new Date(time);
}
