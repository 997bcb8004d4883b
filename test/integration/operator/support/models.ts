import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Pusher } from "../../trust/support/pusher.ts";
import { Signer } from "../../trust/support/signer.ts";

/** Real artifacts in the cluster's registry, with real signatures: two versions of a model, and a runtime. */
export interface Models {
  readonly repository: string;
  readonly v1: string;
  readonly v2: string;
  readonly runtime: string;
  readonly publicKey: string;
}

export async function pushModels(): Promise<Models> {
  const host = process.env["MLSECOPS_REGISTRY"];
  const caPath = process.env["MLSECOPS_REGISTRY_CA"];
  if (host === undefined || caPath === undefined) throw new Error("these tests need the registry of a local cluster");
  const repository = `operator/${randomUUID()}`;
  const ca = await readFile(caPath, "utf8");
  const signer = await Signer.create();
  const models = new Pusher(`https://${host}`, `${repository}/model`, ca);
  const runtimes = new Pusher(`https://${host}`, `${repository}/runtime`, ca);
  try {
    const key = await signer.key("release");
    const model = async (version: string): Promise<string> =>
      `${host}/${repository}/model@${await models.artifact(`model ${version}`, version)}`;
    const [v1, v2] = [await model("v1"), await model("v2")];
    const runtime = `${host}/${repository}/runtime@${await runtimes.artifact("runtime", "v1")}`;
    for (const reference of [v1, v2, runtime]) await signer.sign("release", reference);
    return { repository: `${host}/${repository}`, v1, v2, runtime, publicKey: key.pem };
  } finally {
    await models.close();
    await runtimes.close();
    await signer.remove();
  }
}
