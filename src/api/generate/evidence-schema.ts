import { z } from "zod";
import { EvidencePredicate } from "../evidence.ts";

/** The predicate of an evidence record as JSON Schema (draft 2020-12), for tools that are not ours. */
export function evidenceSchema(): string {
  const schema = z.toJSONSchema(EvidencePredicate, { target: "draft-2020-12", reused: "inline" });
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
