/** Logins at the registries of clouds, as ServiceAccounts. */
export type { CloudAccount } from "./account.ts";
export { parseCloudEndpoints, type CloudEndpoints, type ParsedEndpoints } from "./endpoints.ts";
export { isGoogleProvider } from "./google.ts";
export { CloudLogins, type CloudLoginsOptions } from "./logins.ts";
