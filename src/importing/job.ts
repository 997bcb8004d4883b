import { IMPORT_LABEL, REVISION_LABEL, grantedRevision } from "../admission/index.ts";
import { type AdmissionGrantSpec, type SecureModel, ownerReference, secureModel } from "../api/index.ts";
import { type KubeObject, apiVersionOf, jobType } from "../kube/index.ts";
import { type Imported, planOf } from "./import-plan.ts";
import { exitCodes, paths } from "./plan.ts";
import type { ImportSettings } from "./settings.ts";

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
      labels: importLabels(model),
      ownerReferences: [ownerReference(secureModel, model)],
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
        metadata: { labels: { ...importLabels(model), [REVISION_LABEL]: name } },
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

/** Of all that an import is made of. */
export function importLabels(model: SecureModel): Record<string, string> {
  return { "app.kubernetes.io/managed-by": "mlsecops-operator", [IMPORT_LABEL]: model.metadata.name };
}
