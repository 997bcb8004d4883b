import { createHash } from "node:crypto";
import type { EvidenceChainHead } from "../api/index.ts";
import { canonicalJson } from "./canonical.ts";

/**
 * The root over the heads of all chains, ordered by chain: a Merkle tree as RFC 9162 section 2.1 builds it. A path in it
 * proves one chain to somebody who must not see the others.
 */
export function merkleRoot(heads: Iterable<EvidenceChainHead>): string {
  const leaves = [...heads]
    .sort((a, b) => (a.chain < b.chain ? -1 : 1))
    .map((head) => hash(0, Buffer.from(canonicalJson(head))));
  return `sha256:${rootOf(leaves).toString("hex")}`;
}

function rootOf(nodes: readonly Buffer[]): Buffer {
  const [first] = nodes;
  if (first === undefined) return createHash("sha256").digest();
  if (nodes.length === 1) return first;
  // The largest power of two below the number of nodes.
  const split = 2 ** Math.ceil(Math.log2(nodes.length) - 1);
  return hash(1, rootOf(nodes.slice(0, split)), rootOf(nodes.slice(split)));
}

/** A leaf and a node never hash alike. */
function hash(prefix: 0 | 1, ...parts: readonly Buffer[]): Buffer {
  return createHash("sha256")
    .update(Buffer.from([prefix]))
    .update(Buffer.concat(parts))
    .digest();
}
