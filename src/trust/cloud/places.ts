/** A registry of a cloud that knows ServiceAccounts as identities, and what its name says of where it is. */
export type CloudPlace =
  | {
      readonly cloud: "AWS";
      readonly host: string;
      readonly region: string;
      readonly suffix: string;
      readonly fips: boolean;
    }
  | { readonly cloud: "Google"; readonly host: string }
  | { readonly cloud: "Azure"; readonly host: string; readonly login: string; readonly scope: string };

const ecr =
  /^\d{12}\.dkr\.ecr(?<fips>-fips)?\.(?<region>[a-z]{2,8}(?:-[a-z]{2,16}){1,3}-\d{1,2})\.(?<suffix>amazonaws\.com(?:\.cn)?)$/;
const google = /^(?:[a-z0-9-]{1,63}-docker\.pkg\.dev|(?:[a-z]{2,8}\.)?gcr\.io)$/;
const acr = /^[a-z0-9-]{1,63}\.azurecr\.(?<zone>io|cn|us)$/;

const azureZones: Readonly<Record<string, { readonly login: string; readonly scope: string }>> = {
  io: { login: "login.microsoftonline.com", scope: "https://containerregistry.azure.net/.default" },
  cn: { login: "login.partner.microsoftonline.cn", scope: "https://containerregistry.azure.cn/.default" },
  us: { login: "login.microsoftonline.us", scope: "https://containerregistry.azure.us/.default" },
};

/** Undefined for every other registry. A port makes it another one. */
export function cloudPlaceOf(host: string): CloudPlace | undefined {
  const aws = ecr.exec(host)?.groups;
  if (aws !== undefined) {
    const { region = "", suffix = "", fips } = aws;
    return { cloud: "AWS", host, region, suffix, fips: fips !== undefined };
  }
  if (google.test(host)) return { cloud: "Google", host };
  const zone = azureZones[acr.exec(host)?.groups?.["zone"] ?? ""];
  return zone === undefined ? undefined : { cloud: "Azure", host, ...zone };
}
