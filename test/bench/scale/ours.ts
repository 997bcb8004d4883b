import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { clusterTrustPolicy, secureModel, secureNamespace } from "../../../src/api/index.ts";
import type { KubeObject, ResourceType } from "../../../src/kube/index.ts";
import { forEachOf, loadKubeConfig } from "../../integration/kube/support.ts";
import { Installation } from "../../integration/operator/support/installation.ts";
import { Pusher } from "../../integration/trust/support/pusher.ts";
import { KeySigner } from "../support/key-signer.ts";
import { BundledOperator } from "./bundled-operator.ts";
import { type Contestant, createNamespaces, parallel, removeNamespaces, simulated } from "./contestant.ts";

const apiVersion = "mlsecops.io/v1alpha1";

interface WithConditions extends KubeObject {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

/**
 * SecureModels in enforced SecureNamespaces. The verdict is a real one, and cheap: all models name one signed artifact, so
 * that cosign runs once for it.
 */
export async function secureModels(): Promise<Contestant> {
  const installation = new Installation(loadKubeConfig());
  const { admin } = installation;
  await installation.install();
  const operator = await BundledOperator.prepare(await installation.operatorKubeConfig());
  const { model, runtime, publicKey } = await signedOnce();
  const apply = (type: ResourceType, object: KubeObject & { readonly spec: object }) =>
    admin.apply<KubeObject>(type, { apiVersion, kind: type.kind, ...object }, { fieldManager: "bench" });
  const isTrue = (object: WithConditions, condition: string): boolean =>
    object.status?.conditions?.some(({ type, status }) => type === condition && status === "True") === true;
  return {
    tool: "ours",
    agent: "mlsecops-operator",
    type: secureModel.resource,
    prepare: async (spaces) => {
      await apply(clusterTrustPolicy.resource, {
        metadata: { name: "bench-scale" },
        spec: {
          scope: { references: [model, runtime].map((one) => one.slice(0, one.indexOf("@"))) },
          authorities: [{ name: "key", key: { inline: publicKey } }],
        },
      });
      await createNamespaces(admin, spaces);
      await forEachOf(spaces, parallel, (name) =>
        apply(secureNamespace.resource, {
          metadata: { name },
          spec: {
            profile: "serving",
            enforcement: "Enforce",
            allowedImages: [{ name: "runtime", reference: runtime }],
          },
        }),
      );
    },
    start: () => operator.start(),
    ready: async (spaces) => {
      for (;;) {
        const found = await admin.list<WithConditions>(secureNamespace.resource);
        const enforced = found.filter((one) => isTrue(one, "Enforced")).length;
        if (enforced >= spaces.length) return;
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      }
    },
    pid: () => operator.pid,
    create: async (namespace, name) => {
      const containers = [{ name: "runtime", image: runtime }];
      await apply(secureModel.resource, {
        metadata: { namespace, name },
        spec: {
          source: { oci: { reference: model } },
          replicas: 1,
          workload: { managed: { template: { spec: { containers, ...simulated } } } },
        },
      });
    },
    isSteady: (object) => isTrue(object, "Ready"),
    isQuiet: async () => {
      const [leads, depth] = [
        await operator.metric("mlsecops_leader"),
        await operator.metric("mlsecops_workqueue_depth"),
      ];
      return leads === 1 && depth === 0;
    },
    stop: () => operator.stop(),
    log: () => operator.log(),
    remove: async (spaces) => {
      await forEachOf(spaces, parallel, (name) => admin.remove(secureNamespace.resource, { name }));
      await removeNamespaces(admin, spaces);
      await operator.remove();
      installation.transport.close();
    },
  };
}

/** One model and one runtime, each signed by one key, in the cluster's registry. */
async function signedOnce() {
  const [host, caFile] = [process.env["MLSECOPS_REGISTRY"], process.env["MLSECOPS_REGISTRY_CA"]];
  if (host === undefined || caFile === undefined) throw new Error("the registry of a local cluster is needed");
  const path = `bench/${randomUUID()}`;
  const ca = await readFile(caFile, "utf8");
  const signer = await KeySigner.create();
  try {
    const { pem } = await signer.key("scale");
    const push = async (name: string): Promise<string> => {
      const pusher = new Pusher(`https://${host}`, `${path}/${name}`, ca);
      const reference = `${host}/${path}/${name}@${await pusher.artifact(name, "v1")}`;
      await pusher.close();
      await signer.sign("scale", reference, "bundle");
      return reference;
    };
    return { model: await push("model"), runtime: await push("runtime"), publicKey: pem };
  } finally {
    await signer.remove();
  }
}
