import type { Order } from "../actions/index.ts";
import { AUTHOR_ANNOTATION } from "../admission/index.ts";
import { type ModelRevision, type SecureModel, isPerson } from "../api/index.ts";

/** Whether people have approved a revision, who of them counts, and what is missing. */
export interface Approval {
  readonly approved: boolean;
  /** Whose approvals count, each once, the oldest first. */
  readonly by: readonly string[];
  /** One sentence; while it is not approved it says what to do. */
  readonly message: string;
}

export interface ApprovalQuestion {
  readonly model: Pick<SecureModel, "metadata">;
  readonly revision: Pick<ModelRevision, "metadata">;
  /** Those about the model, oldest first. */
  readonly orders: readonly Order[];
  /** Who wrote what the revision is made from, as `authorsOf` says; undefined is somebody unknown. */
  readonly authors: readonly (string | undefined)[];
}

/**
 * The two-person rule: a revision is approved by a person who has not written it. Where it is not known who has, or a machine
 * has, two people are needed: one of them at least is another one. Machines approve nothing, and an approval counts only for
 * the revision that was there when it was given. Pure.
 */
export function approvalOf({ model, revision, orders, authors }: ApprovalQuestion): Approval {
  const { name } = revision.metadata;
  const people = authors.flatMap((author) => (author !== undefined && isPerson(author) ? author : []));
  const needed = authors.length > 0 && people.length === authors.length ? 1 : 2;
  const given = orders.filter((order) => order.type === "Approve" && order.revision === name);
  const looks = given.map((order) => ({ order, why: objectionTo(order, revision, people) }));
  const counted = looks.filter(({ why }) => why === undefined).map(({ order }) => order);
  const by = [...new Set(counted.map(({ requestedBy }) => requestedBy))];
  if (by.length >= needed)
    return { approved: true, by, message: `revision ${name} is approved by ${by.join(" and ")}` };
  const ignored = new Set(looks.flatMap(({ why }) => why ?? []));
  const { name: of, namespace } = model.metadata;
  const command = `mlsecops approve smodel/${of}${namespace === undefined ? "" : ` -n ${namespace}`} --revision ${name}`;
  return {
    approved: false,
    by,
    message: [`revision ${name} waits for ${waitsFor(by, people, needed)}: ${command}`, ...ignored].join("; "),
  };
}

/**
 * Who wrote what a revision is made from: who wrote the spec when the revision was made, and who has written it last. A tag that
 * is followed may be moved by anybody who can push, who is not known. Pure.
 */
export function authorsOf(model: SecureModel, revision: Pick<ModelRevision, "metadata">): ApprovalQuestion["authors"] {
  const isFollowed = model.spec.source.update === "Follow";
  return [...new Set([authorIn(revision), authorIn(model), ...(isFollowed ? [undefined] : [])])];
}

/** The name that admission has compared with that of the writer. Pure. */
export function authorIn({ metadata }: Pick<SecureModel, "metadata">): string | undefined {
  const author = metadata.annotations?.[AUTHOR_ANNOTATION];
  return author === "" ? undefined : author;
}

function objectionTo(
  { name, requestedBy, at }: Order,
  { metadata }: ApprovalQuestion["revision"],
  authors: readonly string[],
): string | undefined {
  const approval = `ModelAction ${name} of ${requestedBy} does not count`;
  if (!isPerson(requestedBy)) return `${approval}: only people approve`;
  if (authors.includes(requestedBy)) return `${approval}: whoever has written the spec does not approve it`;
  // The name of a revision can be known before there is one. The API server tells seconds apart and no more.
  const made = Date.parse(metadata.creationTimestamp ?? "");
  if (!(at.getTime() >= Math.floor(made / 1_000) * 1_000)) return `${approval}: it is older than the revision`;
  return undefined;
}

function waitsFor(by: readonly string[], authors: readonly string[], needed: 1 | 2): string {
  const others = authors.length === 0 ? "" : ` other than ${authors.join(" and ")}`;
  if (needed === 1) return `the approval of a person${others}`;
  const unknown = "since it is not known which person is behind it";
  const [first] = by;
  if (first === undefined) return `the approval of two people${others}, ${unknown}`;
  return `the approval of a second person beside ${first}${others}, ${unknown}`;
}
