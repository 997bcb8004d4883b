/** What the gateway reads of the cluster. */
import { z } from "zod";
import type { ResourceType } from "../../../src/kube/index.ts";

export const endpointSliceType: ResourceType = {
  group: "discovery.k8s.io",
  version: "v1",
  kind: "EndpointSlice",
  plural: "endpointslices",
  namespaced: true,
};

const ServiceRef = z.object({
  group: z.literal("").default(""),
  kind: z.literal("Service").default("Service"),
  namespace: z.undefined().optional(),
  name: z.string(),
  port: z.number(),
});

const Mirror = z.strictObject({
  type: z.literal("RequestMirror"),
  requestMirror: z.strictObject({ backendRef: ServiceRef }),
});

/** Refuses all of an HTTPRoute that the gateway would not do. */
export const RouteSchema = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    generation: z.number(),
  }),
  spec: z.strictObject({
    parentRefs: z.array(
      z.object({
        kind: z.literal("Gateway"),
        name: z.string(),
        namespace: z.string().optional(),
        sectionName: z.undefined().optional(),
        port: z.undefined().optional(),
      }),
    ),
    hostnames: z.array(z.string()).default([]),
    rules: z
      .array(
        z.strictObject({
          matches: z
            .array(z.strictObject({ path: z.strictObject({ type: z.literal("PathPrefix"), value: z.literal("/") }) }))
            .length(1),
          filters: z.array(Mirror).default([]),
          backendRefs: z.array(ServiceRef.extend({ weight: z.number().default(1) })),
        }),
      )
      .length(1),
  }),
});
export type RouteObject = z.output<typeof RouteSchema>;

export const SliceSchema = z.object({
  metadata: z.object({ labels: z.object({ "kubernetes.io/service-name": z.string() }) }),
  endpoints: z
    .array(z.object({ addresses: z.array(z.string()), conditions: z.object({ ready: z.boolean().default(true) }) }))
    .nullish(),
  ports: z.array(z.object({ port: z.number() })).nullish(),
});
