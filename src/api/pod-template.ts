import { z } from "zod";
import { ShortName, mapList, withRules } from "./schema.ts";

/**
 * The subset of a pod template that a user may write for a model's runtime. It is an allow-list: everything that could run
 * another program (lifecycle hooks, exec probes, environment from objects that others can edit, host namespaces) is absent.
 */

const LabelMap = z.record(z.string(), z.string().max(1024)).meta({ maxProperties: 64 });

const EnvVar = withRules(
  z.strictObject({
    name: z.string().min(1).max(253),
    value: z.string().max(32768).optional(),
    valueFrom: z
      .strictObject({
        fieldRef: z.strictObject({
          fieldPath: z.enum(["metadata.name", "metadata.namespace", "spec.nodeName", "status.podIP", "status.hostIP"]),
        }),
      })
      .optional(),
  }),
  {
    rule: "!(has(self.value) && has(self.valueFrom))",
    message: "give value or valueFrom, not both",
  },
);

const Quantity = z.union([z.int(), z.string().max(64)]);
const ResourceList = z.record(z.string(), Quantity).meta({ maxProperties: 32 });

const Port = z.union([z.int(), z.string().max(63)]);

const Probe = withRules(
  z.strictObject({
    httpGet: z
      .strictObject({
        path: z.string().max(1024).default("/"),
        port: Port,
        scheme: z.enum(["HTTP", "HTTPS"]).optional(),
      })
      .optional(),
    tcpSocket: z.strictObject({ port: Port }).optional(),
    grpc: z.strictObject({ port: z.int().min(1).max(65535), service: z.string().max(253).optional() }).optional(),
    initialDelaySeconds: z.int().min(0).optional(),
    periodSeconds: z.int().min(1).optional(),
    timeoutSeconds: z.int().min(1).optional(),
    successThreshold: z.int().min(1).optional(),
    failureThreshold: z.int().min(1).optional(),
  }),
  {
    rule: "[has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
    message:
      "give exactly one of httpGet, tcpSocket or grpc, for example httpGet: {path: /v2/health/ready, port: 8080}; exec probes are not allowed",
  },
);

const SecurityContext = z.strictObject({
  runAsUser: z.int().min(1).optional(),
  runAsGroup: z.int().min(1).optional(),
});

const VolumeMount = z.strictObject({
  name: ShortName,
  mountPath: z
    .string()
    .min(1)
    .max(1024)
    .regex(/^\/[^:]*$/),
  subPath: z.string().max(1024).optional(),
  readOnly: z.boolean().optional(),
});

const Container = z.strictObject({
  name: ShortName,
  image: z
    .string()
    .max(512)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._:/-]*@sha256:[a-f0-9]{64}$/)
    .describe(
      "The image, pinned by digest: name@sha256:…. It must be granted in the namespace (SecureNamespace spec.allowedImages).",
    ),
  command: z.array(z.string().max(32768)).max(256).optional(),
  args: z.array(z.string().max(32768)).max(256).optional(),
  workingDir: z.string().max(4096).optional(),
  env: mapList(z.array(EnvVar).max(256), "name").optional(),
  ports: z
    .array(
      z.strictObject({
        name: z.string().max(15).optional(),
        containerPort: z.int().min(1).max(65535),
        protocol: z.enum(["TCP", "UDP"]).default("TCP"),
      }),
    )
    .max(32)
    .optional(),
  resources: z.strictObject({ limits: ResourceList.optional(), requests: ResourceList.optional() }).optional(),
  readinessProbe: Probe.optional(),
  livenessProbe: Probe.optional(),
  startupProbe: Probe.optional(),
  volumeMounts: z.array(VolumeMount).max(32).optional(),
  securityContext: SecurityContext.optional(),
});
export type TemplateContainer = z.output<typeof Container>;

const EmptyDirVolume = z.strictObject({
  name: ShortName,
  emptyDir: z.strictObject({ medium: z.enum(["", "Memory"]).optional(), sizeLimit: Quantity.optional() }),
});

const PodSpec = withRules(
  z.strictObject({
    containers: mapList(z.array(Container).min(1).max(8), "name"),
    initContainers: mapList(z.array(Container).max(8), "name").optional(),
    volumes: mapList(z.array(EmptyDirVolume).max(16), "name").optional(),
    imagePullSecrets: z
      .array(z.strictObject({ name: z.string().max(253) }))
      .max(8)
      .optional(),
    nodeSelector: LabelMap.optional(),
    tolerations: z
      .array(
        z.strictObject({
          key: z.string().max(317).optional(),
          operator: z.enum(["Exists", "Equal"]).optional(),
          value: z.string().max(63).optional(),
          effect: z.enum(["NoSchedule", "PreferNoSchedule", "NoExecute"]).optional(),
          tolerationSeconds: z.int().optional(),
        }),
      )
      .max(32)
      .optional(),
    affinity: z.record(z.string(), z.unknown()).optional(),
    topologySpreadConstraints: z.array(z.record(z.string(), z.unknown())).max(8).optional(),
    priorityClassName: z.string().max(253).optional(),
    runtimeClassName: z.string().max(253).optional(),
    schedulerName: z.string().max(253).optional(),
    terminationGracePeriodSeconds: z.int().min(0).max(3600).optional(),
    securityContext: SecurityContext.extend({ fsGroup: z.int().min(1).optional() }).optional(),
  }),
  {
    rule: "!has(self.volumes) || self.volumes.all(v, v.name != 'model')",
    message:
      "the volume name model is taken by the operator, which mounts the verified model there: choose another name",
  },
);

export const PodTemplate = z.strictObject({
  metadata: z.strictObject({ labels: LabelMap.optional(), annotations: LabelMap.optional() }).optional(),
  spec: PodSpec,
});
export type PodTemplate = z.output<typeof PodTemplate>;
