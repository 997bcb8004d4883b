import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { isGoogleProvider, parseCloudEndpoints, parseRegistryMirrors } from "../trust/index.ts";
import { everybody } from "../access/index.ts";
import { LogLevel } from "./log-level.ts";
import { EvidenceOptions } from "./evidence-options.ts";
import { NotificationOptions } from "./notification-options.ts";

const Expected = z
  .string()
  .min(1)
  .refine((name) => !everybody.test(name), {
    error: "anybody may be a member of this group: name the groups of those who run the cluster",
  });

const Options = z.object({
  operatorNamespace: z.string().min(1),
  serviceAccount: z.string().min(1),
  /** The user that KServe's controller is, where models may be served through KServe. */
  kserveAccount: z
    .string()
    .regex(/^system:serviceaccount:[a-z0-9-]{1,63}:[a-z0-9.-]{1,253}$/, {
      error: "--kserve-account: write system:serviceaccount:NAMESPACE:NAME",
    })
    .optional(),
  logLevel: LogLevel,
  /** A file whose content is the level, from when it is there on. */
  logLevelFile: z.string().min(1).optional(),
  leaderElect: z.enum(["true", "false"]).transform((value) => value === "true"),
  /** Serve models also where no SecureNamespace keeps them apart. */
  allowUnsecuredNamespaces: z.enum(["true", "false"]).transform((value) => value === "true"),
  registryCa: z.string().optional(),
  deniedAddresses: z.array(z.string()),
  plainHttpRegistries: z.array(z.string()),
  plainHttpMetrics: z.array(z.string()),
  registryMirrors: z.string().transform((text, context) => {
    const parsed = parseRegistryMirrors(text);
    if (parsed.ok) return parsed.mirrors;
    context.addIssue({ code: "custom", message: parsed.message });
    return z.NEVER;
  }),
  cloudEndpoints: z.array(z.string()).transform((entries, context) => {
    const parsed = parseCloudEndpoints(entries);
    if (parsed.ok) return parsed.endpoints;
    context.addIssue({ code: "custom", message: parsed.message });
    return z.NEVER;
  }),
  googleWorkloadIdentityProvider: z
    .string()
    .refine(isGoogleProvider, {
      error:
        "write projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER, or identitynamespace:PROJECT.svc.id.goog:https://container.googleapis.com/v1/projects/PROJECT/locations/LOCATION/clusters/CLUSTER",
    })
    .optional(),
  cosign: z.string().min(1),
  stateDir: z.string().min(1).optional(),
  maxArtifactBytes: z.coerce.number().int().min(1),
  rechecksPerSecond: z.coerce.number().min(1).max(10_000),
  /** To the API server. */
  requests: z.object({
    perSecond: z.coerce.number().min(10).max(10_000),
    burst: z.coerce.number().int().min(10).max(100_000),
  }),
  /** The pods that answer for the names of the cluster. */
  dns: z.object({
    namespace: z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, {
      error: "--dns-namespace: write the name of a namespace, for example kube-system",
    }),
    podLabels: z.array(z.string()).transform((pairs, context) => {
      const labels = pairs.map((pair) => pair.split("=", 2));
      if (labels.length > 0 && labels.every(([key = "", value]) => key !== "" && value !== undefined))
        return Object.fromEntries(labels) as Record<string, string>;
      const message = "--dns-pod-labels: write labels as KEY=VALUE, for example k8s-app=kube-dns";
      context.addIssue({ code: "custom", message });
      return z.NEVER;
    }),
  }),
  kmsPlugins: z.string().min(1).optional(),
  importImage: z
    .string()
    .regex(/^[^@\s]{1,400}@sha256:[a-f0-9]{64}$/, {
      error:
        "--import-image: write the operator's image by digest, for example registry.example.com/mlsecops-operator@sha256:…",
    })
    .optional(),
  /** Where /debug is answered; nowhere by default. */
  debugPort: z.coerce.number().int().min(1).max(65535).optional(),
  healthPort: z.coerce.number().int().min(0).max(65535),
  /** Who has rights in every namespace by design of the cluster. */
  expected: z.object({
    groups: z.array(Expected),
    users: z.array(z.string().min(1)),
    serviceAccounts: z.array(
      z.string().regex(/^[a-z0-9-]{1,63}\/[a-z0-9.-]{1,253}$/, {
        error: "write NAMESPACE/NAME, for example argocd/argocd-application-controller",
      }),
    ),
  }),
  evidence: EvidenceOptions,
  notifications: NotificationOptions,
});
export type Options = z.output<typeof Options>;

