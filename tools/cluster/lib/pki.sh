# shellcheck shell=bash
# One certificate authority and a certificate for each part. Keys are elliptic,
# which openssl makes in milliseconds.

new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }

new_ca() { # NAME
  new_key "$1"
  openssl req -x509 -new -key "$1.key" -subj "/CN=mlsecops-$1" -days 3650 -out "$1.crt" \
    -addext basicConstraints=critical,CA:true -addext keyUsage=critical,keyCertSign,cRLSign
}

new_certificate() { # NAME CA SUBJECT [ALTERNATIVE NAMES]
  new_key "$1"
  openssl req -new -key "$1.key" -subj "$3" -out "$1.csr"
  {
    say basicConstraints=CA:false keyUsage=digitalSignature | tr ' ' '\n'
    say extendedKeyUsage=serverAuth,clientAuth
    if [[ -n ${4:-} ]]; then say "subjectAltName=$4"; fi
  } >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -set_serial "0x$(openssl rand -hex 12)" \
    -days 3650 -extfile "$1.ext" -out "$1.crt"
  rm "$1.csr" "$1.ext"
}

# make_pki: kept for the life of the state directory, so that a second `up` is
# quicker and what was given the authority's certificate keeps working.
make_pki() {
  [[ -e $PKI/complete ]] && return
  rm -rf "$PKI"
  mkdir -p "$PKI"
  chmod 700 "$PKI"
  (
    cd "$PKI"
    new_ca ca
    new_ca front-proxy-ca
    local service=kubernetes.default
    new_certificate apiserver ca /CN=kube-apiserver \
      "DNS:kubernetes,DNS:$service,DNS:$service.svc,DNS:$service.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$NODE_IP,IP:$SERVICE_API"
    new_certificate apiserver-kubelet-client ca /O=system:masters/CN=kube-apiserver-kubelet-client
    new_certificate front-proxy-client front-proxy-ca /CN=front-proxy-client
    new_certificate admin ca /O=system:masters/CN=admin
    new_certificate controller-manager ca /CN=system:kube-controller-manager
    new_certificate scheduler ca /CN=system:kube-scheduler
    new_certificate kube-proxy ca /CN=system:kube-proxy
    new_certificate kubelet ca "/O=system:nodes/CN=system:node:$NODE_NAME" "DNS:$NODE_NAME,IP:$NODE_IP,IP:127.0.0.1"
    new_certificate registry ca "/CN=$REGISTRY_NAME" "DNS:$REGISTRY_NAME,IP:$REGISTRY_IP,DNS:localhost,IP:127.0.0.1"
    openssl genrsa -out service-account.key 2048
    openssl rsa -in service-account.key -pubout -out service-account.pub
    touch complete
  ) >"$LOG/pki.log" 2>&1 || fail_with_log "the certificates could not be made" "$LOG/pki.log"
}

write_kubeconfig() { # FILE CERTIFICATE SERVER
  (
    umask 077
    cat >"$1" <<TEXT
apiVersion: v1
kind: Config
clusters:
- name: $NAME
  cluster: {server: "$3", certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")}
users:
- name: $2
  user: {client-certificate-data: $(base64 -w0 "$PKI/$2.crt"), client-key-data: $(base64 -w0 "$PKI/$2.key")}
contexts:
- name: $NAME
  context: {cluster: $NAME, user: $2}
current-context: $NAME
TEXT
  )
}
