import { createHash } from "node:crypto";
import { IMPORT_LABEL, REVISION_LABEL, grantedRevision } from "../admission/index.ts";
import {
  API_VERSION,
  type AdmissionGrantSpec,
  type ModelSource,
  type SecureModel,
  type SourceStatus,
  secureModel,
} from "../api/index.ts";
import { type KubeObject, apiVersionOf, jobType, networkPolicyType } from "../kube/index.ts";
import { type ImportPlan, type PlanSource, exitCodes, paths } from "./plan.ts";

/** What the administrator has set for all imports. */
export interface ImportSettings {
  /** The image with the program, by digest: the operator's own. */
  readonly image: string;
  readonly caBundle: string | undefined;
  readonly plainHttpHosts: readonly string[];
  readonly deniedAddresses: readonly string[];
  /** Of the files of one model. */
  readonly maxBytes: number;
  /** As OCI names it, such as amd64. */
  readonly architecture: string;
}

/** Of a Job, what this room reads. */
export interface JobObject extends KubeObject {
  readonly status?: {
    readonly completionTime?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
      readonly lastTransitionTime?: string;
    }[];
  };
}

/** For all attempts of one Job. */
export const deadlineSeconds = 2 * 3600;
/** A Job that is over stays for so long; one that failed is made again after it. */
export const keptSeconds = 600;
const attempts = 3;
const container = "import";
const mebibyte = 1024 * 1024;
/** Beyond this the arguments of a container get too long. */
export const maxCaBytes = 30_000;

type Imported = SourceStatus["imported"];

/** The source and all that its import depends on: another one is another import. */
export function basisOf({ s3, http, pvc, import: target, pin }: ModelSource): string {
  const { repository } = target ?? {};
  return hashOf({ s3, http, pvc, repository, pin });
}

/**
 * The name of the Job for one look. It can be the name of no ModelRevision, which ends in a hyphen and ten hexadecimal
 * digits: both are keys of one map in the grant.
 */
export function jobName(model: SecureModel, settings: ImportSettings, look: string): string {
  const { uid = "" } = model.metadata;
  // Each look has a name of its own, and whoever is killed in between finds it again.
  const hash = hashOf({ uid, look, source: model.spec.source, settings });
  return `import-${hash.slice(0, 24)}`;
}

/** Where the content comes from, in one line. It holds no secret. */
export function originOf(namespace: string, { s3, http, pvc }: ModelSource): string {
  if (s3 !== undefined) {
    const version = s3.versionId === undefined ? "" : `?versionId=${s3.versionId}`;
    return `s3+${s3.endpoint}/${s3.bucket}/${s3.key ?? s3.prefix ?? ""}${version}`.slice(0, 2048);
  }
  if (http !== undefined) return http.url;
  return `pvc://${namespace}/${pvc?.claimName ?? ""}/${pvc?.path ?? ""}`;
}

export function planOf(model: SecureModel, settings: ImportSettings, known: Imported): ImportPlan | undefined {
  const { source } = model.spec;
  const what = planSource(source);
  if (what === undefined || source.import === undefined) return undefined;
  const { repository, pushSecret, tokenHosts = [] } = source.import;
  const { plainHttpHosts, deniedAddresses, maxBytes, architecture } = settings;
  return {
    source: what,
    from: originOf(model.metadata.namespace ?? "", source),
    ...{ repository, tokenHosts: [...tokenHosts], login: pushSecret !== undefined },
    ...(source.pin === undefined ? {} : { pin: source.pin.digest }),
    ...(known === undefined ? {} : { known: { files: known.files, fingerprint: known.fingerprint } }),
    mode: known === undefined || source.update === "Follow" ? "Import" : "Look",
    ...{ maxBytes, architecture, plainHttpHosts: [...plainHttpHosts], deniedAddresses: [...deniedAddresses] },
  };
}

function planSource({ s3, http, pvc }: ModelSource): PlanSource | undefined {
  if (s3 !== undefined) {
    const { credentialsSecret, ...rest } = s3;
    return { kind: "s3", ...rest, secret: credentialsSecret !== undefined };
  }
  if (http !== undefined) {
    const { headersSecret, redirectHosts = [], ...rest } = http;
    return { kind: "http", ...rest, redirectHosts, secret: headersSecret !== undefined };
  }
  return pvc === undefined ? undefined : { kind: "pvc", ...(pvc.path === undefined ? {} : { path: pvc.path }) };
}

/** The Job that imports. Secrets are files in it: never variables, never arguments. */
export function importJob(
  model: SecureModel,
  settings: ImportSettings,
  { name, known }: { readonly name: string; readonly known: Imported },
): KubeObject {
  return {
    apiVersion: apiVersionOf(jobType),
    kind: jobType.kind,
    metadata: {
      name,
      namespace: model.metadata.namespace ?? "",
      labels: labelsOf(model),
      ownerReferences: [ownerOf(model)],
    },
    spec: {
      backoffLimit: attempts - 1,
      activeDeadlineSeconds: deadlineSeconds,
      ttlSecondsAfterFinished: keptSeconds,
      podFailurePolicy: {
        // Where somebody has to change something, trying again only asks the same once more.
        rules: [
          { action: "FailJob", onExitCodes: { containerName: container, operator: "In", values: [exitCodes.final] } },
        ],
      },
      template: {
        metadata: { labels: { ...labelsOf(model), [REVISION_LABEL]: name } },
        spec: podSpec(model, settings, known),
      },
    },
  } as KubeObject;
}

