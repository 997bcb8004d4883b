import {
  type GrantOwner,
  type GrantStore,
  contribute,
  grantedRevision,
  heldUntil,
  renewalDue,
  renewedUntil,
  withdrawRevision,
} from "../admission/index.ts";
import type { AdmissionGrantSpec, ModelRevision } from "../api/index.ts";
import type { GrantedImport } from "../importing/index.ts";
import type { KubeObject } from "../kube/index.ts";
import { podTemplate } from "./workload.ts";

export interface GrantedModelRevision {
  readonly revision: ModelRevision;
  readonly notAfter: Date;
}

/** What of a model is granted. */
export interface PublishedGrant {
  /** As it was asked for, each until when it is granted now. */
  readonly granted: readonly GrantedModelRevision[];
  /** When the first of it is due to be renewed. */
  readonly renewal: Date | undefined;
}

/**
 * Grants exactly these revisions of the model, and its import, and withdraws every other one. What is granted already stays as
 * it is while that is long enough.
 */
export async function publishGrant(
  grants: Pick<GrantStore, "change">,
  model: KubeObject,
  wanted: readonly GrantedModelRevision[],
  { signal, importing, now }: PublishOptions,
): Promise<PublishedGrant> {
  const revisions = Object.fromEntries([
    ...wanted.map(
      ({ revision }) =>
        [revision.metadata.name, grantedRevision(revision.spec.model, podTemplate(revision).spec)] as const,
    ),
    ...(importing === undefined ? [] : [[importing.name, importing.row] as const]),
  ]);
  const imported =
    importing === undefined
      ? []
      : [{ digest: importing.digest, use: "container" as const, notAfter: importing.notAfter }];
  const owner = { kind: "SecureModel", name: model.metadata.name } as const;
  const edit = (grant: AdmissionGrantSpec): AdmissionGrantSpec => {
    const served = wanted.flatMap(({ revision, notAfter }) => {
      const until = renewedUntil(revisionHeldUntil(grant, owner, revision), notAfter, now);
      return digestsOf(revision).map((digest) => ({ digest, use: "imageVolume" as const, notAfter: until }));
    });
    return contribute(grant, owner, { uses: [...served, ...imported], revisions });
  };
  const grant = await grants.change(model.metadata.namespace ?? "", edit, { signal });
  const granted = wanted.map(({ revision, notAfter }) => ({
    revision,
    notAfter: revisionHeldUntil(grant, owner, revision) ?? notAfter,
  }));
  const due = wanted.flatMap(({ notAfter }, at) => renewalDue(granted[at]?.notAfter, notAfter)?.getTime() ?? []);
  return { granted, renewal: due.length === 0 ? undefined : new Date(Math.min(...due)) };
}

interface PublishOptions {
  readonly signal: AbortSignal;
  readonly importing?: GrantedImport | undefined;
  readonly now: Date;
}

/** Until when all of a revision is granted; undefined where a part of it is not. */
function revisionHeldUntil(grant: AdmissionGrantSpec, owner: GrantOwner, revision: ModelRevision): Date | undefined {
  const held = digestsOf(revision).map((digest) => heldUntil(grant, owner, { digest, use: "imageVolume" }));
  const times = held.flatMap((time) => time?.getTime() ?? []);
  return times.length < held.length ? undefined : new Date(Math.min(...times));
}

function digestsOf({ spec }: ModelRevision): readonly string[] {
  return [spec.artifact.digest, ...spec.artifact.platformDigests];
}

/** Takes back one revision at once, and leaves what else is granted of the model. */
export async function withdrawOne(
  grants: Pick<GrantStore, "change">,
  model: KubeObject,
  withdrawn: ModelRevision,
  signal: AbortSignal,
): Promise<void> {
  const owner = { kind: "SecureModel", name: model.metadata.name } as const;
  const revision = { name: withdrawn.metadata.name, digests: digestsOf(withdrawn) };
  await grants.change(model.metadata.namespace ?? "", (grant) => withdrawRevision(grant, owner, revision), { signal });
}
