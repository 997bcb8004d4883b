import type { BundleCheck, BundleOutcome, BundleVerifier, Cosign, ToolCheck } from "../../trust/index.ts";

/** Asks cosign nothing before it has shown that it tells good from bad: one that cannot must not decide. */
export class CheckedCosign implements BundleVerifier {
  readonly #cosign: Cosign;
  #check: Promise<ToolCheck> | undefined;

  constructor(cosign: Cosign) {
    this.#cosign = cosign;
  }

  async verifyBundle(check: BundleCheck): Promise<BundleOutcome> {
    this.#check ??= this.#cosign.selfTest();
    const tool = await this.#check;
    return tool.ok ? this.#cosign.verifyBundle(check) : { outcome: "indeterminate", detail: tool.problem };
  }
}
