import { parseUrl } from "../parse-url.ts";
import type { CloudPlace } from "./places.ts";

/** The services that logins of clouds are fetched from. */
export const CLOUD_SERVICES = [
  "aws-sts",
  "aws-ecr",
  "google-sts",
  "google-iam-credentials",
  "azure-entra",
  "azure-registry",
] as const;
export type CloudService = (typeof CLOUD_SERVICES)[number];

/** Addresses that the administrator gives instead of the public ones; {region} and {registry} are filled in. */
export type CloudEndpoints = Readonly<Partial<Record<CloudService, string>>>;

export type ParsedEndpoints =
  { readonly ok: true; readonly endpoints: CloudEndpoints } | { readonly ok: false; readonly message: string };

/** Reads "aws-sts=https://…" and so on. */
export function parseCloudEndpoints(entries: readonly string[]): ParsedEndpoints {
  const endpoints: Partial<Record<CloudService, string>> = {};
  for (const entry of entries) {
    const [name = "", ...rest] = entry.split("=");
    const service = CLOUD_SERVICES.find((known) => known === name);
    const template = rest.join("=").replace(/\/$/, "");
    const url = parseUrl(fill(template, { region: "r", registry: "r" }));
    if (service === undefined || url?.origin !== fill(template, { region: "r", registry: "r" })) {
      return {
        ok: false,
        message: `cloud endpoint "${entry.slice(0, 256)}": write one of ${CLOUD_SERVICES.join(", ")}, then = and an address without a path, such as aws-sts=https://sts.{region}.example.com`,
      };
    }
    endpoints[service] = template;
  }
  return { ok: true, endpoints };
}

/** The origin of a service for a registry. What a tenant writes has no say in it but the registry's own name. */
export function cloudEndpoint(service: CloudService, place: CloudPlace, endpoints: CloudEndpoints): string {
  const region = place.cloud === "AWS" ? place.region : "";
  return fill(endpoints[service] ?? publicEndpoint(service, place), { region, registry: place.host });
}

function publicEndpoint(service: CloudService, place: CloudPlace): string {
  const suffix = place.cloud === "AWS" ? place.suffix : "";
  const fips = place.cloud === "AWS" && place.fips;
  const isGovernment = place.cloud === "AWS" && place.region.startsWith("us-gov-");
  switch (service) {
    case "aws-sts":
      // In the government's regions the plain name is the one that is validated.
      return `https://sts${fips && !isGovernment ? "-fips" : ""}.{region}.${suffix}`;
    case "aws-ecr":
      return fips ? `https://ecr-fips.{region}.${suffix}` : `https://api.ecr.{region}.${suffix}`;
    case "google-sts":
      return "https://sts.googleapis.com";
    case "google-iam-credentials":
      return "https://iamcredentials.googleapis.com";
    case "azure-entra":
      return `https://${place.cloud === "Azure" ? place.login : ""}`;
    case "azure-registry":
      return "https://{registry}";
  }
}

function fill(template: string, values: { readonly region: string; readonly registry: string }): string {
  return template.replaceAll("{region}", values.region).replaceAll("{registry}", values.registry);
}
