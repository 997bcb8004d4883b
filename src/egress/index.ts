/** One way out for every request whose address a tenant can write. */
export { createAddressCheck, type AddressCheck } from "./address.ts";
export type { BoundedBody } from "./bounded-body.ts";
export { type Resolver } from "./checked-lookup.ts";
export { EgressError, isEgressError, type EgressErrorCode } from "./egress-error.ts";
export { Egress, type EgressOptions, type EgressRequest, type EgressResponse } from "./egress.ts";
