import { z } from "zod";
import {
  Digest,
  Duration,
  ObjectName,
  OciReference,
  PullSecrets,
  PullServiceAccount,
  Timestamp,
  isDuration,
  matching,
  shown,
  withRules,
} from "./schema.ts";

/** Where the content of a model comes from. Whatever it is, what is verified and served is one OCI artifact. */

const OciSource = z.strictObject({
  reference: shown(
    OciReference.describe(
      "The model as an OCI artifact, by tag or by digest, such as registry.example.com/models/iris:v1.",
    ),
    "reference: registry.example.com/models/iris:v1",
  ),
  pullSecrets: PullSecrets.describe(
    "Secrets of type kubernetes.io/dockerconfigjson in this namespace; the kubelet uses them too.",
  ).optional(),
  serviceAccountName: PullServiceAccount.optional(),
});
export type OciSource = z.output<typeof OciSource>;

/** What follows a folder: no empty, "." or ".." part, so that two that differ are two places. */
const relativePath = /^(\.?[^/.\\][^/\\]*|\.\.[^/\\]+)(\/(\.?[^/.\\][^/\\]*|\.\.[^/\\]+))*$/;

const S3Source = withRules(
  z.strictObject({
    endpoint: shown(
      matching(
        z.string().max(512),
        /^https?:\/\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?$/,
        "write scheme and host only, for example https://s3.eu-central-1.amazonaws.com or https://minio.storage.svc:9000; plain http needs the administrator's leave",
      ).describe("Where the S3 API answers. Buckets are named in the path."),
      "endpoint: https://s3.eu-central-1.amazonaws.com",
    ),
    bucket: shown(
      matching(
        z.string().max(63),
        /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
        "write the name of a bucket: 3 to 63 of a-z, 0-9, - and ., for example models",
      ),
      "bucket: models",
    ),
    key: z.string().min(1).max(1024).describe("One object.").optional(),
    prefix: z.string().min(1).max(1024).describe("All objects below it, such as iris/v1/.").optional(),
    region: matching(
      z.string().max(64),
      /^[a-z0-9-]+$/,
      "write the name of a region, for example eu-central-1",
    ).default("us-east-1"),
    versionId: matching(
      z.string().max(256),
      /^[A-Za-z0-9._-]+$/,
      "write the version of the object as the bucket names it",
    )
      .describe("One version of the object, where the bucket keeps versions.")
      .optional(),
    credentialsSecret: ObjectName.describe(
      "A Secret of this namespace with the entries accessKeyId and secretAccessKey, and sessionToken where there is one. Without it the bucket is read as anybody may.",
    ).optional(),
  }),
  {
    rule: "has(self.key) != has(self.prefix)",
    message: "give key (one object) or prefix (all objects below it), for example prefix: iris/v1/",
    holds: ({ key, prefix }) => (key === undefined) !== (prefix === undefined),
  },
  {
    rule: "!has(self.versionId) || has(self.key)",
    message: "versionId is of one object: give its key, not a prefix",
    holds: ({ key, versionId }) => versionId === undefined || key !== undefined,
  },
);

const HostName = matching(
  z.string().max(253),
  /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?$/,
  "write a host, with its port where it has one, for example cdn.example.com",
);

const HttpSource = z.strictObject({
  url: shown(
    matching(
      z.string().max(1024),
      /^https:\/\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:[0-9]{1,5})?\/[^\s?#\\]*[^\s?#\\/]$/,
      "write the address of one file, with https and without user name, query or fragment, for example https://models.example.com/iris/v1.onnx; what proves who you are belongs in headersSecret",
    ).describe("The address of one file."),
    "url: https://models.example.com/iris/v1.onnx",
  ),
  sha256: Digest.describe("The digest that the file must have.").optional(),
  headersSecret: ObjectName.describe(
    "A Secret of this namespace: each entry is a header of the request, such as Authorization. No other host gets them.",
  ).optional(),
  redirectHosts: z.array(HostName).max(8).describe("Hosts that the server may redirect to, beside itself.").optional(),
});

const PvcSource = z.strictObject({
  claimName: shown(
    ObjectName.describe("A PersistentVolumeClaim of this namespace. It is read only."),
    "claimName: models",
  ),
  path: matching(
    z.string().max(1024),
    relativePath,
    "write a path inside the volume, without a slash in front and without empty, . or .. parts, for example iris/v1",
  )
    .describe("A file or a folder in the volume; without it all of the volume.")
    .optional(),
});

const Import = z.strictObject({
  repository: shown(
    matching(
      z.string().max(255),
      /^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)+$/,
      "write a repository without tag or digest, for example registry.example.com/models/iris",
    ).describe("Where the artifact is pushed, and served from."),
    "repository: registry.example.com/models/iris",
  ),
  pushSecret: ObjectName.describe(
    "A Secret of type kubernetes.io/dockerconfigjson in this namespace that may pull and push there.",
  ).optional(),
  pullSecrets: PullSecrets.describe("As for oci: what the artifact is looked at and pulled with.").optional(),
  serviceAccountName: PullServiceAccount.optional(),
  tokenHosts: z
    .array(HostName)
    .max(4)
    .describe("Hosts that the registry sends to for a token, where that is not the registry itself.")
    .optional(),
});

