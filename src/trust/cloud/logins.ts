import { createHash } from "node:crypto";
import type { Egress } from "../../egress/index.ts";
import type { Credential, Login } from "../credentials.ts";
import { LruMap } from "../../kube/index.ts";
import { isRegistryError, RegistryError } from "../registry-error.ts";
import { SingleFlight } from "../single-flight.ts";
import { accountKey, accountName, type CloudAccount, type CloudLogin } from "./account.ts";
import { loginToEcr } from "./aws.ts";
import { loginToAcr } from "./azure.ts";
import type { CloudEndpoints } from "./endpoints.ts";
import type { CloudContext } from "./exchange.ts";
import { loginToGoogle } from "./google.ts";
import { cloudPlaceOf, type CloudPlace } from "./places.ts";

export interface CloudLoginsOptions {
  readonly egress: Egress;
  readonly endpoints?: CloudEndpoints | undefined;
  readonly googleProvider?: string | undefined;
  readonly now?: (() => Date) | undefined;
  /** For one request. */
  readonly timeoutMs?: number | undefined;
  readonly maxEntries?: number | undefined;
}

type Entry =
  | { readonly kind: "Login"; readonly login: Login; readonly until: number }
  | { readonly kind: "Failure"; readonly error: RegistryError; readonly until: number; readonly failures: number };

/** However long a login lasts: what was taken away in the cloud is to count within this time. */
const maxKeptMs = 3_600_000;
const earliestRenewalMs = 300_000;
const firstBackoffMs = 5_000;
const maxBackoffMs = 120_000;
const maxAskedBackoffMs = 900_000;

/**
 * Logs in to registries of clouds as ServiceAccounts of tenants. A login is kept in memory until shortly before it runs
 * out and fetched once for all who want it; one that fails is not tried again at once.
 */
export class CloudLogins {
  readonly #options: CloudLoginsOptions;
  readonly #now: () => Date;
  readonly #entries: LruMap<string, Entry>;
  readonly #flights = new SingleFlight<Entry>();

  constructor(options: CloudLoginsOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    this.#entries = new LruMap(options.maxEntries ?? 1024);
  }

  /** For every registry of a cloud. */
  credential(account: CloudAccount): Credential {
    return {
      fingerprint: createHash("sha256").update(accountKey(account)).digest("hex"),
      rank: (registry) => (cloudPlaceOf(registry) === undefined ? undefined : -1),
      login: (registry, signal) => this.#login(registry, account, signal),
      hint: `as ${accountName(account)}; check that its role in the cloud may pull from this repository`,
    };
  }

  async #login(registry: string, account: CloudAccount, signal: AbortSignal | undefined): Promise<Login | undefined> {
    const place = cloudPlaceOf(registry);
    if (place === undefined) return undefined;
    const key = `${place.host} ${accountKey(account)}`;
    const known = this.#entries.get(key);
    const entry =
      known !== undefined && this.#counts(known) ? known : await this.#fetch(key, { place, account, signal });
    if (entry.kind === "Login") return entry.login;
    const { error } = entry;
    const retryAfterMs = Math.max(0, entry.until - this.#now().getTime());
    throw new RegistryError(error.code, error.message, { cause: error, retryAfterMs });
  }

  #counts({ until }: Entry): boolean {
    const rest = until - this.#now().getTime();
    // A clock that was set back must not keep anything for longer.
    return rest > 0 && rest <= maxKeptMs;
  }

  async #fetch(
    key: string,
    {
      place,
      account,
      signal,
    }: { readonly place: CloudPlace; readonly account: CloudAccount; readonly signal: AbortSignal | undefined },
  ): Promise<Entry> {
    const fresh = async (shared: AbortSignal): Promise<Entry> => {
      const entry = await this.#try(key, { place, account, signal: shared });
      this.#entries.set(key, entry);
      return entry;
    };
    try {
      return await this.#flights.run(key, fresh, signal);
    } catch (error) {
      if (signal?.aborted !== true || isRegistryError(error)) throw error;
      throw new RegistryError("Aborted", `the login to ${place.host} was given up`, { cause: error });
    }
  }

  async #try(
    key: string,
    {
      place,
      account,
      signal,
    }: { readonly place: CloudPlace; readonly account: CloudAccount; readonly signal: AbortSignal },
  ): Promise<Entry> {
    const { egress, endpoints = {}, googleProvider, timeoutMs = 10_000 } = this.#options;
    const context = { egress, endpoints, googleProvider, now: this.#now, timeoutMs, signal };
    try {
      const { login, expiresAt } = await loginTo(context, place, account);
      const now = this.#now().getTime();
      const lasts = expiresAt.getTime() - now;
      return { kind: "Login", login, until: now + Math.min(lasts - Math.min(earliestRenewalMs, lasts / 5), maxKeptMs) };
    } catch (error) {
      if (!isRegistryError(error) || error.code === "Aborted") throw error;
      return this.#failure(key, error, `login to ${place.host} as ${accountName(account)}`);
    }
  }

  #failure(key: string, error: RegistryError, what: string): Entry {
    const before = this.#entries.get(key);
    const failures = before?.kind === "Failure" ? Math.min(before.failures + 1, 16) : 1;
    const backoff = Math.min(firstBackoffMs * 2 ** (failures - 1), maxBackoffMs);
    const wait = Math.max(backoff, Math.min(error.retryAfterMs ?? 0, maxAskedBackoffMs));
    const told = new RegistryError(error.code, `${what}: ${error.message}`, { cause: error });
    return { kind: "Failure", error: told, until: this.#now().getTime() + wait, failures };
  }
}

function loginTo(context: CloudContext, place: CloudPlace, account: CloudAccount): Promise<CloudLogin> {
  switch (place.cloud) {
    case "AWS":
      return loginToEcr(context, place, account);
    case "Google":
      return loginToGoogle(context, place, account);
    case "Azure":
      return loginToAcr(context, place, account);
  }
}
