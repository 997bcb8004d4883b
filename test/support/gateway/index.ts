/** What stands for a Gateway in tests: its kinds, an nginx that does what HTTPRoutes say, and what requests are sent by. */
export { gatewayDefinition } from "./definitions.ts";
export { Gateway, type GatewayOptions } from "./gateway.ts";
export { endpointSliceType } from "./read.ts";
export { type Answer, send, sendMany } from "./requests.ts";
export { StandIn } from "./stand-in.ts";