function podSpec(model: SecureModel, settings: ImportSettings, known: Imported) {
  const { source } = model.spec;
  const secret = source.s3?.credentialsSecret ?? source.http?.headersSecret;
  const login = source.import?.pushSecret;
  const volumes = [
    { name: "scratch", emptyDir: { sizeLimit: String(settings.maxBytes + 64 * mebibyte) } },
    ...(secret === undefined ? [] : [{ name: "source-secret", secret: { secretName: secret } }]),
    ...(login === undefined ? [] : [{ name: "login", secret: { secretName: login } }]),
    ...(source.pvc === undefined
      ? []
      : [{ name: "source", persistentVolumeClaim: { claimName: source.pvc.claimName, readOnly: true } }]),
  ];
  const places: Readonly<Record<string, string>> = {
    scratch: paths.scratch,
    "source-secret": paths.secret,
    login: paths.login,
    source: paths.volume,
  };
  return {
    restartPolicy: "Never",
    serviceAccountName: "default",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, fsGroup: 65532 },
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name: container,
        image: settings.image,
        imagePullPolicy: "IfNotPresent",
        command: ["/usr/local/bin/node", "--disable-warning=DEP0040", paths.program],
        args: [
          JSON.stringify(planOf(model, settings, known)),
          ...(settings.caBundle === undefined ? [] : [settings.caBundle]),
        ],
        terminationMessagePath: paths.result,
        terminationMessagePolicy: "File",
        resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { cpu: "2", memory: "512Mi" } },
        volumeMounts: volumes.map((volume) => ({
          name: volume.name,
          mountPath: places[volume.name] ?? "",
          readOnly: volume.name !== "scratch",
        })),
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ["ALL"] },
        },
      },
    ],
    volumes,
  };
}

/** How the pod of the Job looks to admission. */
export function importRow(
  model: SecureModel,
  settings: ImportSettings,
  known: Imported,
): AdmissionGrantSpec["revisions"][string] {
  return { ...grantedRevision(model.metadata.name, podSpec(model, settings, known)), import: true };
}

/**
 * What import pods of the model may reach: names, and the ports of source and registry. A NetworkPolicy knows addresses only;
 * the program itself goes to these hosts alone. Nobody reaches the pods.
 */
export function importNetworkPolicy(model: SecureModel, settings: ImportSettings): KubeObject {
  const { s3, http, import: target } = model.spec.source;
  const [registry = ""] = (target?.repository ?? "").split("/");
  const isPlain = settings.plainHttpHosts.includes(registry);
  const ports = [
    portOf(registry, isPlain ? 80 : 443),
    ...(target?.tokenHosts ?? []).map((host) => portOf(host, 443)),
    ...(s3 === undefined ? [] : [portOfUrl(s3.endpoint)]),
    ...(http === undefined
      ? []
      : [portOfUrl(http.url), ...(http.redirectHosts ?? []).map((host) => portOf(host, 443))]),
  ];
  const dns = ["UDP", "TCP"].map((protocol) => ({ protocol, port: 53 }));
  return {
    apiVersion: apiVersionOf(networkPolicyType),
    kind: networkPolicyType.kind,
    metadata: {
      name: `${model.metadata.name}-import`,
      namespace: model.metadata.namespace ?? "",
      labels: labelsOf(model),
      ownerReferences: [ownerOf(model)],
    },
    spec: {
      podSelector: { matchLabels: { [IMPORT_LABEL]: model.metadata.name } },
      policyTypes: ["Ingress", "Egress"],
      ingress: [],
      egress: [
        { ports: dns },
        { ports: [...new Set(ports)].sort((a, b) => a - b).map((port) => ({ protocol: "TCP", port })) },
      ],
    },
  } as KubeObject;
}

function portOf(host: string, fallback: number): number {
  const port = /:(\d+)$/.exec(host)?.[1];
  return port === undefined ? fallback : Number(port);
}

function portOfUrl(text: string): number {
  const url = new URL(text);
  return url.port === "" ? (url.protocol === "http:" ? 80 : 443) : Number(url.port);
}

function labelsOf(model: SecureModel): Record<string, string> {
  return { "app.kubernetes.io/managed-by": "mlsecops-operator", [IMPORT_LABEL]: model.metadata.name };
}

function ownerOf({ metadata: { name, uid = "" } }: SecureModel) {
  return {
    apiVersion: API_VERSION,
    kind: secureModel.resource.kind,
    name,
    uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

function hashOf(value: unknown): string {
  return createHash("sha256").update(canonical(value)).digest("hex");
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, child: unknown) =>
    typeof child === "object" && child !== null && !Array.isArray(child)
      ? Object.fromEntries(Object.entries(child).sort(([a], [b]) => (a < b ? -1 : 1)))
      : child,
  );
}
