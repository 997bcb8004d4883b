import type { AdmissionGrantSpec, GrantedContainer, GrantedRevision, Profile, Use } from "../api/index.ts";
import { isGranted } from "./grant.ts";
import { REVISION_LABEL } from "./names.ts";

/** What admission looks at in a pod. Fields that are absent are absent, as the API server sends them. */
export interface PodShape {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>>; readonly creationTimestamp?: string };
  readonly spec: PodSpecShape;
}

export interface PodSpecShape {
  readonly containers: readonly ContainerShape[];
  readonly initContainers?: readonly ContainerShape[] | undefined;
  readonly ephemeralContainers?: readonly ContainerShape[] | undefined;
  readonly volumes?: readonly VolumeShape[] | undefined;
  readonly serviceAccountName?: string | undefined;
}

interface ContainerShape {
  readonly name: string;
  readonly image?: string | undefined;
  readonly command?: readonly string[] | undefined;
  readonly args?: readonly string[] | undefined;
  readonly workingDir?: string | undefined;
  readonly env?: readonly EnvShape[] | undefined;
  readonly volumeMounts?: readonly MountShape[] | undefined;
}

interface EnvShape {
  readonly name: string;
  readonly value?: string | undefined;
  readonly valueFrom?: { readonly fieldRef?: { readonly fieldPath: string } | undefined } | undefined;
}

interface MountShape {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string | undefined;
  readonly readOnly?: boolean | undefined;
}

interface VolumeShape {
  readonly name: string;
  readonly image?: { readonly reference?: string | undefined } | undefined;
  readonly emptyDir?: unknown;
  readonly secret?: { readonly secretName?: string | undefined } | undefined;
  readonly persistentVolumeClaim?: { readonly claimName?: string | undefined } | undefined;
}

/** How a pod of a revision looks, in the form that the serving policy compares (src/admission/policies/serving-pods.ts). */
export function grantedRevision(model: string, spec: PodSpecShape): GrantedRevision {
  return {
    model,
    serviceAccountName: spec.serviceAccountName ?? "default",
    containers: spec.containers.map(containerRow),
    initContainers: (spec.initContainers ?? []).map(containerRow),
    volumes: (spec.volumes ?? []).map((volume) => [volume.name, volumeKind(volume), volumeReference(volume)]),
  };
}

function containerRow(container: ContainerShape): GrantedContainer {
  return {
    name: container.name,
    image: container.image ?? "",
    command: [...(container.command ?? [])],
    args: [...(container.args ?? [])],
    workingDir: container.workingDir ?? "",
    env: (container.env ?? []).map((env) => [env.name, env.value ?? "", env.valueFrom?.fieldRef?.fieldPath ?? ""]),
    volumeMounts: (container.volumeMounts ?? []).map((mount) => [
      mount.name,
      mount.mountPath,
      mount.subPath ?? "",
      String(mount.readOnly ?? false),
    ]),
  };
}

function volumeKind(volume: VolumeShape): string {
  if (volume.image !== undefined) return "image";
  if (volume.secret !== undefined) return "secret";
  if (volume.persistentVolumeClaim !== undefined) return "persistentVolumeClaim";
  return volume.emptyDir === undefined ? "other" : "emptyDir";
}

function volumeReference({ image, secret, persistentVolumeClaim }: VolumeShape): string {
  return image?.reference ?? secret?.secretName ?? persistentVolumeClaim?.claimName ?? "";
}

/** Every image that a pod uses, with its use. */
export function imagesOf(spec: PodSpecShape): readonly { readonly image: string; readonly use: Use }[] {
  const containers = [...spec.containers, ...(spec.ephemeralContainers ?? [])];
  return [
    ...containers.map(({ image = "" }) => ({ image, use: "container" as const })),
    ...(spec.initContainers ?? []).map(({ image = "" }) => ({ image, use: "init" as const })),
    ...(spec.volumes ?? []).flatMap(({ image }) =>
      image === undefined ? [] : [{ image: image.reference ?? "", use: "imageVolume" as const }],
    ),
  ];
}

/** What follows the last @ is the digest; a tag alone has none. */
export function digestOf(image: string): string | undefined {
  return /^[^@]+@(sha256:[a-f0-9]{64})$/.exec(image)?.[1];
}

/**
 * Why a running pod would not be admitted now; empty when it would. The sweep after labelling and for ever: the same rules
 * as the admission policies, asked at a time of our own instead of the pod's creation. Pure.
 */
export function sweepProblems(
  pod: PodShape,
  grant: AdmissionGrantSpec,
  profile: Profile,
  now: Date,
): readonly string[] {
  const problems = imagesOf(pod.spec).flatMap(({ image, use }) => {
    const digest = digestOf(image);
    if (digest === undefined) return [`${use} image "${image}" is not pinned by digest`];
    return isGranted(grant, digest, use, now) ? [] : [`${use} image "${image}" is not granted`];
  });
  if (profile !== "serving") return problems;
  const name = pod.metadata.labels?.[REVISION_LABEL] ?? "";
  const revision = Object.hasOwn(grant.revisions, name) ? grant.revisions[name] : undefined;
  if (revision === undefined)
    return [...problems, `it belongs to no granted revision (label ${REVISION_LABEL}="${name}")`];
  if ((pod.spec.ephemeralContainers ?? []).length > 0) problems.push("it has ephemeral containers");
  const living = grantedRevision(revision.model, pod.spec);
  if (JSON.stringify(living) !== JSON.stringify(inOrder(revision))) problems.push(`it differs from revision ${name}`);
  return problems;
}

/** A revision read back from the API server has its keys in another order. */
function inOrder(revision: GrantedRevision): GrantedRevision {
  const container = ({ name, image, command, args, workingDir, env, volumeMounts }: GrantedContainer) => ({
    name,
    image,
    command,
    args,
    workingDir,
    env,
    volumeMounts,
  });
  return {
    model: revision.model,
    serviceAccountName: revision.serviceAccountName,
    containers: revision.containers.map(container),
    initContainers: revision.initContainers.map(container),
    volumes: revision.volumes,
  };
}
