#!/usr/bin/env bash
# Makes the signatures in this folder with the real cosign, and the one that src/trust/canary.ts holds.
# Run it in the local cluster, which has a registry:  tools/cluster/cluster exec -- test/vectors/make-vectors.sh
# Every private key is thrown away at the end, so each run makes new vectors: run it only for a new version of cosign.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export COSIGN_PASSWORD='' SSL_CERT_FILE=$MLSECOPS_REGISTRY_CA
repository=$MLSECOPS_REGISTRY/vectors/run-$$

cosign version --json >"$here/cosign-version.json"
# No services: neither a transparency log nor a timestamp authority is asked.
cosign signing-config create --out signing-config.json

push() { # TAG TEXT: a small artifact, prints its digest
  mkdir -p "$1"
  printf '%s\n' "$2" >"$1/model.txt"
  pack "$1.tar" "vectors:$1" "$1/model.txt=/model.txt" >&2
  mkdir -p "$1.layout"
  tar -C "$1.layout" -xf "$1.tar"
  crane push "$1.layout" "$repository:$1" >&2
  crane digest "$repository:$1"
}

key_pair() { # NAME: NAME.key and NAME.pub
  case $1 in
    p256 | stranger | canary) cosign generate-key-pair --output-key-prefix "$1" ;;
    p384) openssl ecparam -name secp384r1 -genkey -noout -out raw.pem ;;
    p521) openssl ecparam -name secp521r1 -genkey -noout -out raw.pem ;;
    ed25519) openssl genpkey -algorithm ed25519 -out raw.pem ;;
    rsa2048) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out raw.pem ;;
    rsa4096) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:4096 -out raw.pem ;;
  esac
  if [[ -f raw.pem ]]; then
    cosign import-key-pair --key raw.pem --output-key-prefix "$1"
    rm raw.pem
  fi
}

bundle_of() { # DIGEST: the bundle attached to it since the last time; cosign keeps the list in the order of digests
  local referrer layer
  crane manifest "$repository:${1/:/-}" | node -p 'JSON.parse(fs.readFileSync(0)).manifests.map((m) => m.digest).join("\n")' | sort >now
  referrer=$(comm -13 seen now)
  sort -u seen now -o seen
  layer=$(crane manifest "$repository@$referrer" | node -p 'JSON.parse(fs.readFileSync(0)).layers[0].digest')
  crane blob "$repository@$layer"
}
: >seen

sign() { cosign sign --yes --signing-config signing-config.json --key "$1.key" "$repository@$2"; }

model=$(push model 'the model')
other=$(push other 'another model')
printf '{"model":"%s","other":"%s"}\n' "$model" "$other" >"$here/digests.json"

for name in p256 p384 p521 ed25519 rsa2048 rsa4096 stranger; do
  key_pair "$name"
  sign "$name" "$model"
  bundle_of "$model" >"$here/$name.bundle.json"
  cp "$name.pub" "$here/"
done

# By the trusted key, but about another artifact: what somebody would copy.
sign p256 "$other"
bundle_of "$other" >"$here/other-digest.bundle.json"

# By the trusted key and about the artifact, but not a signature.
printf '{"note":"scanned"}' >predicate.json
cosign attest --yes --signing-config signing-config.json --key p256.key --type https://example.com/scan/v1 \
  --predicate predicate.json "$repository@$model"
bundle_of "$model" >"$here/attestation.bundle.json"

key_pair canary
canary=$(push canary 'a signature known to be good')
sign canary "$canary"
{
  echo '/** A signature known to be good, made by test/vectors/make-vectors.sh with a key that was thrown away. */'
  echo 'export const canaryVector = {'
  echo "  digest: \"$canary\","
  echo "  publicKeyPem: \`$(cat canary.pub)"
  echo '`,'
  echo "  otherKeyPem: \`$(cat stranger.pub)"
  echo '`,'
  echo "  bundle: \`$(bundle_of "$canary")\`,"
  echo '} as const;'
} >"$here/../../src/trust/canary-vector.ts"
