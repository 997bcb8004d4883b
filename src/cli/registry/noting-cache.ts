import { type ArtifactFacts, FactCache, type Gathered } from "../../trust/index.ts";

/** A cache that also tells what was read, so that a verdict can be taken apart afterwards. */
export class NotingCache extends FactCache {
  readonly #found = new Map<string, ArtifactFacts>();

  override keepArtifact(key: string, gathered: Gathered): void {
    super.keepArtifact(key, gathered);
    this.#found.set(`${gathered.facts.name}@${gathered.facts.digest}`, gathered.facts);
  }

  /** What was read last under this name and digest. */
  found(name: string, digest: string): ArtifactFacts | undefined {
    return this.#found.get(`${name}@${digest}`);
  }
}
