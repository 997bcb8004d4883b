import { z } from "zod";
import { basicLogin } from "../credentials.ts";
import {
  accountName,
  annotationOf,
  AZURE_CLIENT,
  AZURE_TENANT,
  type CloudAccount,
  type CloudLogin,
} from "./account.ts";
import { cloudEndpoint } from "./endpoints.ts";
import { form, notOver, parseJson, takeStep, unreadable, type CloudContext } from "./exchange.ts";
import type { CloudPlace } from "./places.ts";

type AzurePlace = Extract<CloudPlace, { cloud: "Azure" }>;

const audience = "api://AzureADTokenExchange";
const uuid = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
/** Who logs in with a refresh token of the registry. */
const tokenUser = "00000000-0000-0000-0000-000000000000";

const AccessToken = z.object({ access_token: z.string().min(1).max(65_536) });
const RefreshToken = z.object({ refresh_token: z.string().regex(/^[\x21-\x7e]{1,65536}$/) });
const Claims = z.object({ exp: z.number().positive() });
const EntraFailure = z.object({ error: z.string(), error_codes: z.array(z.number()).optional() });
const RegistryFailure = z.object({ errors: z.array(z.object({ code: z.string() })).min(1) });

/** Entra ID's token for a client assertion, then the registry's refresh token for it. */
export async function loginToAcr(context: CloudContext, place: AzurePlace, account: CloudAccount): Promise<CloudLogin> {
  const tenant = annotationOf(account, AZURE_TENANT, uuid, "11111111-2222-3333-4444-555555555555");
  const accessToken = await fromEntra(context, place, { account, tenant });
  const step = {
    name: "ACR oauth2/exchange",
    url: `${cloudEndpoint("azure-registry", place, context.endpoints)}/oauth2/exchange`,
    ...form({ grant_type: "access_token", service: place.host, tenant, access_token: accessToken }),
    check: `that the identity in annotation ${AZURE_CLIENT} of ${accountName(account)} has the role AcrPull on ${place.host}`,
    codeOf: (text: string) => RegistryFailure.safeParse(parseJson(text)).data?.errors[0]?.code,
  };
  const token = RefreshToken.safeParse(parseJson(await takeStep(context, step))).data?.refresh_token;
  if (token === undefined) throw unreadable(step, "a refresh token");
  const claims = Claims.safeParse(parseJson(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8"))).data;
  // It is said to last three hours; where it does not say so itself, a part of that.
  const expiresAt = claims === undefined ? new Date(context.now().getTime() + 3_600_000) : new Date(claims.exp * 1000);
  return { login: basicLogin(tokenUser, token), expiresAt: notOver(expiresAt, context, step) };
}

async function fromEntra(
  context: CloudContext,
  place: AzurePlace,
  { account, tenant }: { readonly account: CloudAccount; readonly tenant: string },
): Promise<string> {
  const client = annotationOf(account, AZURE_CLIENT, uuid, "66666666-7777-8888-9999-000000000000");
  const { namespace, name } = account;
  const step = {
    name: "Entra ID client assertion",
    url: `${cloudEndpoint("azure-entra", place, context.endpoints)}/${tenant}/oauth2/v2.0/token`,
    ...form({
      grant_type: "client_credentials",
      client_id: client,
      scope: place.scope,
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: await account.token(audience, context.signal),
    }),
    check: `the federated credential of client ${client} in tenant ${tenant} (annotations ${AZURE_CLIENT} and ${AZURE_TENANT} of ${accountName(account)}): issuer of this cluster, audience ${audience}, subject system:serviceaccount:${namespace}:${name}`,
    codeOf: (text: string) => {
      const failure = EntraFailure.safeParse(parseJson(text)).data;
      const [number] = failure?.error_codes ?? [];
      return number === undefined ? failure?.error : `AADSTS${number}`;
    },
  };
  const token = AccessToken.safeParse(parseJson(await takeStep(context, step))).data?.access_token;
  if (token === undefined) throw unreadable(step, "an access token");
  return token;
}
