import { ASN1Obj, type X509Certificate } from "@sigstore/core";
import type { Identity } from "./identity.ts";

const subjectAlternativeName = "2.5.29.17";
const fulcioIssuer = { v2: "1.3.6.1.4.1.57264.1.8", v1: "1.3.6.1.4.1.57264.1.1" };
const printable = /^[\x21-\x7e]{1,512}$/;

/** Whom a certificate names, and the issuer of the token that it was given for. Nothing of it is verified here. */
export function identityOf(certificate: X509Certificate): Identity {
  return { subject: subjectOf(certificate), issuer: issuerOf(certificate) };
}

/** The one name of a certificate. With none, with several or with one that people could misread it names nobody. */
function subjectOf(certificate: X509Certificate): string | undefined {
  const extension = certificate.extension(subjectAlternativeName);
  if (extension === undefined) return undefined;
  const names = ASN1Obj.parseBuffer(Buffer.from(extension.value)).subs;
  const [name] = names;
  return names.length === 1 && name !== undefined ? clean(textOf(name)) : undefined;
}

/** RFC 5280, GeneralName: an e-mail address (1) or a URI (6), whose forms nobody takes for each other. cosign reads no DNS names. */
function textOf({ tag, value }: ASN1Obj): string | undefined {
  return [1, 6].some((kind) => tag.isContextSpecific(kind)) ? value.toString("utf8") : undefined;
}

/** The newer extension counts, whatever it says: a name that it does not give is not looked for in the older one. */
function issuerOf(certificate: X509Certificate): string | undefined {
  const extension = certificate.extension(fulcioIssuer.v2);
  if (extension !== undefined) return clean(extension.valueObj.subs[0]?.value.toString("utf8"));
  return clean(certificate.extension(fulcioIssuer.v1)?.value.toString("utf8"));
}

function clean(text: string | undefined): string | undefined {
  return text !== undefined && printable.test(text) ? text : undefined;
}