const SourceFields = z.strictObject({
  oci: OciSource.optional(),
  s3: S3Source.describe("Objects of an S3-compatible store.").optional(),
  http: HttpSource.describe("A file of a web server.").optional(),
  pvc: PvcSource.describe("Files of a volume.").optional(),
  import: Import.describe(
    "How content from s3, http or pvc becomes an OCI artifact: a Job of the operator reads it, hashes it and pushes it here.",
  ).optional(),
  pin: z
    .strictObject({
      digest: shown(
        Digest.describe("The sha256 over the list of files (path, size and sha256 of each), as status.source says it."),
        `digest: sha256:${"3f5a".repeat(16)}`,
      ),
    })
    .describe("What the content of s3, http or pvc must be; anything else is not imported.")
    .optional(),
  update: z
    .enum(["Pinned", "Follow"])
    .describe(
      "Pinned: the digest that a tag had when it was first verified is kept, until the reference changes. Follow: the tag is looked up again every followInterval. Of s3, http and pvc the content is looked at again every followInterval: with Follow what changed is imported, with Pinned it is only reported.",
    )
    .default("Pinned"),
  followInterval: Duration.default("5m"),
});

type Fields = z.output<typeof SourceFields>;
const given = ({ oci, s3, http, pvc }: Fields) => [oci, s3, http, pvc].filter((one) => one !== undefined).length;

export const ModelSource = withRules(
  SourceFields,
  {
    rule: `!${isDuration("self.followInterval")} || duration(self.followInterval) >= duration('10s')`,
    message: "followInterval must be at least 10s, for example followInterval: 5m",
    fieldPath: ".followInterval",
  },
  {
    rule: "[has(self.oci), has(self.s3), has(self.http), has(self.pvc)].filter(x, x).size() == 1",
    message:
      "give exactly one of oci, s3, http or pvc, for example oci: {reference: registry.example.com/models/iris:v1}",
    holds: (source) => given(source) === 1,
  },
  {
    rule: "has(self.oci) || has(self.import) || !(has(self.s3) || has(self.http) || has(self.pvc))",
    message:
      "content from s3, http or pvc is pushed as an OCI artifact: say where, for example import: {repository: registry.example.com/models/iris}",
    holds: (source) => source.oci !== undefined || source.import !== undefined || given(source) === 0,
  },
  {
    rule: "!has(self.oci) || !(has(self.import) || has(self.pin))",
    message:
      "import and pin are for s3, http and pvc: an oci source is pinned by its reference, for example registry.example.com/models/iris@sha256: and 64 hexadecimal digits",
    holds: (source) => source.oci === undefined || (source.import === undefined && source.pin === undefined),
  },
);
export type ModelSource = z.output<typeof ModelSource>;

export const SourceStatus = z.object({
  imported: z
    .object({
      digest: Digest.describe("The digest of the artifact that was pushed: what has to be signed."),
      repository: z.string().max(255),
      files: Digest.describe("The sha256 over the list of files: what pin.digest is compared with."),
      count: z.int().min(0),
      bytes: z.int().min(0),
      from: z.string().max(2048).describe("Where it came from."),
      at: Timestamp,
      checkedAt: Timestamp.describe("When the source was looked at last."),
      fingerprint: z.string().max(128).describe("By which the source tells that nothing has changed.").optional(),
      basis: z.string().max(64).describe("A hash of the source as the spec had it."),
    })
    .optional(),
  changed: z
    .object({ files: Digest, seenAt: Timestamp })
    .describe("What the source holds now, where that is not what was imported.")
    .optional(),
});
export type SourceStatus = z.output<typeof SourceStatus>;

/** What a model is called where it is verified: its reference, or the repository that it is imported to. */
export function sourceReference({ oci, import: imports }: Pick<ModelSource, "oci" | "import">): string | undefined {
  return oci?.reference ?? imports?.repository;
}

/** The artifact that is verified and served: the reference as it is written, or what the source was imported as. */
export function servedOci(
  source: ModelSource,
  status:
    | { readonly imported?: Pick<NonNullable<SourceStatus["imported"]>, "repository" | "digest"> | undefined }
    | undefined,
): OciSource | undefined {
  const imported = status?.imported;
  if (source.oci !== undefined || imported === undefined) return source.oci;
  const { pullSecrets, serviceAccountName } = source.import ?? {};
  return {
    reference: `${imported.repository}@${imported.digest}`,
    ...(pullSecrets === undefined ? {} : { pullSecrets }),
    ...(serviceAccountName === undefined ? {} : { serviceAccountName }),
  };
}
