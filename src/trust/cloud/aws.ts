import { z } from "zod";
import { basicLogin } from "../credentials.ts";
import { accountName, annotationOf, ROLE_ARN, type CloudAccount, type CloudLogin } from "./account.ts";
import { signAws, type AwsKeys } from "./aws-signature.ts";
import { cloudEndpoint } from "./endpoints.ts";
import { form, notOver, parseJson, takeStep, unreadable, type CloudContext } from "./exchange.ts";
import type { CloudPlace } from "./places.ts";

type AwsPlace = Extract<CloudPlace, { cloud: "AWS" }>;

const audience = "sts.amazonaws.com";
const roleArn = /^arn:aws[a-z-]{0,16}:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/;

const Authorization = z.object({
  authorizationData: z
    .array(z.object({ authorizationToken: z.string().min(1).max(65_536), expiresAt: z.number().positive() }))
    .min(1),
});
const Failure = z.object({ __type: z.string() });

/** STS AssumeRoleWithWebIdentity, then ECR GetAuthorizationToken. */
export async function loginToEcr(context: CloudContext, place: AwsPlace, account: CloudAccount): Promise<CloudLogin> {
  const role = annotationOf(account, ROLE_ARN, roleArn, "arn:aws:iam::111122223333:role/models-pull");
  const keys = await assumeRole(context, place, { account, role });
  const url = `${cloudEndpoint("aws-ecr", place, context.endpoints)}/`;
  const body = "{}";
  const headers = {
    "content-type": "application/x-amz-json-1.1",
    "x-amz-target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
  };
  const scope = { region: place.region, service: "ecr" };
  const step = {
    name: "ecr:GetAuthorizationToken",
    url,
    headers: signAws({ method: "POST", url: new URL(url), headers, body }, keys, scope, context.now()),
    body,
    check: `that role ${role} allows ecr:GetAuthorizationToken`,
    codeOf: (text: string) => Failure.safeParse(parseJson(text)).data?.__type.split("#").at(-1),
  };
  const [data] = Authorization.safeParse(parseJson(await takeStep(context, step))).data?.authorizationData ?? [];
  const decoded = Buffer.from(data?.authorizationToken ?? "", "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (data === undefined || colon < 1) throw unreadable(step, "an authorization token");
  return {
    login: basicLogin(decoded.slice(0, colon), decoded.slice(colon + 1)),
    expiresAt: notOver(new Date(data.expiresAt * 1000), context, step),
  };
}

async function assumeRole(
  context: CloudContext,
  place: AwsPlace,
  { account, role }: { readonly account: CloudAccount; readonly role: string },
): Promise<AwsKeys> {
  const { namespace, name } = account;
  const step = {
    name: "sts:AssumeRoleWithWebIdentity",
    url: `${cloudEndpoint("aws-sts", place, context.endpoints)}/`,
    ...form({
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: role,
      // For the cloud's own log; it takes no more than these characters.
      RoleSessionName: `mlsecops-${namespace}-${name}`.replaceAll(/[^\w+=,.@-]/g, "-").slice(0, 64),
      DurationSeconds: "900",
      WebIdentityToken: await account.token(audience, context.signal),
    }),
    check: `the trust policy of role ${role} (annotation ${ROLE_ARN} of ${accountName(account)}): it must name the cluster's OIDC provider, audience ${audience} and subject system:serviceaccount:${namespace}:${name}`,
    codeOf: (text: string) => element(text, "Code"),
  };
  // What this service speaks by itself is XML.
  const text = await takeStep(context, { ...step, headers: { ...step.headers, accept: "application/xml" } });
  const accessKeyId = element(text, "AccessKeyId");
  const secretAccessKey = element(text, "SecretAccessKey");
  const sessionToken = element(text, "SessionToken");
  const isUsable = [accessKeyId, secretAccessKey, sessionToken].every((value) => /^[\x21-\x7e]+$/.test(value ?? ""));
  if (!isUsable || accessKeyId === undefined || secretAccessKey === undefined) throw unreadable(step, "credentials");
  return { accessKeyId, secretAccessKey, sessionToken };
}

/** The text of the only element of this name; these answers are flat, and what is in them needs no escapes. */
function element(xml: string, name: string): string | undefined {
  const parts = xml.split(`<${name}>`);
  const text = parts[1]?.split(`</${name}>`, 2);
  return parts.length === 2 && text?.length === 2 ? text[0]?.trim() : undefined;
}
