export { issuers, person, pipeline, workflow, type Identity, type Workflow } from "./identities.ts";
export { OidcIssuer, type Claims, type TokenOptions } from "./oidc-issuer.ts";
export { Sigstore, type SignOptions } from "./sigstore.ts";
export { saysCosign, signerByLibrary, type Check } from "./verify.ts";
