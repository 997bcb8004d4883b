import type { NamespaceQuota, Profile, SecureNamespaceSpec } from "../../api/index.ts";
import { parseQuantity } from "./quantity.ts";

type Resources = Readonly<Record<string, string>>;

export interface ContainerDefaults {
  readonly defaultRequest: Resources;
  readonly default: Resources;
  readonly max: Resources;
}

export interface ProfileDefaults {
  readonly podSecurity: "restricted";
  readonly quota: Resources;
  readonly limits: ContainerDefaults;
}

/** No way in from outside of the cluster that is not declared. */
const noExposure = { "services.nodeports": "0", "services.loadbalancers": "0" };

/** What a namespace gets that says nothing of its own. The documentation shows this table. */
export const profileDefaults: Readonly<Record<Profile, ProfileDefaults>> = {
  experiment: {
    podSecurity: "restricted",
    quota: { pods: "30", "requests.cpu": "16", "requests.memory": "64Gi", persistentvolumeclaims: "20", ...noExposure },
    limits: {
      defaultRequest: { cpu: "100m", memory: "256Mi" },
      default: { cpu: "8", memory: "4Gi" },
      max: { cpu: "8", memory: "32Gi" },
    },
  },
  training: {
    podSecurity: "restricted",
    quota: {
      pods: "100",
      "requests.cpu": "64",
      "requests.memory": "256Gi",
      persistentvolumeclaims: "50",
      ...noExposure,
    },
    limits: {
      defaultRequest: { cpu: "100m", memory: "256Mi" },
      default: { cpu: "32", memory: "8Gi" },
      max: { cpu: "32", memory: "128Gi" },
    },
  },
  serving: {
    podSecurity: "restricted",
    quota: { pods: "50", "requests.cpu": "32", "requests.memory": "64Gi", persistentvolumeclaims: "10", ...noExposure },
    limits: {
      defaultRequest: { cpu: "50m", memory: "128Mi" },
      default: { cpu: "8", memory: "2Gi" },
      max: { cpu: "8", memory: "32Gi" },
    },
  },
};

type Sizes = Pick<SecureNamespaceSpec, "profile" | "quota" | "limits"> & {
  readonly network: Pick<SecureNamespaceSpec["network"], "exposed">;
};

/** `hard` of the ResourceQuota: the profile's, with the keys of the spec in their place. Pure. */
export function quotaOf({ profile, quota, network }: Sizes): NamespaceQuota {
  const { quota: defaults } = profileDefaults[profile];
  // How many ports a declared Service has is not known here.
  const isExposed = network.exposed.some(({ kind }) => kind === "Service");
  const kept = Object.entries(defaults).filter(([key]) => !(isExposed && key in noExposure));
  return { ...Object.fromEntries(kept), ...quota };
}

/**
 * What the LimitRange says of containers: the spec's own values, and for the rest the profile's, brought into line with
 * them: a request is never more than the limit, and the limit never more than the maximum. Pure.
 */
export function containerLimitsOf({ profile, limits = {} }: Sizes): ContainerDefaults {
  const defaults = profileDefaults[profile].limits;
  const { max: ownMax = {}, default: ownLimit = {}, defaultRequest: ownRequest = {} } = limits;
  // Nobody who writes a larger request means a smaller limit. What the spec says of the limit itself stays.
  const max = { ...raised(defaults.max, [ownLimit, ownRequest]), ...ownMax };
  const limit: Record<string, string> = { ...lowered(raised(defaults.default, [ownRequest]), max), ...ownLimit };
  for (const [key, most] of Object.entries(max)) {
    // The API server takes the maximum for the default otherwise, and every container would ask for a GPU.
    limit[key] ??= key.includes("/") ? "0" : most;
  }
  const request: Record<string, string> = { ...lowered(defaults.defaultRequest, limit), ...ownRequest };
  for (const [key, most] of Object.entries(limit)) request[key] ??= most;
  return { defaultRequest: request, default: limit, max };
}

function raised(values: Resources, by: readonly Resources[]): Resources {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [
      key,
      by.reduce(
        (most, { [key]: other }) => (other !== undefined && amount(other) > amount(most) ? other : most),
        value,
      ),
    ]),
  );
}

function lowered(values: Resources, most: Resources): Resources {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => {
      const bound = most[key];
      return [key, bound !== undefined && amount(bound) < amount(value) ? bound : value];
    }),
  );
}

function amount(text: string): bigint {
  return parseQuantity(text) ?? 0n;
}
