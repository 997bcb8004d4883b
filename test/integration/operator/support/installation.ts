import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { KubeConfig } from "@kubernetes/client-node";
import { parseAllDocuments } from "yaml";
import { ObjectClient, type KubeObject, type ResourceType, type Transport } from "../../../../src/kube/index.ts";
import { connect, eventually, loadKubeConfig } from "../../kube/support.ts";

export const operatorNamespace = "mlsecops-system";
const serviceAccount = "mlsecops-operator";

/** What `kubectl apply -k manifests/install` installs, without the Deployment: the tests start the process themselves. */
const manifests = ["namespace.yaml", "crds.yaml", "admission-policies.yaml", "people-roles.yaml", "operator.yaml"];

/** The products of one cluster: CRDs, admission policies, and the operator's account with its rights. */
export class Installation {
  readonly #kubeConfig: KubeConfig;
  readonly transport: Transport;
  /** With all rights. */
  readonly admin: ObjectClient;

  constructor(kubeConfig = loadKubeConfig()) {
    this.#kubeConfig = kubeConfig;
    this.transport = connect(kubeConfig);
    this.admin = new ObjectClient({ transport: this.transport });
  }

  async install(): Promise<void> {
    for (const file of manifests) {
      for (const object of await read(file)) {
        if (object.kind === "Deployment") continue;
        await this.admin.apply(typeOf(object), object, { fieldManager: "test-installation" });
      }
    }
    // The kinds are served a moment after they were written.
    for (const plural of ["clustertrustpolicies", "securenamespaces", "securemodels", "modelrevisions"])
      await eventually(() => this.admin.list(product(plural, "", true)));
  }

  /** A kubeconfig with the rights of the operator's account, and no others. */
  async operatorKubeConfig(): Promise<KubeConfig> {
    const path = `/api/v1/namespaces/${operatorNamespace}/serviceaccounts/${serviceAccount}/token`;
    const answer = await this.transport.request({
      method: "POST",
      path,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: { expirationSeconds: 7200 },
      }),
      verb: "create",
      resource: "serviceaccounts",
      idempotent: true,
    });
    const { status } = JSON.parse(answer.body) as { status: { token: string } };
    const cluster = this.#kubeConfig.getCurrentCluster();
    if (cluster === null) throw new Error("the kubeconfig has no cluster");
    const config = new KubeConfig();
    config.loadFromClusterAndUser(cluster, { name: serviceAccount, token: status.token });
    return config;
  }
}

async function read(file: string): Promise<KubeObject[]> {
  const path = fileURLToPath(new URL(`../../../../manifests/install/${file}`, import.meta.url));
  const documents = parseAllDocuments(await readFile(path, "utf8"));
  return documents.flatMap((document) => (document.toJSON() as KubeObject | null) ?? []);
}

const pluralOf: Readonly<Record<string, string>> = {
  ValidatingAdmissionPolicy: "validatingadmissionpolicies",
};
const clusterScoped = new Set([
  "Namespace",
  "CustomResourceDefinition",
  "ClusterRole",
  "ClusterRoleBinding",
  "ValidatingAdmissionPolicy",
  "ValidatingAdmissionPolicyBinding",
]);

function typeOf({ apiVersion = "", kind = "" }: KubeObject): ResourceType {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return {
    group: group ?? "",
    version: version ?? "",
    kind,
    plural: pluralOf[kind] ?? `${kind.toLowerCase()}s`,
    namespaced: !clusterScoped.has(kind),
  };
}

export function product(plural: string, kind: string, namespaced: boolean): ResourceType {
  return { group: "mlsecops.io", version: "v1alpha1", kind, plural, namespaced };
}