/** Reads the command line. Throws with the usage when it is wrong. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "operator-namespace": { type: "string", default: "mlsecops-system" },
      "service-account": { type: "string", default: "mlsecops-operator" },
      "kserve-account": { type: "string" },
      "log-level": { type: "string", default: "info" },
      "log-level-file": { type: "string" },
      "leader-elect": { type: "string", default: "true" },
      "allow-unsecured-namespaces": { type: "string", default: "false" },
      "registry-ca-file": { type: "string" },
      "denied-addresses": { type: "string", default: "" },
      "plain-http-registries": { type: "string", default: "" },
      "plain-http-metrics": { type: "string", default: "" },
      "registry-mirrors": { type: "string", default: "[]" },
      "cloud-endpoints": { type: "string", default: "" },
      "google-workload-identity-provider": { type: "string" },
      cosign: { type: "string", default: "/usr/local/bin/cosign" },
      "state-dir": { type: "string" },
      "max-artifact-bytes": { type: "string", default: String(20 * 1024 ** 3) },
      "rechecks-per-second": { type: "string", default: "10" },
      "api-requests-per-second": { type: "string", default: "200" },
      "api-request-burst": { type: "string", default: "400" },
      "dns-namespace": { type: "string", default: "kube-system" },
      "dns-pod-labels": { type: "string", default: "k8s-app=kube-dns" },
      "kms-plugins": { type: "string" },
      "import-image": { type: "string" },
      // One each time: names may hold commas.
      "expected-group": { type: "string", multiple: true, default: [] },
      "expected-user": { type: "string", multiple: true, default: [] },
      "expected-service-account": { type: "string", multiple: true, default: [] },
      "debug-port": { type: "string" },
      "health-port": { type: "string", default: "8081" },
      "evidence-store": { type: "string", default: "None" },
      "evidence-directory": { type: "string" },
      "evidence-repository": { type: "string" },
      "evidence-push-secret": { type: "string" },
      "evidence-key-secret": { type: "string" },
      "evidence-checkpoint-interval": { type: "string", default: "15m" },
      "notifications-url": { type: "string" },
      "notifications-secret": { type: "string" },
      "plain-http-notifications": { type: "string", default: "" },
    },
  });
  const caFile = values["registry-ca-file"];
  const parsed = Options.safeParse({
    operatorNamespace: values["operator-namespace"],
    serviceAccount: values["service-account"],
    kserveAccount: values["kserve-account"],
    logLevel: values["log-level"],
    logLevelFile: values["log-level-file"],
    leaderElect: values["leader-elect"],
    allowUnsecuredNamespaces: values["allow-unsecured-namespaces"],
    registryCa: caFile === undefined ? undefined : readFileSync(caFile, "utf8"),
    deniedAddresses: list(values["denied-addresses"]),
    plainHttpRegistries: list(values["plain-http-registries"]),
    plainHttpMetrics: list(values["plain-http-metrics"]),
    registryMirrors: values["registry-mirrors"],
    cloudEndpoints: list(values["cloud-endpoints"]),
    googleWorkloadIdentityProvider: values["google-workload-identity-provider"],
    cosign: values.cosign,
    stateDir: values["state-dir"],
    maxArtifactBytes: values["max-artifact-bytes"],
    rechecksPerSecond: values["rechecks-per-second"],
    requests: { perSecond: values["api-requests-per-second"], burst: values["api-request-burst"] },
    dns: { namespace: values["dns-namespace"], podLabels: list(values["dns-pod-labels"]) },
    kmsPlugins: values["kms-plugins"],
    importImage: values["import-image"],
    debugPort: values["debug-port"],
    healthPort: values["health-port"],
    expected: {
      groups: values["expected-group"],
      users: values["expected-user"],
      serviceAccounts: values["expected-service-account"],
    },
    evidence: {
      store: values["evidence-store"],
      directory: values["evidence-directory"],
      repository: values["evidence-repository"],
      pushSecret: values["evidence-push-secret"],
      keySecret: values["evidence-key-secret"],
      checkpointMs: values["evidence-checkpoint-interval"],
    },
    notifications: {
      url: values["notifications-url"],
      secret: values["notifications-secret"],
      plainHttpHosts: list(values["plain-http-notifications"]),
    },
  });
  if (parsed.success) return parsed.data;
  throw new Error(z.prettifyError(parsed.error));
}

function list(text: string): string[] {
  return text.split(",").filter((item) => item !== "");
}
