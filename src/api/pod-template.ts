import { z } from "zod";
import { ObjectName, ShortName, mapList, matching, shown, withRules } from "./schema.ts";

/**
 * The subset of a pod template that a user may write for a model's runtime. It is an allow-list: everything that could run
 * another program (lifecycle hooks, exec probes, environment from objects that others can edit, host namespaces) is absent.
 */

/** What Kubernetes takes for most numbers; beyond it they could be stored and not be read. */
const maxInt32 = 2 ** 31 - 1;

const LabelMap = z.record(z.string(), z.string().max(1024)).meta({ maxProperties: 64 });

const EnvVar = withRules(
  z.strictObject({
    name: matching(
      z.string().min(1).max(253),
      /^[-._a-zA-Z][-._a-zA-Z0-9]*$/,
      "write the name of a variable: letters, digits, _, - and . only, no digit first, for example MODEL_NAME",
    ),
    value: z.string().max(32768).optional(),
    valueFrom: z
      .strictObject({
        fieldRef: shown(
          z.strictObject({
            fieldPath: shown(
              z.enum(["metadata.name", "metadata.namespace", "spec.nodeName", "status.podIP", "status.hostIP"]),
              "fieldPath: metadata.name",
            ),
          }),
          "fieldRef: {fieldPath: metadata.name}; variables from Secrets and ConfigMaps are not allowed",
        ),
      })
      .optional(),
  }),
  {
    rule: "!(has(self.value) && has(self.valueFrom))",
    message:
      "give value or valueFrom, not both, for example {name: LOG_LEVEL, value: info} or {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}",
    holds: ({ value, valueFrom }) => value === undefined || valueFrom === undefined,
  },
);

const Quantity = withRules(z.union([z.int(), z.string().max(64)]), {
  rule: "type(self) == int ? int(self) < 9007199254740992 : isQuantity(string(self))",
  message: "write a quantity, for example 500m or 2 of cpu, 512Mi or 4Gi of memory, 1 of nvidia.com/gpu",
});
const ResourceList = z.record(z.string(), Quantity).meta({ maxProperties: 32 });

const Port = shown(
  withRules(z.union([z.int(), z.string().max(15)]), {
    rule: "type(self) == int ? int(self) >= 1 && int(self) <= 65535 : string(self).matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
    message: "write a number from 1 to 65535 or the name of a container's port, for example 8080 or http",
  }),
  "port: 8080",
);

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
    grpc: z
      .strictObject({ port: shown(z.int().min(1).max(65535), "port: 8080"), service: z.string().max(253).optional() })
      .optional(),
    initialDelaySeconds: z.int().min(0).max(maxInt32).optional(),
    periodSeconds: z.int().min(1).max(maxInt32).optional(),
    timeoutSeconds: z.int().min(1).max(maxInt32).optional(),
    successThreshold: z.int().min(1).max(maxInt32).optional(),
    failureThreshold: z.int().min(1).max(maxInt32).optional(),
  }),
  {
    rule: "[has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
    message:
      "give exactly one of httpGet, tcpSocket or grpc, for example httpGet: {path: /v2/health/ready, port: 8080}; exec probes are not allowed",
    holds: ({ httpGet, tcpSocket, grpc }) => [httpGet, tcpSocket, grpc].filter((way) => way !== undefined).length === 1,
  },
);

const SecurityContext = z.strictObject({
  runAsUser: z.int().min(1).max(maxInt32).optional(),
  runAsGroup: z.int().min(1).max(maxInt32).optional(),
});

/** Absolute, without empty, "." or ".." parts: two paths that differ are two places. */
export const plainPath = /^(\/\.?[^/:.][^/:]*)+$/;

const VolumeMount = z.strictObject({
  name: shown(ShortName, "name: scratch"),
  mountPath: shown(
    matching(
      z.string().min(1).max(1024),
      plainPath,
      "write an absolute path without a colon, empty, . or .. parts, for example /scratch",
    ),
    "mountPath: /scratch",
  ),
  subPath: z.string().max(1024).optional(),
  readOnly: z.boolean().optional(),
});

const Container = z.strictObject({
  name: ShortName,
  image: shown(
    matching(
      z.string().max(512),
      /^[A-Za-z0-9][A-Za-z0-9._:/-]*@sha256:[a-f0-9]{64}$/,
      "pin the image by digest, for example registry.example.com/runtimes/onnx@sha256: and 64 hexadecimal digits; crane digest prints the digest of a tag",
    ).describe(
      "The image, pinned by digest: name@sha256:…. It must be granted in the namespace (SecureNamespace spec.allowedImages).",
    ),
    "image: registry.example.com/runtimes/onnx@sha256: and 64 hexadecimal digits",
  ),
  command: z.array(z.string().max(32768)).max(256).optional(),
  args: z.array(z.string().max(32768)).max(256).optional(),
  workingDir: z.string().max(4096).optional(),
  env: mapList(z.array(EnvVar).max(256), "name").optional(),
  ports: z
    .array(
      z.strictObject({
        name: matching(
          z.string().max(15),
          /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
          "write a port's name of a-z, 0-9 and -, with at most 15 characters, for example http",
        ).optional(),
        containerPort: shown(z.int().min(1).max(65535), "containerPort: 8080"),
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
  emptyDir: shown(
    z.strictObject({ medium: z.enum(["", "Memory"]).optional(), sizeLimit: Quantity.optional() }),
    "emptyDir: {}; no other kind of volume is allowed",
  ),
});

const PodSpec = withRules(
  z.strictObject({
    containers: shown(
      mapList(z.array(Container).min(1).max(8), "name"),
      "containers: [{name: runtime, image: registry.example.com/runtimes/onnx@sha256: and 64 hexadecimal digits}]",
    ),
    initContainers: mapList(z.array(Container).max(8), "name").optional(),
    volumes: mapList(z.array(EmptyDirVolume).max(16), "name").optional(),
    imagePullSecrets: z
      .array(z.strictObject({ name: shown(ObjectName, "name: registry-login") }))
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
          tolerationSeconds: z.int().min(-1).max(maxInt32).optional(),
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
    securityContext: SecurityContext.extend({ fsGroup: z.int().min(1).max(maxInt32).optional() }).optional(),
  }),
  {
    rule: "!has(self.volumes) || self.volumes.all(v, v.name != 'model')",
    message:
      "the volume name model is taken by the operator, which mounts the verified model there: choose another name, for example scratch",
    holds: ({ volumes }) => volumes === undefined || volumes.every(({ name }) => name !== "model"),
  },
);

export const PodTemplate = z.strictObject({
  metadata: z.strictObject({ labels: LabelMap.optional(), annotations: LabelMap.optional() }).optional(),
  spec: shown(
    PodSpec,
    "spec: {containers: [{name: runtime, image: registry.example.com/runtimes/onnx@sha256: and 64 hexadecimal digits}]}",
  ),
});
export type PodTemplate = z.output<typeof PodTemplate>;
