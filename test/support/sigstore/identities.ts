import type { Claims } from "./oidc-issuer.ts";

/** Who signs: the issuer of a token, and what it says. */
export interface Identity {
  readonly issuer: string;
  readonly claims: Claims;
  /** As the certificate names it. */
  readonly subject: string;
}

/** The issuers that the Fulcio of these tests believes. */
export const issuers = {
  people: "https://accounts.bank.example",
  pipelines: "https://ci.bank.example",
  github: "https://token.actions.githubusercontent.com",
} as const;

export function person(email: string): Identity {
  return { issuer: issuers.people, claims: { sub: email, email, email_verified: true }, subject: email };
}

/** `path` begins with a slash. */
export function pipeline(path: string): Identity {
  const subject = `${issuers.pipelines}${path}`;
  return { issuer: issuers.pipelines, claims: { sub: subject }, subject };
}

export interface Workflow {
  /** "owner/name". */
  readonly repository: string;
  /** Of the workflow, such as ".github/workflows/release.yml". */
  readonly file: string;
  /** Such as "refs/heads/main". */
  readonly ref: string;
}

/** What GitHub Actions says of a job: https://docs.github.com/en/actions/reference/security/oidc. */
export function workflow({ repository, file, ref }: Workflow): Identity {
  const commit = "0123456789abcdef0123456789abcdef01234567";
  const workflowRef = `${repository}/${file}@${ref}`;
  const claims = {
    sub: `repo:${repository}:ref:${ref}`,
    repository,
    repository_id: "1001",
    repository_owner: repository.split("/")[0],
    repository_owner_id: "2002",
    repository_visibility: "private",
    ref,
    sha: commit,
    event_name: "push",
    workflow: "release",
    workflow_ref: workflowRef,
    workflow_sha: commit,
    job_workflow_ref: workflowRef,
    job_workflow_sha: commit,
    runner_environment: "github-hosted",
    run_id: "3003",
    run_attempt: "1",
  };
  return { issuer: issuers.github, claims, subject: `https://github.com/${workflowRef}` };
}
