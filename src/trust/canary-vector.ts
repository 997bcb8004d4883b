/** A signature known to be good, made by test/vectors/make-vectors.sh with a key that was thrown away. */
export const canaryVector = {
  digest: "sha256:9ae9a6b1f7edc1770189fb46432b258c4bbe6d2613919762a629578eba675fcc",
  publicKeyPem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEuR/e1koraAklz73rghjdWUnIqQ0K
2OWAmLSY6Dhfsj0ciYVllozNKhz+i48Rokb/9jJG06zXkAoW196AU3VBjA==
-----END PUBLIC KEY-----
`,
  otherKeyPem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEFBtyZ4qajrz63ZwL9c2fBxF40u1M
PZMdOxZJXNyAvQGI0TBkDViQLPvgARauZV6LWJhF86hro6eZSE7WHOR0XA==
-----END PUBLIC KEY-----
`,
  bundle: `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial":{"publicKey":{"hint":"rjND3o69gW6z2IgcODCNziIYZgMtUnkDam350XCti0c="}}, "dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCAic3ViamVjdCI6W3siZGlnZXN0Ijp7InNoYTI1NiI6IjlhZTlhNmIxZjdlZGMxNzcwMTg5ZmI0NjQzMmIyNThjNGJiZTZkMjYxMzkxOTc2MmE2Mjk1NzhlYmE2NzVmY2MifSwgImFubm90YXRpb25zIjp7fX1dLCAicHJlZGljYXRlVHlwZSI6Imh0dHBzOi8vc2lnc3RvcmUuZGV2L2Nvc2lnbi9zaWduL3YxIiwgInByZWRpY2F0ZSI6e319", "payloadType":"application/vnd.in-toto+json", "signatures":[{"sig":"MEUCIQCrkR5vPEVPVpNcQ/BjAoEMml9w4oGYKuSFLH7Yi55B0wIgMAJIj49CrOYwGsi8qbqSyNthZXf0unxvYJKPRD6mKN8="}]}}`,
} as const;
