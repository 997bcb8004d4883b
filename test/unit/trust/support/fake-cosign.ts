import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canaryVector } from "../../../../src/trust/canary-vector.ts";

/** A stand-in for the binary, for what the real one does not do when asked: crash, hang, babble. */
export class FakeCosign {
  readonly directory: string;
  readonly path: string;
  /** The private directories go here, so that a test sees whether any is left. */
  readonly tempDir: string;

  private constructor(directory: string) {
    this.directory = directory;
    this.path = join(directory, "cosign");
    this.tempDir = join(directory, "tmp");
  }

  /**
   * `judge` is shell; in it $canary is "yes" when the bundle is the one known to be good, together with its own key,
   * digest and predicate type. The directory of the fake is $0's.
   */
  static async create(judge: string, version = '{"gitVersion": "v3.1.3"}'): Promise<FakeCosign> {
    const fake = new FakeCosign(await mkdtemp(join(tmpdir(), "fake-cosign-")));
    await writeFile(join(fake.directory, "good-key"), canaryVector.publicKeyPem);
    const script = `#!/bin/bash
here=\${0%/*}
if [ "$1" = version ]; then printf '%s\\n' '${version}'; exit 0; fi
for a in "$@"; do case $a in --*=*) n=\${a%%=*}; n=\${n#--}; n=\${n//-/_}; declare "arg_$n=\${a#*=}";; esac; done
canary=no
good=sha256:$arg_digest
if [ "$good" = "${canaryVector.digest}" ] && [ "$(<"$arg_key")" = "$(<"$here/good-key")" ] && [ "$arg_type" = https://sigstore.dev/cosign/sign/v1 ]; then canary=yes; fi
say_ok() { echo "WARNING: something" >&2; echo "Verified OK" >&2; exit 0; }
say_no() { echo "Error: $1" >&2; exit "\${2:-1}"; }
${judge}
`;
    await writeFile(fake.path, script);
    await chmod(fake.path, 0o755);
    await mkdir(fake.tempDir);
    return fake;
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}
