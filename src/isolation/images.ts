import type { AllowedImage, SecureNamespaceStatus } from "../api/index.ts";
import {
  type CredentialSource,
  type Verdict,
  type Verification,
  decideVerdict,
  effectiveStanding,
  isFresh,
  parseReference,
  settleVerdict,
  toVerdictStatus,
  verifyLatest,
} from "../trust/index.ts";
import type { CheckedImage } from "./granted-uses.ts";
import type { Pass } from "./pass.ts";

type CheckInput = Omit<Parameters<typeof decideVerdict>[0], "artifact" | "signatureFacts">;
type Checked = Pick<Verification, "verdict" | "artifact">;

/** What is thought of an allowed image now, and what may be granted for it. */
export async function checkImage(
  pass: Pass,
  image: AllowedImage,
  status: SecureNamespaceStatus | undefined,
): Promise<CheckedImage> {
  const { policies, exceptions, now } = pass.deps;
  const at = now();
  const entry = status?.images?.find(({ name }) => name === image.name);
  // Another reference is another artifact, and nothing is known of it.
  const previous = entry?.reference === image.reference ? entry.verdict : undefined;
  const input = {
    namespace: pass.name,
    policies: policies(),
    exceptions: exceptions(pass.name),
    use: "Image" as const,
    required: image.policies?.map(({ name }) => name) ?? [],
    previous,
    now: at,
  };
  const found = await verify(pass, image, input);
  const { verdict, artifact } = (await verdictBefore(pass, image, input, found.verdict)) ?? found;
  return {
    image,
    verdict: settleVerdict(previous, toVerdictStatus(verdict), at),
    standing: effectiveStanding(verdict, at),
    platformDigests: artifact?.platformDigests ?? [],
  };
}

/**
 * What a tag led to before, while that still verifies: whoever moves the tag to something else, or makes it vanish, must
 * not take away what runs. Undefined when the verdict stands as it is.
 */
async function verdictBefore(
  pass: Pass,
  image: AllowedImage,
  input: CheckInput,
  verdict: Verdict,
): Promise<Checked | undefined> {
  const digest = input.previous?.digest;
  const parsed = parseReference(image.reference);
  if (verdict.outcome === "Verified" || digest === undefined || !parsed.ok || parsed.reference.digest !== undefined)
    return undefined;
  const before = await verify(pass, { ...image, reference: `${parsed.reference.name}@${digest}` }, input);
  if (before.verdict.outcome !== "Verified") return undefined;
  const warning = `the image stays at ${digest}, since the tag cannot be used now: ${verdict.reason}: ${verdict.message}`;
  // To be looked at again when the tag is: a signature may follow.
  const recheckAfter = new Date(Math.min(+before.verdict.recheckAfter, +verdict.recheckAfter));
  const warnings = [...before.verdict.warnings, warning];
  return { ...before, verdict: { ...before.verdict, recheckAfter, warnings } };
}

async function verify(pass: Pass, image: AllowedImage, input: CheckInput): Promise<Checked> {
  const { deps, context } = pass;
  const { signal } = context;
  const { previous, now } = input;
  const parsed = parseReference(image.reference);
  const digest = (parsed.ok ? parsed.reference.digest : undefined) ?? previous?.digest;
  const login = loginOf(pass, image);
  const { policies: _policies, exceptions: _exceptions, ...rest } = input;
  try {
    return await verifyLatest(deps.verifier, deps, {
      ...rest,
      reference: image.reference,
      credentialSource: login.source,
      signal,
      // A tag is resolved when its verdict is due, not in each of the passes in between.
      digest: previous !== undefined && isFresh(previous, now) ? previous.digest : undefined,
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!parsed.ok || !login.failed()) throw error;
    context.log.warn({ err: error, image: image.name }, "the pull secrets of an image cannot be read");
    // To ask as nobody could take "no" for an answer that was never meant for this tenant.
    const message = "the pull secrets of the image cannot be read now";
    const { name } = parsed.reference;
    const artifact = { state: "Unavailable", name, digest, reason: "RegistryUnavailable", message } as const;
    return { verdict: decideVerdict({ ...input, artifact, signatureFacts: [] }) };
  }
}

function loginOf(
  { deps, name, context }: Pass,
  image: AllowedImage,
): { readonly source: CredentialSource | undefined; readonly failed: () => boolean } {
  let hasFailed = false;
  const failed = () => hasFailed;
  // Most images need no login, and the operator then needs no right in the namespace.
  const isOpen = (image.pullSecrets ?? []).length === 0 && image.serviceAccountName === undefined;
  if (isOpen) return { source: undefined, failed };
  const { who, read } = deps.pullCredentials(name, image, context.signal);
  const watched = () =>
    read().catch((error: unknown) => {
      hasFailed = true;
      throw error;
    });
  return { source: { who, read: watched }, failed };
}
