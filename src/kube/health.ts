export interface HealthStatus {
  readonly healthy: boolean;
  /** One line for people, without secrets: it is served without authentication. */
  readonly detail: string;
}

export type HealthCheck = () => HealthStatus;

/** A named set of checks: one registry for liveness, another for readiness. */
export class HealthRegistry {
  readonly #checks = new Map<string, HealthCheck>();

  /** A check under the same name is replaced. */
  add(name: string, check: HealthCheck): void {
    this.#checks.set(name, check);
  }

  /** Runs every check. One that throws is unhealthy. */
  evaluate(): { readonly healthy: boolean; readonly checks: Readonly<Record<string, HealthStatus>> } {
    const checks = Object.fromEntries([...this.#checks].map(([name, check]) => [name, run(check)]));
    return { healthy: Object.values(checks).every((status) => status.healthy), checks };
  }
}

function run(check: HealthCheck): HealthStatus {
  try {
    return check();
  } catch (error) {
    return { healthy: false, detail: `the check failed: ${String(error)}` };
  }
}
