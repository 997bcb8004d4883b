import type { SecureModelStatus } from "../api/index.ts";
import { type ImportStep, importStep } from "../importing/index.ts";
import type { Hold } from "./decide.ts";
import type { Desk } from "./desk.ts";
import { holdOf } from "./gather.ts";
import { type GrantedModelRevision, type PublishedGrant, publishGrant } from "./grants.ts";
import { withImport } from "./status.ts";

/** How the source of a model stands that is not OCI. */
export class SourceLook {
  #step: ImportStep | "NotLookedAt" | undefined = "NotLookedAt";

  /**
   * Content from elsewhere is served as if the spec named the artifact that it was imported as. Returns why there is none.
   * Nothing is imported where nothing may be served.
   */
  async look(desk: Desk): Promise<Hold | undefined> {
    const { client, deps, now, signal } = desk;
    this.#step = await importStep(client, deps.imports, desk.model, { now, signal });
    if (this.#step === undefined) return undefined;
    const hold = holdOf(deps, desk.namespace);
    if (hold !== undefined) {
      const { grant: _grant, ...rest } = this.#step;
      this.#step = { ...rest, apply: () => Promise.resolve() };
    }
    const { oci, problem } = this.#step;
    if (oci === undefined) return hold ?? problem;
    const source = { ...desk.model.spec.source, oci, update: "Pinned" as const };
    desk.model = { ...desk.model, spec: { ...desk.model.spec, source } };
    return undefined;
  }

  /** In milliseconds. */
  get nextMs(): number {
    return typeof this.#step === "object" ? this.#step.nextMs : Infinity;
  }

  /** Grants these revisions, and then lets the import begin that is granted along. */
  async publish({ deps, model, signal, now }: Desk, wanted: readonly GrantedModelRevision[]): Promise<PublishedGrant> {
    const step = typeof this.#step === "object" ? this.#step : undefined;
    const published = await publishGrant(deps.grants, model, wanted, { signal, importing: step?.grant, now });
    await step?.apply();
    return published;
  }

  /** Where it was not looked at, it is what it was. */
  addTo(status: SecureModelStatus, { model, now }: Desk): SecureModelStatus {
    const before = model.status?.source;
    if (this.#step === "NotLookedAt") return { ...status, ...(before === undefined ? {} : { source: before }) };
    return withImport(status, this.#step, { generation: model.metadata.generation ?? 0, now });
  }
}
