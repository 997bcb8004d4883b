import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { authority, issue } from "./certificates.ts";
import { freePort } from "../free-port.ts";
import { Daemon } from "./daemon.ts";
import { issuers } from "./identities.ts";
import type { OidcIssuer } from "./oidc-issuer.ts";

export interface Fulcio {
  readonly url: string;
  /** The issuing authority, then the root. */
  readonly chainFile: string;
  readonly daemon: Daemon;
}

/** https://github.com/sigstore/fulcio/blob/v1.8.8/config/identity/config.yaml, what is needed of it. */
const github = {
  DefaultTemplateValues: { url: "https://github.com" },
  ExtensionTemplates: {
    GithubWorkflowTrigger: "event_name",
    GithubWorkflowSHA: "sha",
    GithubWorkflowName: "workflow",
    GithubWorkflowRepository: "repository",
    GithubWorkflowRef: "ref",
    BuildSignerURI: "{{ .url }}/{{ .job_workflow_ref }}",
    BuildSignerDigest: "job_workflow_sha",
    RunnerEnvironment: "runner_environment",
    SourceRepositoryURI: "{{ .url }}/{{ .repository }}",
    SourceRepositoryDigest: "sha",
    SourceRepositoryRef: "ref",
    SourceRepositoryIdentifier: "repository_id",
    SourceRepositoryOwnerURI: "{{ .url }}/{{ .repository_owner }}",
    SourceRepositoryOwnerIdentifier: "repository_owner_id",
    BuildConfigURI: "{{ .url }}/{{ .workflow_ref }}",
    BuildConfigDigest: "workflow_sha",
    BuildTrigger: "event_name",
    RunInvocationURI: "{{ .url }}/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}",
    SourceRepositoryVisibilityAtSigning: "repository_visibility",
  },
  SubjectAlternativeNameTemplate: "{{ .url }}/{{ .job_workflow_ref }}",
};

const config = {
  OIDCIssuers: {
    [issuers.people]: { IssuerURL: issuers.people, ClientID: "sigstore", Type: "email" },
    [issuers.pipelines]: {
      IssuerURL: issuers.pipelines,
      ClientID: "sigstore",
      Type: "uri",
      SubjectDomain: issuers.pipelines,
    },
    [issuers.github]: {
      IssuerURL: issuers.github,
      ClientID: "sigstore",
      Type: "ci-provider",
      CIProvider: "github-workflow",
    },
  },
  CIIssuerMetadata: { "github-workflow": github },
};

export interface FulcioOptions {
  readonly directory: string;
  readonly oidc: OidcIssuer;
  /** Of the certificate transparency log; none: certificates without a timestamp of one. */
  readonly certificateLogUrl: string;
}

/**
 * The real Fulcio with a root and an issuing authority of its own. Its metrics are the one thing that is not on
 * loopback: it can bind them to no address.
 */
export async function startFulcio({ directory, oidc, certificateLogUrl }: FulcioOptions): Promise<Fulcio> {
  const root = await issue({ directory, name: "fulcio-root", extensions: authority });
  const issuing = await issue({
    directory,
    name: "fulcio-issuing",
    issuer: root,
    extensions: [
      "basicConstraints = critical,CA:TRUE,pathlen:0",
      "keyUsage = critical,keyCertSign,cRLSign",
      "extendedKeyUsage = codeSigning",
      "authorityKeyIdentifier = keyid",
    ],
  });
  const [chainFile, configFile] = [join(directory, "fulcio-chain.pem"), join(directory, "fulcio.json")];
  const certificates = [await readFile(issuing.certificate), await readFile(root.certificate)];
  await writeFile(chainFile, Buffer.concat(certificates));
  await writeFile(configFile, JSON.stringify(config));
  const [port, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const settings = {
    ca: "fileca",
    "fileca-cert": chainFile,
    "fileca-key": issuing.key,
    "fileca-key-passwd": "",
    "fileca-watch": "false",
    "config-path": configFile,
    "ct-log-url": certificateLogUrl,
    host: "127.0.0.1",
    port: String(port),
    "grpc-host": "127.0.0.1",
    "grpc-port": String(grpcPort),
    "metrics-port": String(metricsPort),
    "legacy-unix-domain-socket": join(directory, "fulcio.socket"),
  };
  const daemon = await Daemon.start({
    program: "fulcio",
    args: ["serve", ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)],
    // It asks the issuers for their keys.
    env: { HTTPS_PROXY: oidc.proxyUrl, HTTP_PROXY: oidc.proxyUrl, SSL_CERT_FILE: oidc.caFile },
    directory,
    readyUrl: `${url}/healthz`,
  });
  return { url, chainFile, daemon };
}
