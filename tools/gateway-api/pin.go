// Package gatewayapi pins the Gateway API: tests install its kinds, as its module has them, and nothing of it is built.
package gatewayapi

import _ "sigs.k8s.io/gateway-api/pkg/consts"
