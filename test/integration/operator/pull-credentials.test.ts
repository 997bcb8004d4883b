import assert from "node:assert/strict";
import {
  type KubeObject,
  namespaceType,
  ObjectClient,
  roleBindingType,
  secretType,
  serviceAccountType,
  type Transport,
} from "../../../src/kube/index.ts";
import { pullCredentials } from "../../../src/operator/pull-credentials.ts";
import { serviceAccountToken } from "../../../src/operator/service-account-token.ts";
import { CloudLogins, type Credentials, type Pulling } from "../../../src/trust/index.ts";
import { selectCredential } from "../../../src/trust/credentials.ts";
import { isRegistryError } from "../../../src/trust/registry-error.ts";
import { client, FakeClouds, googleProvider, role, tenant } from "../../unit/trust/support/fake-clouds.ts";
import { connect, eventually, randomName } from "../kube/support.ts";
import { Installation, operatorNamespace } from "./support/installation.ts";

const workloads = "mlsecops-operator-workloads";

/** With the operator's own rights on a real API server; only the clouds are not real. */
describe("credentials for registries, with the operator's rights", function () {
  this.timeout(60_000);
  const secured = randomName("pull-secured");
  const other = randomName("pull-other");
  let installation: Installation;
  let transport: Transport;
  let clouds: FakeClouds;

  before(async () => {
    installation = new Installation();
    await installation.install();
    clouds = await FakeClouds.start(new Date());
    clouds.subject = `system:serviceaccount:${secured}:puller`;
    const { admin } = installation;
    const annotations = {
      "eks.amazonaws.com/role-arn": role,
      "azure.workload.identity/client-id": client,
      "azure.workload.identity/tenant-id": tenant,
      "mlsecops.io/google-workload-identity-provider": googleProvider,
    };
    for (const namespace of [secured, other]) {
      await admin.create(namespaceType, { metadata: { name: namespace } });
      await admin.create(serviceAccountType, {
        metadata: { name: "puller", namespace, annotations },
        imagePullSecrets: [{ name: "login" }],
      } as KubeObject);
      const auths = { "registry.example.com": { username: "ci", password: "p" } };
      await admin.create(secretType, {
        metadata: { name: "login", namespace },
        type: "kubernetes.io/dockerconfigjson",
        data: { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") },
      } as KubeObject);
    }
    transport = connect(await installation.operatorKubeConfig());
    // As the operator does it, where a SecureNamespace says so.
    const binding = {
      metadata: { name: workloads, namespace: secured },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: workloads },
      subjects: [{ kind: "ServiceAccount", name: "mlsecops-operator", namespace: operatorNamespace }],
    };
    await new ObjectClient({ transport }).create(roleBindingType, binding);
    await eventually(() => new ObjectClient({ transport }).get(secretType, { namespace: secured, name: "login" }));
  });
  after(async () => {
    transport.close();
    await clouds.stop();
    for (const name of [secured, other]) await installation.admin.remove(namespaceType, { name });
    installation.transport.close();
  });

  const get = (namespace: string, pulling: Pulling): Promise<Credentials | undefined> =>
    pullCredentials(
      {
        client: new ObjectClient({ transport }),
        logins: new CloudLogins({ egress: clouds.egress, endpoints: clouds.endpoints }),
      },
      namespace,
      pulling,
    );

  async function login(credentials: Credentials | undefined, registry: string): Promise<string | undefined> {
    const found = await selectCredential(credentials ?? [], registry, "models/iris")?.login(registry);
    return found?.kind === "Basic" ? Buffer.from(found.authorization.slice(6), "base64").toString() : undefined;
  }

  it("are those of the ServiceAccount: its Secrets, and its identity in three clouds", async () => {
    const credentials = await get(secured, { serviceAccountName: "puller" });
    assert.equal(await login(credentials, "registry.example.com"), "ci:p");
    const ecr = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    assert.equal(await login(credentials, ecr), "AWS:password-of-ecr");
    const gar = "europe-west1-docker.pkg.dev";
    assert.equal(await login(credentials, gar), "oauth2accesstoken:token-of-google-federation");
    assert.match((await login(credentials, "myregistry.azurecr.io")) ?? "", /^00000000-/);
  });

  it("are a problem in a namespace that is not secured", async () => {
    const credentials = await get(other, { serviceAccountName: "puller", pullSecrets: [{ name: "login" }] });
    const missing = selectCredential(credentials ?? [], "registry.example.com", "models/iris");
    assert.equal(missing?.missing, true);
    // That there is such a ServiceAccount is no secret: whatever it leads to is.
    assert.match(missing.hint, new RegExp(`may not read Secret ${other}/login: it may as soon as`));
  });

  it("are never a token that an API server would take, nor one of another namespace", async () => {
    const refused = (error: unknown): boolean => isRegistryError(error, "Unauthorized");
    for (const audience of ["https://kubernetes.default.svc.cluster.local", "", "sts.example.com"])
      await assert.rejects(serviceAccountToken(transport, { namespace: secured, name: "puller" })(audience), refused);
    for (const namespace of [other, operatorNamespace, "kube-system"])
      await assert.rejects(
        serviceAccountToken(transport, { namespace, name: "default" })("sts.amazonaws.com"),
        refused,
      );
    const missing = serviceAccountToken(transport, { namespace: secured, name: "gone" })("sts.amazonaws.com");
    await assert.rejects(missing, /ServiceAccount \S+\/gone is missing/);
  });
});
