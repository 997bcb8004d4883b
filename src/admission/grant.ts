import type { AdmissionGrantSpec, DigestGrant, GrantedRevision, Grantor, Use } from "../api/index.ts";

/** Who asks for digests to be granted: a SecureModel for its revisions, a SecureNamespace for its allowed images. */
export type GrantOwner = Pick<Grantor, "kind" | "name">;

export interface GrantedUse {
  readonly digest: string;
  readonly use: Use;
  readonly notAfter: Date;
}

/** Everything that one owner wants granted; what it no longer names is withdrawn. */
export interface Contribution {
  readonly uses: readonly GrantedUse[];
  readonly revisions: Readonly<Record<string, GrantedRevision>>;
}

export const emptyGrant: AdmissionGrantSpec = { digests: {}, revisions: {} };

const uses: readonly Use[] = ["container", "init", "imageVolume"];

/** The grant with this owner's part replaced. The parts of other owners stay as they are. Pure. */
export function contribute(
  grant: AdmissionGrantSpec,
  owner: GrantOwner,
  contribution: Contribution,
): AdmissionGrantSpec {
  const rest = withdraw(grant, (grantor) => sameOwner(grantor, owner));
  const digests: Record<string, DigestGrant> = { ...rest.digests };
  for (const { digest, use, notAfter } of contribution.uses) {
    const entry = digests[digest] ?? {};
    const grantors = [...(entry[use]?.grantors ?? []), { ...owner, notAfter: notAfter.toISOString() }];
    digests[digest] = { ...entry, [use]: useGrant(grantors) };
  }
  return sorted({ digests, revisions: { ...rest.revisions, ...contribution.revisions } });
}

/** The grant without what only the owners that match have granted. Pure. */
export function withdraw(grant: AdmissionGrantSpec, matches: (owner: GrantOwner) => boolean): AdmissionGrantSpec {
  const digests: Record<string, DigestGrant> = {};
  for (const [digest, entry] of Object.entries(grant.digests)) {
    const kept: DigestGrant = {};
    for (const use of uses) {
      const grantors = entry[use]?.grantors.filter((grantor) => !matches(grantor)) ?? [];
      if (grantors.length > 0) kept[use] = useGrant(grantors);
    }
    if (Object.keys(kept).length > 0) digests[digest] = kept;
  }
  const revisions = Object.fromEntries(
    Object.entries(grant.revisions).filter(([, revision]) => !matches({ kind: "SecureModel", name: revision.model })),
  );
  return sorted({ digests, revisions });
}

/** The grant without one revision of a model, and without what only that model has granted of its digests. Pure. */
export function withdrawRevision(
  grant: AdmissionGrantSpec,
  owner: GrantOwner,
  revision: { readonly name: string; readonly digests: readonly string[] },
): AdmissionGrantSpec {
  const affected = Object.fromEntries(Object.entries(grant.digests).filter(([key]) => revision.digests.includes(key)));
  const kept = withdraw({ digests: affected, revisions: {} }, (grantor) => sameOwner(grantor, owner)).digests;
  const others = Object.entries(grant.digests).filter(([key]) => !revision.digests.includes(key));
  const revisions = Object.entries(grant.revisions).filter(([name]) => name !== revision.name);
  return sorted({ digests: { ...Object.fromEntries(others), ...kept }, revisions: Object.fromEntries(revisions) });
}

/** Whether a digest is granted for a use at that time. */
export function isGranted(grant: AdmissionGrantSpec, digest: string, use: Use, at: Date): boolean {
  const entry = Object.hasOwn(grant.digests, digest) ? grant.digests[digest]?.[use] : undefined;
  return entry !== undefined && at.getTime() <= Date.parse(entry.notAfter);
}

/** Whose parts differ between two grants of one namespace. That something lasts longer or shorter is no difference. Pure. */
export function changedOwners(before: AdmissionGrantSpec, after: AdmissionGrantSpec): readonly GrantOwner[] {
  const [old, fresh] = [partsOf(before), partsOf(after)];
  return [...new Set([...old.keys(), ...fresh.keys()])]
    .filter((owner) => old.get(owner)?.join("\n") !== fresh.get(owner)?.join("\n"))
    .map((owner) => JSON.parse(owner) as GrantOwner);
}

/** What each owner has granted, in the order of the grant, which is a fixed one. */
function partsOf(grant: AdmissionGrantSpec): ReadonlyMap<string, readonly string[]> {
  const parts = new Map<string, string[]>();
  const add = ({ kind, name }: GrantOwner, part: string): void => {
    const owner = JSON.stringify({ kind, name });
    const known = parts.get(owner);
    if (known === undefined) parts.set(owner, [part]);
    else known.push(part);
  };
  for (const [digest, entry] of Object.entries(grant.digests))
    for (const use of uses) for (const grantor of entry[use]?.grantors ?? []) add(grantor, `${digest} ${use}`);
  for (const [name, revision] of Object.entries(grant.revisions))
    add({ kind: "SecureModel", name: revision.model }, `${name} ${JSON.stringify(revision)}`);
  return parts;
}

function sameOwner(a: GrantOwner, b: GrantOwner): boolean {
  return a.kind === b.kind && a.name === b.name;
}

function useGrant(grantors: readonly Grantor[]): NonNullable<DigestGrant[Use]> {
  const ordered = grantors.toSorted((a, b) => compare(`${a.kind}/${a.name}`, `${b.kind}/${b.name}`));
  const distinct = ordered.filter((grantor, index) => {
    const next = ordered[index + 1];
    return next === undefined || !sameOwner(grantor, next);
  });
  const latest = Math.max(...distinct.map((grantor) => Date.parse(grantor.notAfter)));
  return { notAfter: new Date(latest).toISOString(), grantors: distinct };
}

/** In a fixed order, so that an unchanged grant is an unchanged object. */
function sorted(grant: AdmissionGrantSpec): AdmissionGrantSpec {
  return { digests: sortKeys(grant.digests), revisions: sortKeys(grant.revisions) };
}

function sortKeys<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => compare(a, b)));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
