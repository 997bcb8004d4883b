import type { AdmissionGrantSpec, SecureNamespaceStatus } from "../api/index.ts";
import type { GrantOwner } from "../admission/index.ts";
import {
  type Fact,
  deleted,
  enforcementFact,
  grantFact,
  isolationFact,
  nothingToGrant,
  opened,
  verdictFact,
} from "../governance/index.ts";
import { parseReference } from "../trust/index.ts";
import type { CheckedImage } from "./granted-uses.ts";

/** The verdicts on the allowed images, and what the namespace has granted for them. Pure. */
export function imageFacts(
  images: readonly CheckedImage[],
  grant: AdmissionGrantSpec,
  owner: GrantOwner,
): readonly Fact[] {
  const names = new Map<string, string>();
  const verdicts = images.map(({ image, verdict, platformDigests }) => {
    const { reference } = image;
    const parsed = parseReference(reference);
    const name = parsed.ok ? parsed.reference.name : undefined;
    for (const digest of [verdict.digest ?? "", ...platformDigests]) names.set(digest, name ?? reference);
    return verdictFact(verdict, { image: image.name, reference, name });
  });
  const granted = Object.entries(grant.digests).flatMap(([digest, uses]) => {
    const own = Object.entries(uses).flatMap(([use, granted]) => {
      const mine = granted?.grantors.find(({ kind, name }) => kind === owner.kind && name === owner.name);
      return mine === undefined ? [] : [{ use, notAfter: new Date(mine.notAfter) }];
    });
    const [first] = own;
    if (first === undefined) return [];
    return [
      { digest, name: names.get(digest) ?? owner.name, uses: own.map(({ use }) => use), notAfter: first.notAfter },
    ];
  });
  return [...verdicts, grantFact(granted, nothingToGrant)];
}

/** Whether the namespace is shut, as its status says. Pure. */
export function enforcementFacts(profile: string, { conditions }: SecureNamespaceStatus): readonly Fact[] {
  const enforced = conditions?.find(({ type }) => type === "Enforced");
  if (enforced === undefined) return [];
  const { status, reason, message } = enforced;
  return [enforcementFact({ enforced: status === "True", profile, reason, message })];
}

/** Whether nothing beyond the declaration comes in or out, as the status says, and what lets more through. Pure. */
export function isolationFacts({ conditions, breaches }: SecureNamespaceStatus): readonly Fact[] {
  const isolated = conditions?.find(({ type }) => type === "Isolated");
  if (isolated === undefined) return [];
  const { status, reason, message } = isolated;
  const objects = (breaches?.examples ?? []).map(({ kind, name }) => `${kind}/${name}`);
  return [isolationFact({ isolated: status, reason, message, breaches: breaches?.count ?? 0, objects })];
}

/** The SecureNamespace is gone. Pure. */
export function farewellFacts(profile: string, { opens }: { readonly opens: boolean }): readonly Fact[] {
  return [grantFact([], deleted), ...(opens ? [enforcementFact({ enforced: false, profile, ...opened })] : [])];
}
