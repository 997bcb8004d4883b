import { z } from "zod";
import { ObjectName, ShortName, matching, shown } from "./schema.ts";

/** How requests get to the revisions of a model that is rolled out in steps. */

const Hostname = matching(
  z.string().min(1).max(253),
  /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
  "write a host name without scheme and port, for example models.example.com or *.example.com",
);

const Parent = z.strictObject({
  name: shown(ObjectName.describe("The name of a Gateway."), "name: public"),
  namespace: ShortName.describe(
    "Where the Gateway is; the model's own namespace if left out. Its listener must allow routes from here.",
  ).optional(),
  sectionName: ObjectName.describe("One listener of the Gateway; all that fit if left out.").optional(),
  port: z.int().min(1).max(65535).describe("The port of one listener; all that fit if left out.").optional(),
});

/** That one Gateway is named twice the API server says, of the route. */
export const HttpRouteTraffic = z.strictObject({
  parentRefs: shown(
    z
      .array(Parent)
      .min(1)
      .max(8)
      .describe("The Gateways whose requests go to the model. Each must be let in by the SecureNamespace."),
    "parentRefs: [{name: public, namespace: gateways}]",
  ),
  hostnames: z
    .array(Hostname)
    .max(16)
    .describe("For which host names; for all that the listeners have if left out.")
    .default([]),
});
export type HttpRouteTraffic = z.output<typeof HttpRouteTraffic>;

export const ModelTraffic = z.strictObject({
  httpRoute: HttpRouteTraffic.describe(
    "Requests are shared by weights in an HTTPRoute of the Gateway API, which the operator makes. Without it by the number of pods behind one Service.",
  ).optional(),
});
export type ModelTraffic = z.output<typeof ModelTraffic>;
