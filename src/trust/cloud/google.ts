import { z } from "zod";
import { basicLogin } from "../credentials.ts";
import { RegistryError } from "../registry-error.ts";
import {
  accountName,
  annotationOf,
  GOOGLE_ACCOUNT,
  GOOGLE_PROVIDER,
  type CloudAccount,
  type CloudLogin,
} from "./account.ts";
import { cloudEndpoint } from "./endpoints.ts";
import { form, notOver, parseJson, takeStep, unreadable, type CloudContext } from "./exchange.ts";
import type { CloudPlace } from "./places.ts";

type GooglePlace = Extract<CloudPlace, { cloud: "Google" }>;

const pool =
  /^projects\/\d{1,20}\/locations\/global\/workloadIdentityPools\/[a-z0-9-]{4,32}\/providers\/[a-z0-9-]{4,32}$/;
const cluster =
  /^identitynamespace:(?<pool>[a-z0-9.:-]{1,128}\.svc\.id\.goog):https:\/\/[a-z0-9.-]{1,128}\/[A-Za-z0-9/_.-]{1,256}$/;
const email = /^[a-z0-9-]{1,63}@[a-z0-9.-]{1,128}\.gserviceaccount\.com$/;
const scopes = "https://www.googleapis.com/auth/cloud-platform";

const Exchanged = z.object({
  access_token: z.string().min(1).max(65_536),
  expires_in: z.number().positive().optional(),
});
const Generated = z.object({ accessToken: z.string().min(1).max(65_536), expireTime: z.iso.datetime() });
const Failure = z.object({
  error: z.union([z.string(), z.object({ status: z.string() }).transform(({ status }) => status)]),
});
const codeOf = (text: string) => Failure.safeParse(parseJson(text)).data?.error;

/** Whether it names a provider of workload identities as this program understands it. */
export function isGoogleProvider(text: string): boolean {
  return pool.test(text) || cluster.test(text);
}

/** Google's token exchange (RFC 8693), then, where the ServiceAccount stands for a Google one, that one's token. */
export async function loginToGoogle(
  context: CloudContext,
  place: GooglePlace,
  account: CloudAccount,
): Promise<CloudLogin> {
  const federated = await exchangeToken(context, place, account);
  const { annotations } = account;
  const { token, expiresAt } =
    annotations[GOOGLE_ACCOUNT] === undefined ? federated : await impersonate(context, place, { account, federated });
  return { login: basicLogin("oauth2accesstoken", token), expiresAt };
}

interface GoogleToken {
  readonly token: string;
  readonly expiresAt: Date;
}

async function exchangeToken(context: CloudContext, place: GooglePlace, account: CloudAccount): Promise<GoogleToken> {
  const provider = providerOf(context, account);
  const step = {
    name: "Google STS token exchange",
    url: `${cloudEndpoint("google-sts", place, context.endpoints)}/v1/token`,
    ...form({
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      subject_token: await account.token(provider.tokenAudience, context.signal),
      audience: provider.audience,
      scope: scopes,
    }),
    check: `that the workload identity provider ${provider.audience} trusts this cluster's issuer and audience ${provider.tokenAudience} (annotation ${GOOGLE_PROVIDER} of ${accountName(account)}, or the operator's default)`,
    codeOf,
  };
  const answer = Exchanged.safeParse(parseJson(await takeStep(context, step))).data;
  if (answer === undefined) throw unreadable(step, "an access token");
  const expiresAt = new Date(context.now().getTime() + (answer.expires_in ?? 300) * 1000);
  return { token: answer.access_token, expiresAt };
}

async function impersonate(
  context: CloudContext,
  place: GooglePlace,
  { account, federated }: { readonly account: CloudAccount; readonly federated: GoogleToken },
): Promise<GoogleToken> {
  const who = annotationOf(account, GOOGLE_ACCOUNT, email, "models-pull@my-project.iam.gserviceaccount.com");
  if (!/^[\x21-\x7e]+$/.test(federated.token)) {
    throw new RegistryError("Unavailable", "Google STS token exchange: the token has characters that no header takes");
  }
  const origin = cloudEndpoint("google-iam-credentials", place, context.endpoints);
  const step = {
    name: "IAM Credentials generateAccessToken",
    url: `${origin}/v1/projects/-/serviceAccounts/${encodeURIComponent(who)}:generateAccessToken`,
    headers: { "content-type": "application/json", authorization: `Bearer ${federated.token}` },
    body: JSON.stringify({ scope: [`${scopes}.read-only`], lifetime: "3600s" }),
    check: `that ${who} (annotation ${GOOGLE_ACCOUNT} of ${accountName(account)}) grants roles/iam.workloadIdentityUser to this ServiceAccount`,
    codeOf,
  };
  const answer = Generated.safeParse(parseJson(await takeStep(context, step))).data;
  if (answer === undefined) throw unreadable(step, "an access token");
  return { token: answer.accessToken, expiresAt: notOver(new Date(answer.expireTime), context, step) };
}

/** `tokenAudience` is of a form that no API server takes for its own, whatever the annotation says. */
function providerOf(context: CloudContext, account: CloudAccount): { audience: string; tokenAudience: string } {
  const fallback = context.googleProvider === undefined ? {} : { [GOOGLE_PROVIDER]: context.googleProvider };
  const text = annotationOf(
    { ...account, annotations: { ...fallback, ...account.annotations } },
    GOOGLE_PROVIDER,
    new RegExp(`${pool.source}|${cluster.source}`),
    "projects/123456789012/locations/global/workloadIdentityPools/my-pool/providers/my-cluster",
  );
  const namespace = cluster.exec(text)?.groups?.["pool"];
  return namespace === undefined
    ? { audience: `//iam.googleapis.com/${text}`, tokenAudience: `https://iam.googleapis.com/${text}` }
    : { audience: text, tokenAudience: namespace };
}
