import type { PolicyAccount } from "./schema.ts";

/** What it takes for every policy in mode Enforce to be satisfied, a line each. Pure. */
export function missingFor(accounts: readonly PolicyAccount[]): readonly string[] {
  return accounts
    .filter(
      ({ covers, mode, outcome }) => covers && mode === "Enforce" && outcome !== undefined && outcome !== "Verified",
    )
    .flatMap((account) => [...signatures(account), ...attestations(account)]);
}

function signatures({ name, need, have, authorities }: PolicyAccount): readonly string[] {
  if (have >= need) return [];
  const others = authorities.filter(({ state }) => state !== "Vouches").map((authority) => authority.name);
  const by = others.length === 0 ? "signers that rest on different keys or identities" : others.join(" or ");
  return [`policy ${name}: ${have} of ${need} signatures; missing: ${by}`];
}

function attestations({ name, attestations: wanted }: PolicyAccount): readonly string[] {
  return wanted.flatMap(({ name: what, need, have, authorities, statements, match }) => {
    const failed = statements.flatMap(({ counts, authority, conditions }) =>
      counts
        ? []
        : conditions
            .filter(({ value }) => value !== "True")
            .map(
              ({ expression, value, problem }) =>
                `${expression} is ${problem ?? value.toLowerCase()} (by ${authority})`,
            ),
    );
    const isRefused = match === "Every" && failed.length > 0;
    if (have >= need && !isRefused) return [];
    const why = failed.length === 0 ? "" : `; ${failed.join("; ")}`;
    return [`policy ${name}: attestation ${what}, ${have} of ${need} by ${authorities.join(" or ")}${why}`];
  });
}
