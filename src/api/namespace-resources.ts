import { z } from "zod";
import { ShortName, matching, mapList, shown, withRules } from "./schema.ts";

const Quantity = matching(
  z.string().max(32),
  /^[0-9]+(\.[0-9]{1,9})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$/,
  'write a quantity as text, for example "4", 500m or 16Gi',
);

const ResourceKey = matching(
  z.string().max(128),
  /^[a-z0-9A-Z]([-a-zA-Z0-9_./]*[a-zA-Z0-9])?$/,
  "write a resource as ResourceQuota knows it, for example requests.cpu, limits.memory, requests.nvidia.com/gpu or pods",
);

const Resources = withRules(z.record(ResourceKey, Quantity), {
  rule: "self.size() <= 32",
  message: "write at most 32 resources",
  holds: (map) => Object.keys(map).length <= 32,
}).meta({ maxProperties: 32 });

/** How much all of the namespace may use: `hard` of a ResourceQuota. A profile's defaults hold for what is left out. */
export const NamespaceQuota = Resources;
export type NamespaceQuota = z.output<typeof NamespaceQuota>;

/** What containers get that say nothing, and the most that one may have: a LimitRange of type Container. */
export const ContainerLimits = z.strictObject({
  defaultRequest: Resources.optional(),
  default: Resources.describe("Limits of containers that set none.").optional(),
  max: Resources.optional(),
});
export type ContainerLimits = z.output<typeof ContainerLimits>;

/** ServiceAccounts for workloads: no token is mounted, and nothing is bound to them. */
export const WorkloadAccounts = mapList(
  z
    .array(
      withRules(z.strictObject({ name: shown(ShortName, "name: trainer") }), {
        rule: "self.name != 'default'",
        message: "the default ServiceAccount is there anyway, without a token: name another one",
        holds: ({ name }) => name !== "default",
      }),
    )
    .max(16),
  "name",
);
export type WorkloadAccounts = z.output<typeof WorkloadAccounts>;
