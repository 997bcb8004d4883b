import { type AllowedImage, type SecureModel, servedOci } from "../../api/index.ts";
import type { ResolvedPolicy } from "../../trust/index.ts";
import type { Verifying } from "../registry/open.ts";
import type { TenantLogins } from "../registry/tenant-credentials.ts";
import { judge } from "../verify/gather.ts";
import type { Refreshed } from "./gather.ts";

export interface Refreshing {
  readonly registries: Verifying;
  readonly logins: TenantLogins;
  readonly policies: readonly ResolvedPolicy[];
  readonly now: Date;
}

/** What the registry and the policies say of a model now. A tag is resolved again. */
export async function refreshModel(
  { registries, logins, policies, now }: Refreshing,
  { metadata, spec, status }: SecureModel,
): Promise<Refreshed | undefined> {
  const { namespace = "" } = metadata;
  const oci = servedOci(spec.source, status?.source);
  // There is nothing to ask for until something is imported.
  if (oci === undefined) return undefined;
  const credentials = await logins.of(namespace, oci);
  const required = spec.policies.map(({ name }) => name);
  const subject = { reference: oci.reference, namespace, required, credentials, use: registries.useOfModels };
  return { ...(await judge(registries, subject, policies, now)), content: registries.useOfModels === "Model" };
}

export async function refreshImage(
  { registries, logins, policies, now }: Refreshing,
  namespace: string,
  image: AllowedImage,
): Promise<Refreshed> {
  const credentials = await logins.ofImage(namespace, image);
  const required = (image.policies ?? []).map(({ name }) => name);
  const subject = { reference: image.reference, namespace, required, credentials, use: "Image" } as const;
  return { ...(await judge(registries, subject, policies, now)), content: registries.useOfModels === "Model" };
}
