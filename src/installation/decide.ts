/** What was found of an installation means. Pure: each check has three outcomes, and no data is never good data. */

/** What was asked of the cluster, or why there is no answer. */
export type Answer<T> = { readonly value: T } | { readonly unknown: string };

export interface Facts {
  /** Kinds that the operator needs and the API server does not serve. */
  readonly missingKinds: Answer<readonly string[]>;
  /** What is missing or changed of the admission policies. */
  readonly policyProblems: Answer<readonly string[]>;
  readonly pods: Answer<readonly { readonly name: string; readonly isReady: boolean }[]>;
  /** Who holds the lease, and whether it was renewed while it was looked at. Undefined where nobody has to lead. */
  readonly leader: Answer<{ readonly holder: string; readonly isRenewed: boolean }> | undefined;
  /** What the API server said of a grant that somebody else than the operator tried to make, as a dry run. */
  readonly forgery: Answer<{ readonly accepted: boolean; readonly message: string }>;
}

export interface Check {
  readonly name: string;
  readonly outcome: "ok" | "lacking" | "unknown";
  readonly message: string;
}

/** The policy that refuses a grant which the operator has not made. */
const guard = "mlsecops-operator-records";

export function decide(facts: Facts): readonly Check[] {
  return [
    check("kinds", facts.missingKinds, (missing) =>
      missing.length === 0
        ? ok("all are served")
        : lacking(`not served: ${missing.join(", ")}; install the chart with crds.enabled, or kubectl apply crds/`),
    ),
    check("admission policies", facts.policyProblems, (problems) =>
      problems.length === 0
        ? ok("stand as this version has them")
        : lacking(`${problems.join("; ")}; install the chart again`),
    ),
    check("operator", facts.pods, (pods) => {
      const ready = pods.filter(({ isReady }) => isReady).length;
      const said = `${ready} of ${pods.length} pods are ready`;
      return ready > 0 ? ok(said) : lacking(`${said}; look at them: kubectl get pods, kubectl logs`);
    }),
    ...(facts.leader === undefined
      ? []
      : [
          check("leader", facts.leader, ({ holder, isRenewed }) =>
            holder !== "" && isRenewed
              ? ok(`${holder} holds the lease and renews it`)
              : lacking("nobody holds the lease and renews it; look at the operator's log"),
          ),
        ]),
    check("door", facts.forgery, ({ accepted, message }) => {
      if (accepted) return lacking("a grant that the operator has not made was accepted; install the chart again");
      if (message.includes(guard)) return ok("a grant that the operator has not made is refused");
      return { outcome: "unknown", message: `the forged grant was refused by something else: ${message}` };
    }),
  ];
}

/** 0: all is well. 1: something lacks. 3: nothing is known to lack, but something could not be told. */
export function exitStatus(checks: readonly Check[]): 0 | 1 | 3 {
  if (checks.some(({ outcome }) => outcome === "lacking")) return 1;
  return checks.some(({ outcome }) => outcome === "unknown") ? 3 : 0;
}

/** A line for each. */
export function render(checks: readonly Check[]): string {
  const words = { ok: "ok", lacking: "LACKING", unknown: "cannot tell" } as const;
  return checks
    .map(({ name, outcome, message }) => `${name.padEnd(18)}  ${words[outcome].padEnd(11)}  ${message}\n`)
    .join("");
}

type Opinion = Omit<Check, "name">;

function check<T>(name: string, answer: Answer<T>, opinion: (value: T) => Opinion): Check {
  if ("unknown" in answer) return { name, outcome: "unknown", message: answer.unknown };
  return { name, ...opinion(answer.value) };
}

function ok(message: string): Opinion {
  return { outcome: "ok", message };
}

function lacking(message: string): Opinion {
  return { outcome: "lacking", message };
}
