/**
 * What the Pod Security Standards would refuse of a pod: the controls that real pods break. Pod Security admission has the last
 * word, and some that hardly anybody sets (AppArmor, SELinux, sysctls, /proc mounts) are only its. Pure.
 */
import { z } from "zod";

type Level = "baseline" | "restricted";

const Capabilities = z.looseObject({ add: z.array(z.string()).nullish(), drop: z.array(z.string()).nullish() });
const Seccomp = z.looseObject({ type: z.string().nullish() });
const Security = z.looseObject({
  privileged: z.boolean().nullish(),
  allowPrivilegeEscalation: z.boolean().nullish(),
  runAsNonRoot: z.boolean().nullish(),
  runAsUser: z.number().nullish(),
  capabilities: Capabilities.nullish(),
  seccompProfile: Seccomp.nullish(),
});
type Security = z.output<typeof Security>;
const Container = z.looseObject({
  name: z.string(),
  securityContext: Security.nullish(),
  ports: z.array(z.looseObject({ hostPort: z.number().nullish() })).nullish(),
});
type Container = z.output<typeof Container>;
const Spec = z.looseObject({
  hostNetwork: z.boolean().nullish(),
  hostPID: z.boolean().nullish(),
  hostIPC: z.boolean().nullish(),
  securityContext: Security.nullish(),
  containers: z.array(Container),
  initContainers: z.array(Container).nullish(),
  volumes: z.array(z.looseObject({ name: z.string() })).nullish(),
});
type Spec = z.output<typeof Spec>;

/** What a runtime gives to containers anyway. */
const ordinary = [
  ...["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"],
  ...["SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"],
];
const plainVolumes = [
  ...["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected"],
  "secret",
];

export function podSecurityProblems(raw: unknown, level: Level): readonly string[] {
  const parsed = Spec.safeParse(raw);
  if (!parsed.success) return ["its security settings cannot be read"];
  const spec = parsed.data;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const found = [
    ...(["hostNetwork", "hostPID", "hostIPC"] as const).filter((field) => spec[field] === true),
    ...volumeProblems(spec, level),
    ...containers.flatMap((container) => containerProblems(container, spec, level)),
  ];
  return [...new Set(found)];
}

function volumeProblems({ volumes }: Spec, level: Level): readonly string[] {
  return (volumes ?? []).flatMap((volume) => {
    const kinds = Object.keys(volume).filter((key) => key !== "name");
    const isRefused = (kind: string) => (level === "baseline" ? kind === "hostPath" : !plainVolumes.includes(kind));
    return kinds.filter(isRefused).map((kind) => `volume ${volume.name} (${kind})`);
  });
}

function containerProblems({ name, securityContext, ports }: Container, spec: Spec, level: Level): readonly string[] {
  const own: Security = securityContext ?? {};
  const all: Security = spec.securityContext ?? {};
  const seccomp = (own.seccompProfile ?? all.seccompProfile)?.type;
  const added = own.capabilities?.add ?? [];
  const isRestricted = level === "restricted";
  const mayAdd = isRestricted ? ["NET_BIND_SERVICE"] : ordinary;
  const found: readonly (readonly [boolean, string])[] = [
    [own.privileged === true, "privileged"],
    [(ports ?? []).some(({ hostPort }) => (hostPort ?? 0) > 0), "hostPort"],
    [added.some((one) => !mayAdd.includes(one)), "capabilities.add"],
    [seccomp === "Unconfined", "seccompProfile Unconfined"],
    [isRestricted && own.allowPrivilegeEscalation !== false, "allowPrivilegeEscalation is not false"],
    [isRestricted && own.capabilities?.drop?.includes("ALL") !== true, "capabilities.drop is not [ALL]"],
    [isRestricted && (own.runAsNonRoot ?? all.runAsNonRoot) !== true, "runAsNonRoot is not true"],
    [isRestricted && (own.runAsUser ?? all.runAsUser) === 0, "runAsUser is 0"],
    [isRestricted && (seccomp === undefined || seccomp === null), "seccompProfile is not set"],
  ];
  return found.flatMap(([holds, problem]) => (holds ? [`container ${name}: ${problem}`] : []));
}
